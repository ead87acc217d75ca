"""Events: what comes out, one live message each."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from biofeedback.model.beats import Label, RefereeValues
from biofeedback.model.straps import Ask, LinkReason, LinkState, LinkStep, Signal, Strap
from biofeedback.model.values import Value


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
    """One beat, its raw interval and its judgement; ``t_ms`` is the beat's time.

    Told at once, and again with the same ``index`` whenever its judgement has changed;
    ``provisional`` until that is final. A final one that is as it was told is not told
    again: ``settled_index`` of the metrics says how far they are.
    """

    index: int
    segment: int
    rr_ms: float
    label: Label
    nn_ms: float | None
    uncertainty_ms: float
    provisional: bool


class WindowMetrics(Value, frozen=True):
    """Time-domain metrics of one window; ``None`` until it holds enough.

    ``coverage`` is seconds of normal intervals divided by the window's length. The
    values are ``provisional`` while one of its intervals may yet be judged otherwise.
    """

    coverage: float
    n_nn: int
    artefact_pct: float
    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None
    provisional: bool = False


class Windows(Value, frozen=True):
    """The three live windows, keyed by their length in seconds."""

    w30: WindowMetrics = msgspec.field(name="30")
    w60: WindowMetrics = msgspec.field(name="60")
    w300: WindowMetrics = msgspec.field(name="300")


class Breathing(Value, frozen=True):
    """How fast somebody breathes, as measured.

    ``confidence`` is 0 to 1; ``source`` is ``acc`` (the chest moves the strap) or
    ``rr`` (the heart answers the breath).
    """

    breaths_per_min: float
    confidence: float
    source: str


class Activation(Value, frozen=True):
    """Body activation (estimate), against this person's own baseline of the day.

    ``band`` is ``lower``, ``usual`` or ``higher``; ``low`` and ``high`` bound the score
    (in the baseline's standard deviations) in 90 of 100 cases; ``confidence`` is 0 to
    1; ``baseline_s`` is how long the baseline is.
    """

    band: str
    low: float
    high: float
    confidence: float
    baseline_s: float


class MetricsEvent(Event, frozen=True, tag="metrics"):
    """Once a second: everything the engine knows, and why if it does not.

    ``lf_ms2`` and ``hf_ms2`` are means over ``power_s`` seconds of final judgements, up
    to five minutes. ``lf_peak_hz`` and ``coherence_ratio`` are of the newest 64 s.
    ``rsa_bpm`` and ``rsa_ms`` are peak-to-trough per paced breath, averaged;
    ``phase_deg`` is how far the heart lags the pacer, and ``in_phase_pct`` how many
    breaths kept to it. ``followed`` says whether the measured breath was the pacer's.
    Beats up to ``settled_index`` are judged for good.
    """

    window_s: Windows
    lf_ms2: float | None
    hf_ms2: float | None
    power_s: int | None
    lf_peak_hz: float | None
    rsa_bpm: float | None
    rsa_ms: float | None
    coherence_ratio: float | None
    phase_deg: float | None
    in_phase_pct: float | None
    breathing: Breathing | None
    followed: bool | None
    activation: Activation | None
    activation_reason: str | None
    suitable: bool
    reason: str | None
    settled_index: int | None


class RestatedEvent(Event, frozen=True, tag="restated"):
    """The windows told at ``at_ms`` again, by final judgements that differ.

    An instant is restated once at most, when all of its beats are settled.
    """

    at_ms: float
    window_s: Windows


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
    ``device_ns`` is the strap's own stamp of the last one. A new ``segment`` starts
    where samples are missing or the strap's clock was set: no line may be drawn
    across. ``uncertainty_ms`` bounds the error of ``t_ms``, but for the constant part
    of the delay; ``drift_ppm`` is how much slower than the session's clock the strap's
    runs, ``None`` until three minutes are known. Travels as a binary frame
    (``docs/protocol.md``) and has no part in the numbering of the other messages.
    ``source`` as in :class:`Notification`.
    """

    source: str
    signal: Signal
    channels: int
    interval_ms: float
    device_ns: int
    segment: int
    uncertainty_ms: float
    drift_ppm: float | None
    values: tuple[int, ...]


class EntryEvent(Event, frozen=True, tag="event"):
    """A rating, mark, phase or notice. Never dropped.

    ``at_ms`` is there where it happened at another time than it was heard of.
    """

    id: str
    type: str
    by: str
    value: float | None
    unit: str | None
    text: str | None
    moment: str | None
    at_ms: float | msgspec.UnsetType = msgspec.UNSET


AnyEvent: TypeAlias = (
    LinkEvent
    | HeartEvent
    | BeatEvent
    | MetricsEvent
    | RestatedEvent
    | RefereeEvent
    | PacerEvent
    | SignalsEvent
    | SamplesEvent
    | EntryEvent
)

KEPT_KINDS: frozenset[str] = frozenset({"link", "pacer", "signals", "event"})
"""Kinds that are never dropped for a slow viewer."""
