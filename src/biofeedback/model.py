"""The shared nouns: values that travel between layers.

Everything here is frozen, slotted and keyword-only, with tuples inside, and carries
its units in its names. Two families meet in :mod:`biofeedback.pipeline`:

- **Records** go in. Whatever enters the core is a record: a notification from the
  radio, a change of the link, a button, a timer tick. Records are numbered, logged
  and only then processed, so a recording holds all that is needed to do it again.
- **Events** come out. Each is one message of the live websocket, told apart by
  ``kind``.

``t_ns`` is always integer nanoseconds since the start of the session.
``None`` means unknown or not in the packet; zero means zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every value here: immutable, slotted, compared by content."""


# --- Straps and links ---------------------------------------------------------


class LinkState(StrEnum):
    """What a person is told about the connection, in one word."""

    SEARCHING = "searching"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    CONTACT_LOST = "contact_lost"
    STALE = "stale"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class LinkStep(StrEnum):
    """What a driver does with a strap now: :class:`LinkState` looked at closely.

    A link goes ``idle`` → ``scanning`` → ``connecting`` → ``discovering`` →
    ``subscribing`` → ``streaming`` → (``stale`` or ``lost``) → ``backoff`` and begins
    again with ``scanning``.
    """

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    DISCOVERING = "discovering"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    STALE = "stale"
    LOST = "lost"
    BACKOFF = "backoff"


class LinkReason(StrEnum):
    """Why a link is not streaming: a closed set (advice in :mod:`.errors`)."""

    NO_BUS = "no_bus"
    NO_DAEMON = "no_daemon"
    NO_ADAPTER = "no_adapter"
    ADAPTER_OFF = "adapter_off"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    BUSY = "busy"
    TIMEOUT = "timeout"
    PAIRING_NEEDED = "pairing_needed"
    LINK_LOST = "link_lost"
    SLOTS_FULL = "slots_full"
    NO_HEART_RATE = "no_heart_rate"
    HR_ONLY = "hr_only"
    FIRMWARE_OLD = "firmware_old"
    NO_DATA = "no_data"
    NO_CONTACT = "no_contact"
    STOPPED = "stopped"
    INTERNAL = "internal"


class Signal(StrEnum):
    """What a strap may send beside its heart rate, when it is asked to."""

    ECG = "ecg"
    ACC = "acc"
    PPI = "ppi"


class Ask(Value, frozen=True):
    """A signal that is wanted of a strap, at this rate or at the driver's usual one."""

    signal: Signal
    rate_hz: int | None = None


class FoundStrap(Value, frozen=True):
    """A strap a driver can open. ``id`` is unique among all drivers.

    ``profile`` names its :class:`~biofeedback.wire.profiles.StrapProfile`, and
    ``hint`` is a sentence about it, such as that another program holds it.
    """

    id: str
    name: str
    address: str
    rssi_dbm: int | None = None
    profile: str = "heart_rate"
    simulated: bool = False
    hint: str | None = None


class Strap(Value, frozen=True):
    """What a strap says of itself once connected, and what is known of its model.

    ``signals`` are those it offers beside the heart rate; ``profile`` as in
    :class:`FoundStrap`. Its serial number stays in the driver: it points to a person.
    """

    name: str
    model: str | None = None
    manufacturer: str | None = None
    firmware: str | None = None
    battery_pct: int | None = None
    body_location: str | None = None
    profile: str | None = None
    signals: tuple[Signal, ...] = ()


# --- Records: what goes in ----------------------------------------------------


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


class PacerCommand(Record, frozen=True):
    """Asks the pacer for another pace from the next breath on."""

    by: str
    rate_bpm: float
    inhale_pct: float
    hold_in_ms: int = 0
    hold_out_ms: int = 0


class SignalsCommand(Record, frozen=True):
    """Asks the strap for exactly these signals beside its heart rate."""

    by: str
    signals: tuple[Ask, ...]


class Config(Record, frozen=True):
    """What the session runs with: always the first record of a session."""

    algorithm: str
    simulated: bool
    rate_bpm: float
    inhale_pct: float
    hold_in_ms: int = 0
    hold_out_ms: int = 0
    seed: int | None = None
    profile: str | None = None
    signals: tuple[Ask, ...] = ()


class RefereeValues(Value, frozen=True):
    """What NeuroKit2 computed on one window (``None``: it gave no number)."""

    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None
    lf_ms2: float | None
    hf_ms2: float | None


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
    | SignalsCommand
    | Config
    | RefereeReport
)


# --- Beats --------------------------------------------------------------------


class Beat(Value, frozen=True):
    """One heartbeat. ``rr_ms`` is the interval that ends with it.

    ``t_ns`` is the summed RR since the start of ``segment`` placed on the session
    clock, known to ``uncertainty_ms``. A new segment starts at every gap: no
    difference may be taken between beats of two segments.
    """

    index: int
    segment: int
    t_ns: int
    rr_ms: float
    uncertainty_ms: float


class Label(StrEnum):
    """What an interval was judged to be."""

    NORMAL = "normal"
    ARTEFACT = "artefact"
    ECTOPIC = "ectopic"


class Interval(Value, frozen=True):
    """A beat with its judgement: ``rr_ms`` as measured, ``nn_ms`` if normal.

    ``nn_ms`` is ``None`` for anything but a normal interval; ``rr_ms`` is never
    overwritten.
    """

    index: int
    segment: int
    t_ns: int
    rr_ms: float
    label: Label
    nn_ms: float | None


# --- Events: what comes out -----------------------------------------------------


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="unnamed"):
    """One live message; ``t_ms`` is milliseconds since the session started."""

    t_ms: float


class LinkEvent(Event, frozen=True, tag="link"):
    """The link's state in words, and the driver's step. Never dropped."""

    state: LinkState
    step: LinkStep | None
    reason: LinkReason | None
    advice: str | None
    strap: Strap | None
    retry_in_ms: int | None


class HeartEvent(Event, frozen=True, tag="heart"):
    """The rate the strap itself reports (``contact`` ``None``: not supported)."""

    hr_bpm: int | None
    contact: bool | None


class BeatEvent(Event, frozen=True, tag="beat"):
    """One beat, its raw interval and its judgement; ``t_ms`` is the beat's time."""

    index: int
    segment: int
    rr_ms: float
    label: Label
    nn_ms: float | None
    uncertainty_ms: float
    provisional: bool


class WindowMetrics(Value, frozen=True):
    """Time-domain metrics of one window; ``None`` until it holds enough.

    ``coverage`` is seconds of normal intervals divided by the window's length.
    """

    coverage: float
    n_nn: int
    artefact_pct: float
    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None


class Windows(Value, frozen=True):
    """The three live windows, keyed by their length in seconds."""

    w30: WindowMetrics = msgspec.field(name="30")
    w60: WindowMetrics = msgspec.field(name="60")
    w300: WindowMetrics = msgspec.field(name="300")


class Activation(Value, frozen=True):
    """A body-activation band (not estimated yet: always ``None`` for now)."""

    band: str
    confidence: float


class MetricsEvent(Event, frozen=True, tag="metrics"):
    """Once a second: everything the engine knows, and why if it does not.

    ``lf_ms2``, ``hf_ms2``, ``lf_peak_hz`` and ``coherence_ratio`` come from one
    64 s Hann segment; ``rsa_bpm`` and ``rsa_ms`` are peak-to-trough per paced
    breath, averaged.
    """

    window_s: Windows
    lf_ms2: float | None
    hf_ms2: float | None
    lf_peak_hz: float | None
    rsa_bpm: float | None
    rsa_ms: float | None
    coherence_ratio: float | None
    in_phase_pct: float | None
    activation: Activation | None
    suitable: bool
    reason: str | None


class RefereeEvent(Event, frozen=True, tag="referee"):
    """NeuroKit2 on the same window, and the largest difference from ours."""

    window_s: int
    neurokit: RefereeValues
    max_difference: float | None


class PacerEvent(Event, frozen=True, tag="pacer"):
    """The breathing schedule from breath ``from_breath`` on. Never dropped.

    Every screen computes the phase itself. ``origin_ms`` is the instant at which
    breath ``from_breath`` begins; until then the previous schedule holds.
    """

    origin_ms: float
    rate_bpm: float
    inhale_pct: float
    hold_in_ms: int
    hold_out_ms: int
    from_breath: int


class SignalsEvent(Event, frozen=True, tag="signals"):
    """Which signals are asked of the strap from now on. Never dropped."""

    by: str
    signals: tuple[Ask, ...]


class SamplesEvent(Event, frozen=True, tag="samples"):
    """Samples of one signal; ``t_ms`` is the time of the last, on the session clock.

    ``values`` holds ``channels`` numbers per sample, oldest first: the ECG in µV, the
    acceleration in mG along x, y, z. The samples lie ``interval_ms`` apart;
    ``device_ns`` is the strap's own stamp of the last one. Travels as a binary frame
    (``docs/protocol.md``) and has no part in the numbering of the other messages.
    ``source`` as in :class:`Notification`.
    """

    source: str
    signal: Signal
    channels: int
    interval_ms: float
    device_ns: int
    values: tuple[int, ...]


class EntryEvent(Event, frozen=True, tag="event"):
    """A rating, mark, phase or notice. Never dropped."""

    id: str
    type: str
    by: str
    value: float | None
    unit: str | None
    text: str | None
    moment: str | None


AnyEvent: TypeAlias = (
    LinkEvent
    | HeartEvent
    | BeatEvent
    | MetricsEvent
    | RefereeEvent
    | PacerEvent
    | SignalsEvent
    | SamplesEvent
    | EntryEvent
)

KEPT_KINDS: frozenset[str] = frozenset({"link", "pacer", "signals", "event"})
"""Kinds that are never dropped for a slow viewer."""


# --- Sessions -------------------------------------------------------------------


class SessionInfo(Value, frozen=True):
    """What a recording and a screen must know of a session.

    ``person`` is a pseudonym; names never leave the store. ``source`` says where
    the beats come from, so that a simulated or replayed one is always labelled.
    """

    id: str
    started_at_utc_ns: int
    person: str
    plan: str
    source: Literal["strap", "simulated", "replay"]
    simulated: bool
    strap_name: str
    software: str
    replay_of: str | None = None
    speed: float | None = None
