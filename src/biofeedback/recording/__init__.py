"""Recordings: one MCAP file a session (the format is ``recordings/README.md``)."""
