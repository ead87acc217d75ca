"""One file per step; names begin with ``v`` and the number of the step."""
