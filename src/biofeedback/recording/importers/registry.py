"""Which formats can be imported, and which one a file is of."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.recording.importers.imported import Head, Imported, Options

_HERE = "biofeedback.recording.importers"

MODULES = (
    "wfdb_record",
    "edf",
    "xdf",
    "bids",
    "omh",
    "polar_sensor_logger",
    "openhrv",
    "hrv4training",
    "hrv_logger",
    "empatica",
    "kubios",
    "polar_flow",
    "elite_hrv",
    "plain_rr",
)
"""The most specific first; what reads almost anything comes last."""

KNOWN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"SQLite format 3", "a database"),
    (b"\x89HDF", "an HDF5 file"),
)


class Format(Protocol):
    """What a module of a format has."""

    NAME: str
    TITLE: str

    def matches(self, head: Head) -> bool:
        """Whether a file that begins so is of this format."""
        ...

    def read(self, path: Path, options: Options) -> Imported:
        """Read it."""
        ...


@cache
def formats() -> tuple[Format, ...]:
    """Return the formats in the order in which they are tried."""
    return tuple(cast(Format, import_module(f"{_HERE}.{module}")) for module in MODULES)


def detect(head: Head) -> Format:
    """Return the format of a file by its content.

    Raises
    ------
    RecordingError
        When it is none that can be imported.
    """
    if head.data.startswith(b"\x89MCAP"):
        raise RecordingError(
            f"{head.name} is a recording already.", "It can be used as it is."
        )
    for magic, what in KNOWN:
        if head.data.startswith(magic) and not head.name.endswith(".tsv.gz"):
            raise RecordingError(
                f"{head.name} is {what}, and no file of heartbeats.",
                "Export it as text from the program it came from, or unpack it first.",
            )
    if head.text is not None and head.text.lstrip()[:1] == "<":
        raise RecordingError(
            f"{head.name} is a web page or XML, and no file of heartbeats.",
            "Export the recording as text from the program it came from.",
        )
    for format in formats():
        if format.matches(head):
            return format
    raise RecordingError(
        f"{head.name} is of no format that is known here.",
        "Give RR intervals as text, one a line, or one of these: "
        f"{', '.join(format.TITLE for format in formats())}.",
    )


def read_foreign(
    path: Path, *, format: str | None = None, options: Options | None = None
) -> Imported:
    """Read a file of another program; ``format`` is found if it is not given.

    Raises
    ------
    RecordingError
        When it cannot be read, is of no known format, or is not what it seemed.
    SettingsError
        When there is no such format, or a package is missing that reads it.
    """
    head = Head.of(path)
    if format is None:
        return detect(head).read(path, options or Options())
    for known in formats():
        if known.NAME == format:
            return known.read(path, options or Options())
    raise SettingsError(
        f"There is no format '{format}'.",
        f"Choose one of {', '.join(known.NAME for known in formats())}.",
    )
