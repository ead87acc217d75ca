"""What is told of people and of the link, as JSON without anybody's words.

Everyone on the network can read a stream, so nothing is sent that somebody typed: no
notes, no questions. The name of a phase of the practice is one word from a fixed set.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from biofeedback.model import EntryEvent, LinkEvent, PacerEvent
from biofeedback.session.lsl.streams import About

_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gap"):
    """Live messages that are no longer to be had."""

    t_ms: float
    from_seq: int
    to_seq: int


class Steered(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="replay"
):
    """How a replay goes on: held, at another speed, or from another place."""

    t_ms: float
    state: str
    speed: float
    jumped: bool = False


def _marker(about: About, type: str, t_ms: float, **fields: object) -> str:
    known = {key: value for key, value in fields.items() if value is not None}
    marker: dict[str, Any] = {"type": type, "t_ms": t_ms, **known, **about.labels}
    return msgspec.json.encode(marker).decode()


def of_entry(about: About, event: EntryEvent) -> str:
    """Return a rating, mark, phase or notice, without its text."""
    phase = None
    if event.type == "phase" and event.text and _WORD.fullmatch(event.text):
        phase = event.text
    return _marker(
        about,
        event.type if _WORD.fullmatch(event.type) else "annotation",
        event.t_ms,
        value=event.value,
        unit=event.unit,
        moment=event.moment,
        phase=phase,
        by=event.by,
        id=event.id,
    )


def of_link(about: About, event: LinkEvent) -> str:
    """Return what is known of the link: losses are what explains gaps."""
    strap = event.strap
    return _marker(
        about,
        "link",
        event.t_ms,
        state=event.state,
        reason=event.reason,
        model=strap and strap.model,
        manufacturer=strap and strap.manufacturer,
        firmware=strap and strap.firmware,
        battery_pct=None if strap is None else strap.battery_pct,
    )


def of_pace(about: About, event: PacerEvent) -> str:
    """Return a breathing schedule with all that is needed to compute its phase."""
    return _marker(
        about,
        "pacer",
        event.t_ms,
        origin_ms=event.origin_ms,
        rate_bpm=event.rate_bpm,
        inhale_pct=event.inhale_pct,
        hold_in_ms=event.hold_in_ms,
        hold_out_ms=event.hold_out_ms,
        from_breath=event.from_breath,
    )


def of_gap(about: About, gap: Gap) -> str:
    """Say that messages were lost on their way to LSL."""
    n = gap.to_seq - gap.from_seq + 1
    return _marker(about, "lsl_gap", gap.t_ms, messages=n)


def of_missing(about: About, stream: str, t_ms: float, frames: int) -> str:
    """Say that frames of samples were lost on their way to LSL."""
    return _marker(about, "lsl_gap", t_ms, stream=stream, frames=frames)


def of_jump(about: About, t_ms: float) -> str:
    """Say that the session's clock jumped, as after a computer slept."""
    return _marker(about, "clock_jump", t_ms)


def of_steering(about: About, event: Steered) -> str:
    """Say that a replay begins, is held, goes on, is hurried, or went elsewhere."""
    return _marker(about, "replay", event.t_ms, state=event.state, jumped=event.jumped)


def of_end(about: About, t_ms: float, n_beats: int) -> str:
    """Say that nothing more comes, and how many intervals were sent."""
    return _marker(about, "lsl_end", t_ms, beats=n_beats)
