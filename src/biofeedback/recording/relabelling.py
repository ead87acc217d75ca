"""The layer of labels that people gave to beats after a session.

It lies beside the recording as ``NAME.labels.jsonl``; the recording itself is never
touched. Each line is one judgement of one beat, checksummed by itself and forced to the
disk before the call returns. Lines are only ever added: a later one of the same beat
counts, and the earlier ones tell how it came to that.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Label, Value
from biofeedback.recording import durable
from biofeedback.recording.sealed import RECORDING_SUFFIX, is_there, plain_name

if TYPE_CHECKING:
    from biofeedback.recording.tables import Beats

SUFFIX = ".labels.jsonl"

LONGEST_COMMENT = 500
LONGEST_BY = 40
MAX_BYTES = 32 << 20
"""Some hundred thousand lines: more than anyone types, little enough for memory."""


class Change(Value, frozen=True, kw_only=True):
    """One judgement of one beat.

    Parameters
    ----------
    at_utc_ns
        When it was made: UTC in ns since 1970.
    by
        Who made it: a role or a code, never a name.
    index
        The beat's ``index`` in the recording.
    label
        What it is from now on.
    was
        What it was before this line: the recording's label or the layer's.
    comment
        Why, if that was said.
    """

    at_utc_ns: int
    by: str
    index: int
    label: Label
    was: Label
    comment: str | None = None


class Layer(Value, frozen=True, kw_only=True):
    """What a sidecar says: its lines in order, and what is wrong with the file.

    ``trouble`` is a sentence when lines could not be trusted. They are left out, so no
    beat bears a label that nobody gave; but a beat may have been judged anew in one.
    """

    changes: tuple[Change, ...] = ()
    trouble: str | None = None

    @property
    def latest(self) -> dict[int, Change]:
        """The last judgement of each beat, by its index."""
        return {change.index: change for change in self.changes}

    @property
    def n_relabelled(self) -> int:
        """How many beats bear another label than the recording gives them."""
        first = {change.index: change.was for change in reversed(self.changes)}
        return sum(
            change.label is not first[index] for index, change in self.latest.items()
        )


class _Line(
    msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    at_utc_ns: int
    by: str
    index: int
    label: Label
    was: Label
    comment: str | None = None
    crc32: str


_decoder = msgspec.json.Decoder(_Line)


def sidecar_of(recording: Path) -> Path:
    """Return where the layer of ``recording`` lies: ``a.mcap`` has ``a.labels.jsonl``.

    So has ``a.mcap.age``: the layer itself is never sealed.

    >>> sidecar_of(Path("2026/01HQ.mcap")).as_posix()
    '2026/01HQ.labels.jsonl'
    """
    name = plain_name(recording).name
    return recording.with_name(name.removesuffix(RECORDING_SUFFIX) + SUFFIX)


def read_layer(recording: Path) -> Layer:
    """Return the layer of a recording; an empty one where nobody relabelled a beat.

    Raises
    ------
    RecordingError
        When there is a sidecar that cannot be read at all.
    """
    path = sidecar_of(recording)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Layer()
    except OSError as error:
        raise durable.explained(f"{path.name} cannot be read.", error) from error
    if len(data) > MAX_BYTES:
        raise RecordingError(
            f"{path.name} is larger than {MAX_BYTES >> 20} MiB.",
            "It cannot be a layer of labels: move it elsewhere.",
        )
    changes: list[Change] = []
    bad: list[int] = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            changes.append(_change(line))
        except ValueError:
            bad.append(number)
    torn = bad == [len(lines)]
    return Layer(changes=tuple(changes), trouble=_trouble(path.name, bad, torn=torn))


def append(recording: Path, change: Change, beats: Beats) -> None:
    """Add ``change`` to the layer of a recording; on return it is on the disk.

    Parameters
    ----------
    recording
        The recording, which must be there; it is not opened.
    change
        What was decided.
    beats
        Those of the recording: ``change.index`` must be one of them.

    Raises
    ------
    SettingsError
        When the recording has no such beat, or a text is too long.
    RecordingError
        When the recording is not there, or the disk refuses.
    """
    _check(change, beats)
    if not is_there(recording):
        raise RecordingError(
            f"There is no recording {recording.name}.", "Check the path."
        )
    path = sidecar_of(recording)
    line = _encoded(change) + b"\n"
    try:
        descriptor = _open(path)
        try:
            if not durable.lock(descriptor):
                raise RecordingError(
                    f"Another program is writing to {path.name}.", "Try again."
                )
            if _is_torn(
                descriptor
            ):  # what a power cut left stays there, as its own line
                line = b"\n" + line
            durable.write_all(descriptor, line)
            durable.sync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise durable.explained(
            f"The label could not be kept in {path.name}.", error
        ) from error


def relabelled(beats: Beats, layer: Layer) -> Beats:
    """Return ``beats`` with the newest label of each; arrays that differ are new ones.

    A beat that became normal has its ``rr_ms`` as ``nn_ms``; any other has NaN.
    Whatever a person judged is final.
    """
    latest = layer.latest
    places = np.searchsorted(beats.index, list(latest))
    label, nn_ms, final = beats.label.copy(), beats.nn_ms.copy(), beats.final.copy()
    for place, (index, change) in zip(places.tolist(), latest.items(), strict=True):
        if place >= len(beats) or beats.index[place] != index:
            continue  # a beat of another recording: the sidecar was renamed
        normal = change.label is Label.NORMAL
        label[place] = str(change.label)
        nn_ms[place] = beats.rr_ms[place] if normal else np.nan
        final[place] = True
    return msgspec.structs.replace(beats, label=label, nn_ms=nn_ms, final=final)


def _check(change: Change, beats: Beats) -> None:
    if change.index not in beats.index:
        raise SettingsError(
            f"The recording has no beat {change.index}.",
            "Choose one by the 'index' that stands beside each beat.",
        )
    if not change.by or len(change.by) > LONGEST_BY:
        raise SettingsError(
            "A label needs to say who gave it.",
            f"Give a role or a code of at most {LONGEST_BY} characters.",
        )
    if change.comment is not None and len(change.comment) > LONGEST_COMMENT:
        raise SettingsError(
            "The comment is too long.", f"Use at most {LONGEST_COMMENT} characters."
        )


def _open(path: Path) -> int:
    try:
        return durable.create(path)
    except FileExistsError:
        flags = os.O_RDWR | os.O_APPEND
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.open(path, flags)


def _is_torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    if size == 0:
        return False
    os.lseek(
        descriptor, size - 1, os.SEEK_SET
    )  # O_APPEND writes at the end all the same
    return os.read(descriptor, 1) != b"\n"


def _change(line: bytes) -> Change:
    # A ValueError is all the caller needs to know: the line cannot be trusted.
    try:
        found = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    fields = msgspec.structs.asdict(found)
    crc32 = fields.pop("crc32")
    change = Change(**fields)
    # Written again it must be the very same bytes: a checksum over some of them, or a
    # key that stands there twice, would vouch for too little.
    if crc32 != _crc32(_fields(change)) or _encoded(change) != line:
        raise ValueError("the line does not match its checksum")
    return change


def _fields(change: Change) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(change)
    return {key: value for key, value in fields.items() if value is not None}


def _encoded(change: Change) -> bytes:
    fields = _fields(change)
    return msgspec.json.encode({**fields, "crc32": _crc32(fields)})


def _crc32(fields: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(msgspec.json.encode(sorted(fields.items()))):08x}"


def _trouble(name: str, bad: list[int], *, torn: bool) -> str | None:
    if not bad:
        return None
    if torn:
        return (
            f"The last line of {name} was not written to its end, as when the power "
            "fails: that label is left out. Give it again."
        )
    if len(bad) == 1:
        return (
            f"Line {bad[0]} of {name} is damaged and left out: a beat may have been "
            "judged anew in it. Restore the file from a copy, or look at its beats "
            "again."
        )
    return (
        f"{len(bad)} lines of {name} are damaged and left out, the first is line "
        f"{bad[0]}: beats may have been judged anew in them. Restore the file from a "
        "copy, or look at its beats again."
    )
