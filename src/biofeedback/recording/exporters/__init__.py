"""Recordings as files of other programs: a module a format, each read back in tests."""
