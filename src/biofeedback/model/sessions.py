"""What a recording and a screen know of a session."""

from __future__ import annotations

from typing import Literal

from biofeedback.model.values import Value


class SessionInfo(Value, frozen=True):
    """What a recording and a screen must know of a session.

    ``person`` is a pseudonym; names never leave the store. ``source`` says where
    the beats come from, so that a simulated or replayed one is always labelled.
    ``device_hash`` tells one strap from another and leads to none.
    """

    id: str
    started_at_utc_ns: int
    person: str
    plan: str
    source: Literal["strap", "simulated", "replay", "imported"]
    simulated: bool
    strap_name: str
    software: str
    replay_of: str | None = None
    speed: float | None = None
    device_hash: str | None = None
