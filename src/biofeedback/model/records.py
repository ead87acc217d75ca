"""Records: what enters the core, in the order of processing."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from biofeedback.model.beats import Baseline, RefereeValues
from biofeedback.model.straps import Ask, LinkReason, LinkState, LinkStep, Strap


class Record(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=str.lower
):
    """Something that entered the core at ``t_ns``."""

    t_ns: int


class Notification(Record, frozen=True):
    """Bytes exactly as a characteristic sent them; ``t_ns`` is their arrival.

    ``source`` names the slot of the device in this session (``"strap"``), and
    ``characteristic`` is the 16-bit UUID in lower case hex (``"2a37"``), or the name
    that :mod:`biofeedback.wire.uuids` has for a longer one (``"pmd_data"``).
    ``"pmd_cp_write"`` holds what we wrote to Polar's control point, so that the frames
    can be understood from the recording alone.
    """

    source: str
    characteristic: str
    data: bytes


class LinkChange(Record, frozen=True):
    """The driver says that the link changed; gaps are explicit records.

    ``step`` is what the driver does now, ``retry_in_ms`` how long it will wait at most
    before it tries again.
    """

    source: str
    state: LinkState
    step: LinkStep | None = None
    reason: LinkReason | None = None
    advice: str | None = None
    strap: Strap | None = None
    retry_in_ms: int | None = None


class Tick(Record, frozen=True):
    """The core's only timer, once a second: a record, hence replayable."""


class Entry(Record, frozen=True):
    """Something a person did or said: a rating, a mark, a phase of practice.

    ``moment`` is ``before``, ``during`` or ``after`` the practice. ``prompt``
    keeps the question word for word, ``latency_ms`` the time taken to answer.
    Never edited: a correction is a new entry that names the old in ``corrects``.
    ``at_ms`` is when it happened on the session's clock, as the screen says, where
    that is known better than by its arrival: the exact start of a phase, or what had
    to wait while the service was out of reach.
    """

    id: str
    type: str
    by: str
    value: float | None = None
    unit: str | None = None
    text: str | None = None
    moment: str | None = None
    prompt: str | None = None
    latency_ms: int | None = None
    device: str | None = None
    corrects: str | None = None
    at_ms: float | None = None


class PacerCommand(Record, frozen=True):
    """Asks the pacer for another pace from the next breath on.

    ``ease_s`` is how long each half breath a minute of the change takes, a breath at
    least; ``None`` changes at once, as older recordings do.
    ``from_rate_bpm`` is where the change begins, instead of at the pace that holds.
    ``origin_ms`` begins a new breath at this instant instead: "I lost it" was tapped.
    """

    by: str
    rate_bpm: float
    inhale_pct: float
    hold_in_ms: int = 0
    hold_out_ms: int = 0
    ease_s: float | None = None
    from_rate_bpm: float | None = None
    origin_ms: float | None = None


class AdaptCommand(Record, frozen=True):
    """Asks the pacer to follow the heart's answer, or to do so no longer."""

    by: str
    on: bool


class SignalsCommand(Record, frozen=True):
    """Asks the strap for exactly these signals beside its heart rate."""

    by: str
    signals: tuple[Ask, ...]


class Config(Record, frozen=True):
    """What the session runs with: always the first record of a session.

    ``rate_bpm`` is ``None`` where nothing paced the breath, as in an imported session;
    ``baseline`` is this person's, of an earlier session of the same day. ``plan`` is
    the whole plan as canonical JSON where the session follows one that is more than a
    name, ``plan_sha256`` its SHA-256, and ``arm`` the id of the arm in it.
    """

    algorithm: str
    simulated: bool
    rate_bpm: float | None
    inhale_pct: float
    hold_in_ms: int = 0
    hold_out_ms: int = 0
    seed: int | None = None
    profile: str | None = None
    signals: tuple[Ask, ...] = ()
    baseline: Baseline | None = None
    plan: str | None = None
    plan_sha256: str | None = None
    arm: str | None = None


class ClockReading(Record, frozen=True):
    """What the civil clock of this computer said at ``t_ns``.

    The session's own clock never steps; this one does, when somebody sets it, when it
    is corrected over the network, or after a suspend. ``utc_offset_s`` is that of its
    time zone, summer time included.
    """

    utc_ns: int
    utc_offset_s: int


class RefereeReport(Record, frozen=True):
    """NeuroKit2's answer from its worker process, with the gap to our engine.

    It enters as a record, like everything that takes an unknown time, so that a
    replay repeats it instead of computing it again. ``max_difference`` is the
    largest absolute difference between NeuroKit2 and the live engine over the
    same intervals, each in its own unit.
    """

    window_s: int
    neurokit: RefereeValues
    max_difference: float | None


AnyRecord: TypeAlias = (
    Notification
    | LinkChange
    | Tick
    | Entry
    | PacerCommand
    | AdaptCommand
    | SignalsCommand
    | Config
    | RefereeReport
    | ClockReading
)
