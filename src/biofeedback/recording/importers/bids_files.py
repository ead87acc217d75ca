"""The files of a BIDS run: which belong together, what describes them, their text."""

from __future__ import annotations

import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.imported import decoded, read_bytes

LARGEST_BYTES = 512 * 1024 * 1024
LEVELS = 4
"""How many folders up a description is looked for: dataset/sub/ses/beh."""

NAMED = re.compile(r"(?P<stem>.+)_(physio|physioevents|events)\.(tsv(\.gz)?|json)")
_RECORDING = re.compile(r"_recording-[0-9A-Za-z+]+")


def run_of(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the samples and the events of the run that a file belongs to."""
    named = NAMED.fullmatch(path.name)
    if named is None:
        return ([path], [])
    run = _RECORDING.sub("", named["stem"])
    physio, events = [], []
    for one in sorted(path.parent.iterdir()):
        other = NAMED.fullmatch(one.name)
        if other is None or _RECORDING.sub("", other["stem"]) != run:
            continue
        if one.name.endswith(("_physio.tsv", "_physio.tsv.gz")):
            physio.append(one)
        elif one.name.endswith("_events.tsv"):
            events.append(one)
    return physio, events


def sidecar_of(path: Path) -> dict[str, Any]:
    """Return the description of a file: the nearest says most.

    A description further up holds for all files whose name has each of its labels.
    """
    bare = path.name.removesuffix(".gz").removesuffix(".tsv")
    labels = set(bare.split("_"))
    told: dict[str, Any] = {}
    levels = [path.parent, *list(path.parent.parents)[: LEVELS - 1]]
    for folder in reversed(levels):
        fitting = [
            one
            for one in folder.glob(f"*{bare.rpartition('_')[2]}.json")
            if set(one.name.removesuffix(".json").split("_")) <= labels
        ]
        for one in sorted(fitting, key=lambda each: len(each.name)):
            described = _json(one)
            told |= described
    return told


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RecordingError(
            f"{path.name} is not whole JSON.", "Export or copy it once more."
        ) from error
    if not isinstance(found, dict):
        raise RecordingError(
            f"{path.name} does not describe columns.", "It has to be a JSON object."
        )
    return found


def text_of(path: Path, notes: list[str]) -> str:
    """Return a file's text, unpacked as far as it can be."""
    data = read_bytes(path)
    if path.suffix == ".gz":
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, LARGEST_BYTES)
        except zlib.error as error:
            raise RecordingError(
                f"{path.name} is not a whole gzip file, or is damaged.",
                "Export or copy it once more.",
            ) from error
        if unpacker.unconsumed_tail:
            raise RecordingError(
                f"{path.name} unpacks to more than {LARGEST_BYTES >> 20} MiB.",
                "Split it into shorter runs.",
            )
        if not unpacker.eof:
            notes.append(f"{path.name} ends early: what is there was read.")
            data = data[: data.rfind(b"\n") + 1]
    text = decoded(data)
    if text is None:
        raise RecordingError(
            f"{path.name} is not a text of numbers.", "Export or copy it once more."
        )
    return text


def cell_value(cell: str) -> float | None:
    """Return a number, NaN for ``n/a``, ``None`` for anything else."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if cell.strip() in ("n/a", "") else None
    return value if math.isfinite(value) else math.nan


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, or says that there is none."""
    return cell_value(cell) is not None
