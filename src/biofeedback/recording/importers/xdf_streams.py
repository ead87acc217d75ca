"""The streams of an XDF file: what they are called, and what that makes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.importers.imported import Options
from biofeedback.recording.importers.parts import is_ecg

RR_NAME = re.compile(r"(?<![a-z])(rr|rri|ibi|nn|ppi|rr[-_ ]?intervals?)(?![a-z])", re.I)
_HR = re.compile(r"(?<![a-z])(hr|bpm|heart[-_ ]?rate)(?![a-z])", re.I)
_ACC = re.compile(r"(?<![a-z])acc(?:el)?(?![a-z])|acceler", re.I)


class Stream(Value, frozen=True):
    """A stream on the common clock: ``values`` is (n, channels), text for markers."""

    name: str
    type: str
    rate_hz: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    t_s: Any
    values: Any
    device: str

    @property
    def is_text(self) -> bool:
        """Whether it holds markers in words."""
        return isinstance(self.values, list)

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Whether its type says it, or its name where the type says nothing."""
        return bool(pattern.search(self.type) or pattern.search(self.name))


def stream_of(raw: dict[str, Any]) -> Stream:
    """Return a stream of those that ``pyxdf.load_xdf`` returns."""
    info = raw["info"]
    stamps = np.asarray(raw["time_stamps"], np.float64)
    values = raw["time_series"]
    if not isinstance(values, list):
        values = np.asarray(values, np.float64).reshape(
            len(stamps), int(text_at(info, "channel_count") or 1)
        )
        known = np.isfinite(stamps)
        stamps, values = stamps[known], values[known]
    desc = _child(info, "desc")
    channels = _children(_child(desc, "channels"), "channel")
    acquired = _child(desc, "acquisition")
    return Stream(
        name=text_at(info, "name"),
        type=text_at(info, "type"),
        rate_hz=float(text_at(info, "nominal_srate") or 0),
        labels=tuple(text_at(each, "label").lower() for each in channels),
        units=tuple(text_at(each, "unit") for each in channels),
        t_s=stamps,
        values=values,
        device=text_at(acquired, "model")
        or text_at(desc, "model")
        or text_at(desc, "device"),
    )


def from_zero(streams: list[Stream]) -> list[Stream]:
    """Count all stamps from the first: the clock has run since the computer did."""
    stamped = [float(each.t_s.min()) for each in streams if len(each.t_s)]
    zero_s = min(stamped, default=0.0)
    return [msgspec.structs.replace(each, t_s=each.t_s - zero_s) for each in streams]


def _children(parent: object, key: str) -> list[Any]:
    found = parent.get(key) if isinstance(parent, dict) else None
    return found if isinstance(found, list) else []


def _child(parent: object, key: str) -> object:
    return next(iter(_children(parent, key)), None)


def text_at(parent: object, key: str) -> str:
    """Return the text of an element in pyxdf's form of XML; empty: none."""
    found = _child(parent, key)
    return found.strip() if isinstance(found, str) else ""


def by_kind(
    path: Path, streams: list[Stream], options: Options, notes: list[str]
) -> dict[str, list[Stream]]:
    """Sort streams by what they hold; what nobody knows is named in the notes."""
    found: dict[str, list[Stream]] = {}
    named = None if options.column is None else options.column.strip().lower()
    if named is not None and named not in {each.name.lower() for each in streams}:
        there = ", ".join(f"'{each.name}'" for each in streams)
        raise RecordingError(
            f"{path.name} has no stream '{options.column}'.", f"It has {there}."
        )
    unknown = []
    for stream in streams:
        kind = _kind(stream)
        if named is not None and kind in ("rr", "ecg", None):
            if stream.name.lower() != named:
                continue
            kind = kind or ("ecg" if stream.rate_hz > 0 else "rr")
        if kind is None:
            unknown.append(stream.name or stream.type)
        elif len(stream.t_s):
            found.setdefault(kind, []).append(stream)
    if unknown:
        notes.append(f"Streams that were not read: {', '.join(unknown)[:200]}.")
    for kind in ("rr", "ecg", "acc", "hr"):
        if len(found.get(kind, [])) > 1:
            first, *rest = (each.name for each in found[kind])
            notes.append(
                f"Of several streams of {kind.upper()}, '{first}' was read and "
                f"{', '.join(repr(each) for each in rest)[:200]} not."
            )
    return found


def _kind(stream: Stream) -> str | None:
    if stream.is_text or stream.type.lower() in ("markers", "marker", "events"):
        return "marker"
    for text in (stream.type, stream.name):
        if RR_NAME.search(text) and stream.rate_hz == 0:
            return "rr"
        if is_ecg(text) and stream.rate_hz > 0:
            return "ecg"
        if _ACC.search(text) and stream.rate_hz > 0 and stream.values.shape[1] >= 3:
            return "acc"
        if _HR.search(text):
            return "hr"
    return None
