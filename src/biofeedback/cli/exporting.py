"""The command `export`: a recording as files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.options import File


def export(
    file: File,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            show_default=False,
            help="csv, kubios, elite-hrv, bids, edf, wfdb, fhir, omh, parquet or xdf.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="A new file or folder; nothing is overwritten.",
        ),
    ],
    free_text: Annotated[
        bool,
        typer.Option("--free-text", help="Keep notes as they were typed."),
    ] = False,
    dates: Annotated[
        bool, typer.Option("--dates", help="Keep dates; else only times of day.")
    ] = False,
) -> None:
    """Write a recording in another format, without dates and typed text."""
    import time

    from biofeedback.cli.terminal import notice
    from biofeedback.recording.exporters.options import ExportOptions
    from biofeedback.recording.exporters.registry import export as export_to

    options = ExportOptions(
        free_text=free_text, dates=dates, created_at_utc_ns=time.time_ns()
    )
    exported = export_to(file, to, out, options)
    for path in exported.paths:
        print(path)
    for note in exported.notes:
        notice(note)
