"""Sessions of elsewhere: a viewer on one node, the session on another.

The node that runs a session offers it (``offering``): it answers requests, and sends
``envelopes`` while somebody elsewhere wants them. A node with a viewer keeps a
``mirror``: the messages of the session, put in order by ``merging``. ``neighbours``
knows which sessions there are elsewhere, and holds a mirror while it is wanted.
Commands go the other way (``steering``); the session's own node follows them.
"""
