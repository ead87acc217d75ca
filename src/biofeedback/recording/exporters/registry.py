"""Which formats a recording can be exported to; a module is imported when asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from biofeedback.errors import SettingsError
from biofeedback.recording.exporters.options import Exported, ExportOptions, fresh

if TYPE_CHECKING:
    from biofeedback.recording.reader import Recording
    from biofeedback.recording.tables import Tables

_HERE = "biofeedback.recording.exporters"

FORMATS: dict[str, str] = {
    "csv": f"{_HERE}.csv_tables",
    "kubios": f"{_HERE}.kubios",
    "elite-hrv": f"{_HERE}.elite_hrv",
    "bids": f"{_HERE}.bids",
    "edf": f"{_HERE}.edf",
    "wfdb": f"{_HERE}.wfdb_record",
    "fhir": f"{_HERE}.fhir",
    "omh": f"{_HERE}.omh",
    "parquet": f"{_HERE}.parquet",
    "xdf": f"{_HERE}.xdf",
}
"""Module of each format, by the name that ``export --to`` takes."""


class Exporter(Protocol):
    """What the module of a format offers."""

    NAME: str
    TITLE: str
    FOLDER: bool

    def write(self, tables: Tables, out: Path, options: ExportOptions) -> Exported:
        """Write ``tables`` to ``out``: a new file, or a new folder if ``FOLDER``."""
        ...


def exporter(name: str) -> Exporter:
    """Return the module of a format.

    Raises
    ------
    SettingsError
        When there is no such format.
    """
    module = FORMATS.get(name.lower())
    if module is None:
        raise SettingsError(
            f"There is no export format '{name}'.", f"Choose {', '.join(FORMATS)}."
        )
    return cast(Exporter, import_module(module))


def export(
    path: Path | Recording,
    name: str,
    out: Path,
    options: ExportOptions,
    *,
    masked: Callable[[Tables], Tables] | None = None,
) -> Exported:
    """Export a recording, of which every checksum is tested first.

    ``masked`` puts something else in place of what may not leave.

    Raises
    ------
    RecordingError
        When the recording is damaged, or ``out`` is there already.
    SettingsError
        When there is no such format, or it needs a package that is not installed.
    """
    chosen = exporter(name)
    fresh(out)
    from biofeedback.recording.tables import read_tables

    tables = read_tables(path)
    return chosen.write(tables if masked is None else masked(tables), out, options)
