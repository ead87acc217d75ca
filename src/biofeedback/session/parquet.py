"""Parquet files that are whole or not there: checked, forced to the disk, renamed.

A checksum lies under every page of values. There is none under the footer, which the
format does not foresee.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from biofeedback.errors import NotSoError, PackageError, RecordingError
from biofeedback.recording import durable

if TYPE_CHECKING:
    import pyarrow as pa


def arrow() -> ModuleType:
    """Return the library for Parquet.

    Raises
    ------
    SettingsError
        When it is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise PackageError("Writing Parquet", "pyarrow", "research") from error
    found: ModuleType = pa
    return found


def write(path: Path, rows: pa.Table, metadata: Mapping[str, str]) -> None:
    """Write a file that is there as a whole or not at all, whatever ends us.

    Raises
    ------
    NotSoError
        When it cannot be written.
    """
    import pyarrow.parquet as pq

    half = path.with_name(f".{path.name}.tmp")  # no pattern for *.parquet finds it
    try:
        with os.fdopen(durable.create(half), "wb") as file:
            pq.write_table(
                rows.replace_schema_metadata(dict(metadata)),
                file,
                compression="zstd",
                write_page_checksum=True,
            )
            file.flush()
            durable.sync(file.fileno())
        half.replace(path)
        durable.sync_folder(path.parent)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise NotSoError(
            f"'{path}' cannot be written: {error.strerror}.",
            "Make room or choose another place, and start again: what was kept is "
            "not computed again.",
        ) from error


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a file, or some of its columns, with its checksums verified.

    Raises
    ------
    RecordingError
        When it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            return pq.read_table(
                file,
                columns=None if columns is None else list(columns),
                page_checksum_verification=True,
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path) from error


def about(path: Path) -> tuple[int, dict[str, str]]:
    """Return how many rows a file holds, and its metadata.

    Raises
    ------
    RecordingError
        When it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            found = pq.read_metadata(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path) from error
    pairs = (found.metadata or {}).items()
    return found.num_rows, {k.decode("latin-1"): v.decode("latin-1") for k, v in pairs}


def damaged(path: Path) -> RecordingError:
    """Return the error that says so."""
    return RecordingError(
        f"'{path}' is damaged.",
        "Remove it and start again: what it held is computed anew.",
    )
