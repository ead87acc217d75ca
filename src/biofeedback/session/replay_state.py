"""Where a replay is: a message of its own, so nobody takes it for a live session."""

from __future__ import annotations

from typing import Literal

import msgspec

from biofeedback.model import Value
from biofeedback.session.transcript import PROTOCOL_VERSION, Message


class Loop(Value, frozen=True):
    """From where to where a replay goes round, in ms since the session started."""

    from_ms: float
    to_ms: float


def state_message(
    *,
    seq: int,
    state: Literal["playing", "paused", "ended"],
    speed: float | None,
    position_ms: float,
    duration_ms: float | None,
    loop: Loop | None = None,
    jumped: bool = False,
) -> Message:
    """Return the ``replay`` message; it takes no number of its own.

    Its ``seq`` is that of the message before it. A ``speed`` of ``None`` is as fast as
    can be. After a jump (``jumped``) what was shown before no longer holds.
    """
    fields = {
        "v": PROTOCOL_VERSION,
        "seq": seq,
        "t_ms": position_ms,
        "kind": "replay",
        "state": state,
        "speed": speed,
        "position_ms": position_ms,
        "duration_ms": duration_ms,
        "loop": msgspec.to_builtins(loop),
        "jumped": jumped,
    }
    return Message(
        seq=seq, kind="replay", t_ms=position_ms, data=msgspec.json.encode(fields)
    )
