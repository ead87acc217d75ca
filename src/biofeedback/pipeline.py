"""From records to events: bytes go in with a time, values come out.

This joins :mod:`~biofeedback.wire`, :mod:`~biofeedback.signal` and
:mod:`~biofeedback.practice`, and does nothing else. It neither waits nor asks for the
time: the same records in the same order give the same events, live or in a replay.

The way of one heartbeat: ``Notification`` → :class:`HeartRateMeasurement` → ``Beat``
→ ``Interval`` → windows → ``MetricsEvent``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from biofeedback.errors import ADVICE
from biofeedback.model import (
    AnyEvent,
    AnyRecord,
    Beat,
    BeatEvent,
    Config,
    Entry,
    EntryEvent,
    HeartEvent,
    Interval,
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    MetricsEvent,
    Notification,
    PacerCommand,
    PacerEvent,
    RefereeEvent,
    RefereeReport,
    Strap,
    Tick,
    WindowMetrics,
    Windows,
)
from biofeedback.practice import pacer
from biofeedback.practice.phases import begins_practice
from biofeedback.signal.artefacts import Judge
from biofeedback.signal.beats import BeatClock
from biofeedback.signal.conformity import RefereeWindow
from biofeedback.signal.frequency_domain import Spectrum
from biofeedback.signal.respiration import RECENT_NS
from biofeedback.signal.windows import LiveWindows
from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.heart_rate import HeartRateMeasurement

ALGORITHM = "biofeedback-signal/1"
"""Changes whenever the same records would give other numbers."""

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

STALE_NS = 5 * NS_PER_S
"""Silence after which a streaming link is called stale (straps send each second)."""

EXACT = 9
"""Decimals of RMSSD and SDNN in live messages: within 1e-9 ms of the engine's."""

FINE = 6
ROUGH = 3
"""Decimals of the rest. More would be noise that no packer can pack: full floats would
make up a quarter of a recording."""

HR_ONLY_NS = 10 * NS_PER_S
"""Streaming for so long without one RR interval: this strap sends none."""


class Pipeline:
    """Holds one session's state; :meth:`receive` is all there is to call.

    Attributes
    ----------
    intervals
        Every interval of the session so far, judged.
    schedule
        The pacer's schedule so far.
    entries
        Every entry so far.
    """

    def __init__(self) -> None:
        self.intervals: list[Interval] = []
        self.schedule: tuple[PacerEvent, ...] = ()
        self.entries: list[Entry] = []
        self.simulated = False
        self._beats = BeatClock()
        self._judge = Judge()
        self._windows = LiveWindows()
        self._link = LinkState.SEARCHING
        self._why: tuple[LinkReason | None, str | None] = (None, None)
        self._strap: Strap | None = None
        self._heard_ns = 0  # the last notification, or the start of the stream
        self._streaming_since_ns = 0
        self._seen_rr = False
        self._said_hr_only = False
        self._now_ns = 0
        self._paced_from_ms = 0.0

    def receive(self, record: AnyRecord) -> tuple[AnyEvent, ...]:
        """Process one record and return what is to be told, in order."""
        self._now_ns = record.t_ns
        match record:
            case Notification():
                return tuple(self._notification(record))
            case Tick():
                return tuple(self._tick(record))
            case LinkChange():
                return tuple(self._link_change(record))
            case Entry():
                return (self._entry(record),)
            case PacerCommand():
                return (self._pace(record),)
            case Config():
                self.simulated = record.simulated
                return (self._pace(record),)
            case RefereeReport():
                return (
                    RefereeEvent(
                        t_ms=_ms(record.t_ns),
                        window_s=record.window_s,
                        neurokit=record.neurokit,
                        max_difference=record.max_difference,
                    ),
                )
            case _:
                assert_never(record)

    def flush(self) -> None:
        """Take in the beats still held back, at the end of a session."""
        for beat in self._beats.flush():
            self._take(beat)

    # --- Notifications: bytes to beats --------------------------------------------

    def _notification(self, record: Notification) -> Iterator[AnyEvent]:
        match record.characteristic:
            case "2a37":
                yield from self._heart_rate(record)
            case "2a19":
                yield from self._battery(record)
            case _:
                pass  # recorded for tomorrow's analysis; nothing to say today

    def _heart_rate(self, record: Notification) -> Iterator[AnyEvent]:
        packet = HeartRateMeasurement.from_bytes(record.data)
        self._heard_ns = record.t_ns
        if packet.contact is False:
            if self._link is not LinkState.CONTACT_LOST:
                yield self._say(LinkState.CONTACT_LOST, LinkReason.NO_CONTACT)
        elif self._link in (LinkState.STALE, LinkState.CONTACT_LOST):
            hr_only = self._said_hr_only and not (self._seen_rr or packet.rr_1024)
            yield self._say(
                LinkState.STREAMING, LinkReason.HR_ONLY if hr_only else None
            )
        yield HeartEvent(
            t_ms=_ms(record.t_ns),
            hr_bpm=packet.hr_bpm or None,  # a rate of 0 means: not measured
            contact=packet.contact,
        )
        if packet.rr_1024:
            self._seen_rr = True
        yield from self._measured(record.t_ns, packet.rr_1024 or ())

    def _measured(self, t_ns: int, rr_1024: tuple[int, ...]) -> Iterator[AnyEvent]:
        for beat in self._beats.measure(t_ns, rr_1024):
            yield self._take(beat)

    def _take(self, beat: Beat) -> BeatEvent:
        interval = self._judge.judge(beat)
        self.intervals.append(interval)
        self._windows.add(interval)
        return BeatEvent(
            t_ms=_ms(beat.t_ns),
            index=beat.index,
            segment=beat.segment,
            rr_ms=beat.rr_ms,
            label=interval.label,
            nn_ms=interval.nn_ms,
            uncertainty_ms=round(beat.uncertainty_ms, 1),
            provisional=False,
        )

    def _battery(self, record: Notification) -> Iterator[AnyEvent]:
        pct = BatteryLevel.from_bytes(record.data).pct
        known = self._strap
        if known is None or pct is None or pct == known.battery_pct:
            return
        self._strap = msgspec.structs.replace(known, battery_pct=pct)
        yield self._say(self._link, *self._why)

    # --- The link -------------------------------------------------------------------

    def _link_change(self, record: LinkChange) -> Iterator[AnyEvent]:
        if record.state is not LinkState.STREAMING:
            # Beats may be missing from here on: no difference crosses this.
            self._beats.break_segment()
        elif self._link is not LinkState.STREAMING:
            self._heard_ns = self._streaming_since_ns = record.t_ns
        known = (self._link, self._why[0], self._strap)
        if record.strap is not None:
            self._strap = record.strap
        if (record.state, record.reason, self._strap) != known:
            yield self._say(record.state, record.reason, record.advice)

    def _say(
        self,
        state: LinkState,
        reason: LinkReason | None = None,
        advice: str | None = None,
    ) -> LinkEvent:
        self._link = state
        if advice is None and reason is not None:
            advice = ADVICE[reason]
        self._why = (reason, advice)
        return LinkEvent(
            t_ms=_ms(self._now_ns),
            state=state,
            reason=reason,
            advice=advice,
            strap=self._strap,
        )

    # --- Once a second --------------------------------------------------------------

    def _tick(self, record: Tick) -> Iterator[AnyEvent]:
        yield from self._measured(record.t_ns, ())
        yield from self._silence(record.t_ns)
        yield self._metrics(record.t_ns)

    def _silence(self, t_ns: int) -> Iterator[AnyEvent]:
        streaming = self._link in (LinkState.STREAMING, LinkState.CONTACT_LOST)
        if streaming and t_ns - self._heard_ns > STALE_NS:
            self._beats.break_segment()
            yield self._say(LinkState.STALE, LinkReason.NO_DATA)
        elif (
            self._link is LinkState.STREAMING
            and not self._seen_rr
            and not self._said_hr_only
            and t_ns - self._streaming_since_ns > HR_ONLY_NS
        ):
            self._said_hr_only = True
            yield self._say(LinkState.STREAMING, LinkReason.HR_ONLY)

    def _metrics(self, t_ns: int) -> MetricsEvent:
        unsuitable = self._windows.unsuitable(t_ns)
        windows = _shown_windows(self._windows.metrics(t_ns), unsuitable is None)
        spectrum, rsa = Spectrum(reason=unsuitable), None
        if unsuitable is None:
            spectrum = self._windows.spectrum(t_ns)
            from_ms = max(_ms(t_ns - RECENT_NS), self._paced_from_ms)
            breaths = pacer.breaths(self.schedule, from_ms=from_ms, to_ms=_ms(t_ns))
            rsa = self._windows.rsa(breaths, t_ns)
        return MetricsEvent(
            t_ms=_ms(t_ns),
            window_s=windows,
            lf_ms2=_round(spectrum.lf_ms2, ROUGH),
            hf_ms2=_round(spectrum.hf_ms2, ROUGH),
            lf_peak_hz=_round(spectrum.lf_peak_hz, FINE),
            rsa_bpm=_round(rsa.rsa_bpm if rsa else None, ROUGH),
            rsa_ms=_round(rsa.rsa_ms if rsa else None, ROUGH),
            coherence_ratio=_round(spectrum.coherence_ratio, ROUGH),
            in_phase_pct=None,  # not estimated yet: nothing measures the breath
            activation=None,
            suitable=unsuitable is None,
            reason=spectrum.reason,
        )

    def referee_window(self) -> RefereeWindow | None:
        """Return the live window that NeuroKit2 can be asked about now."""
        return self._windows.referee_window(self._now_ns)

    # --- What people do ---------------------------------------------------------------

    def _entry(self, record: Entry) -> EntryEvent:
        self.entries.append(record)
        if begins_practice(record):
            self._paced_from_ms = _ms(record.t_ns)
        return EntryEvent(
            t_ms=_ms(record.t_ns),
            id=record.id,
            type=record.type,
            by=record.by,
            value=record.value,
            unit=record.unit,
            text=record.text,
            moment=record.moment,
        )

    def _pace(self, record: PacerCommand | Config) -> PacerEvent:
        pacer.check(
            rate_bpm=record.rate_bpm,
            inhale_pct=record.inhale_pct,
            hold_in_ms=record.hold_in_ms,
            hold_out_ms=record.hold_out_ms,
        )
        part = pacer.change(
            self.schedule,
            t_ms=_ms(record.t_ns),
            rate_bpm=record.rate_bpm,
            inhale_pct=record.inhale_pct,
            hold_in_ms=record.hold_in_ms,
            hold_out_ms=record.hold_out_ms,
        )
        self.schedule = (*self.schedule, part)
        return part


def _shown_windows(windows: Windows, suitable: bool) -> Windows:
    """Round what is shown; of an unsuitable rhythm show the signal's quality only."""

    def one(window: WindowMetrics) -> WindowMetrics:
        return WindowMetrics(
            coverage=round(window.coverage, ROUGH),
            n_nn=window.n_nn,
            artefact_pct=round(window.artefact_pct, ROUGH),
            hr_bpm=_round(window.hr_bpm, FINE),
            rmssd_ms=_round(window.rmssd_ms, EXACT) if suitable else None,
            sdnn_ms=_round(window.sdnn_ms, EXACT) if suitable else None,
            pnn50_pct=_round(window.pnn50_pct, FINE) if suitable else None,
        )

    return Windows(w30=one(windows.w30), w60=one(windows.w60), w300=one(windows.w300))


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def _ms(t_ns: int) -> float:
    return round(t_ns / NS_PER_MS, 3)
