"""The command `import`: files of other programs as recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.terminal import notice


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE ...")],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", show_default=False, help="Where recordings go."),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            metavar="ISO", help="When it began, for files that do not say so."
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its format; else it is recognised."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The RR column of a text file: name or number.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="ms|s", help="Unit of the RR column.")
    ] = None,
    person: Annotated[
        str, typer.Option(help="A pseudonym for whose heart it is.")
    ] = "imported",
) -> None:
    """Make recordings of foreign files: they can be replayed and exported."""
    from biofeedback.cli.bar import watched
    from biofeedback.errors import BiofeedbackError, SettingsError
    from biofeedback.recording.importers.imported import Options
    from biofeedback.session.importing import import_file

    if unit not in (None, "ms", "s"):
        raise SettingsError(f"There is no unit '{unit}' of RR.", "Give ms or s.")
    options = Options(column=column, unit=unit, start_utc_ns=_start(start))
    refused = 0
    for file in watched(files, len(files), "Importing"):
        try:
            report = import_file(
                file, out, person=person, format=format, options=options
            )
        except BiofeedbackError as error:
            if len(files) == 1:
                raise
            refused += 1
            notice(f"{file.name}: {error}")
            continue
        print(
            f"{report.path}: {report.format}, {report.n_beats} beats in "
            f"{report.duration_s:.0f} s"
        )
        for note in report.notes:
            notice(f"{file.name}: {note}")
    raise typer.Exit(1 if refused else 0)


def _start(text: str | None) -> int | None:
    from datetime import UTC, datetime

    from biofeedback.errors import SettingsError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"'{text}' is no date and time.", "Give one like 2026-11-26T10:15:00+01:00."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        notice("--start has no time zone; it is read as UTC.")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1000
