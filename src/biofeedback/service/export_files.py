"""An export as one file to send: made in a temporary folder that is gone at once."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    iso_utc,
)
from biofeedback.recording.exporters.registry import export, exporter
from biofeedback.recording.relabelling import Layer, read_layer
from biofeedback.service.deidentified import Mask

SUFFIXES = {
    "kubios": ".txt",
    "elite-hrv": ".txt",
    "edf": ".edf",
    "fhir": ".json",
    "omh": ".json",
    "parquet": ".parquet",
    "xdf": ".xdf",
}
"""What a file of each format is called; folders have none."""

MEDIA_TYPES = {
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".zip": "application/zip",
}

DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The times of files in a ZIP would tell when the export was made."""


class ExportFile(NamedTuple):
    """One file to send; closing ``file`` removes it from the disk."""

    file: BinaryIO
    name: str
    size_bytes: int
    media_type: str


def exported(
    path: Path,
    id: str,
    format: str,
    options: ExportOptions,
    *,
    mask: Mask | None = None,
) -> ExportFile:
    """Return a recording in another format, as one file. Blocks.

    What is a folder, or has something to say beside it (notes, a layer of labels),
    comes as a ZIP. With a ``mask`` it tells no more than a researcher may see; ``id``
    is then the code of the session.

    Raises
    ------
    RecordingError
        When the recording is damaged, or holds nothing of what the format is for.
    SettingsError
        When there is no such format, or it needs a package that is not installed.
    """
    chosen = exporter(format)
    format = chosen.NAME
    stem = f"biofeedback-{options.identifier(id)[:26].lower()}"
    folder = Path(tempfile.mkdtemp(prefix="biofeedback-export-"))
    file = tempfile.TemporaryFile()
    try:
        name = stem if chosen.FOLDER else stem + SUFFIXES.get(format, "")
        layer = read_layer(path)
        masked = None
        if mask is not None:
            masked = partial(mask.tables, free_text=options.free_text)
            layer = mask.layer(layer)
        done = export(path, format, folder / name, options, masked=masked)
        if len(done.paths) == 1 and not done.notes and not layer.changes:
            with done.paths[0].open("rb") as source:
                shutil.copyfileobj(source, file)
            name = done.paths[0].name
        else:
            _zip(file, folder, stem, done, layer, options)
            name = f"{stem}-{format}.zip"
        size_bytes = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    media_type = MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
    return ExportFile(file, name, size_bytes, media_type)


def _zip(
    file: BinaryIO,
    folder: Path,
    stem: str,
    done: Exported,
    layer: Layer,
    options: ExportOptions,
) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in done.paths:
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), DOS_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(info, "w") as target:
                shutil.copyfileobj(source, target)
        if done.notes:
            text = "\n".join(done.notes) + "\n"
            archive.writestr(zipfile.ZipInfo(f"{stem}-notes.txt", DOS_EPOCH), text)
        if layer.changes:
            text = _layer_csv(layer, options)
            archive.writestr(zipfile.ZipInfo(f"{stem}-labels.csv", DOS_EPOCH), text)


def _layer_csv(layer: Layer, options: ExportOptions) -> str:
    # The export itself holds the recording's own labels; the layer lies beside them.
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("index", "label", "was", "by", "at_utc", "comment"))
    for change in layer.changes:
        at_utc = iso_utc(change.at_utc_ns) if options.dates else ""
        comment = (change.comment or "") if options.free_text else ""
        writer.writerow(
            (change.index, change.label, change.was, change.by, at_utc, comment)
        )
    return out.getvalue()
