"""The command line: puts the parts together and speaks to the person at the terminal.

Nothing heavy is imported at the top of any file here, so that ``--help`` answers at
once; each command brings in what it needs.
"""

from __future__ import annotations

from biofeedback.cli.app import app, main

__all__ = ["app", "main"]
