"""``python -m biofeedback.cli``: the same as ``biofeedback``."""

from __future__ import annotations

from biofeedback.cli import main

if __name__ == "__main__":
    main()
