"""From records to events: bytes go in with a time, values come out.

This joins :mod:`~biofeedback.wire`, :mod:`~biofeedback.signal` and
:mod:`~biofeedback.practice`, and does nothing else. It neither waits nor asks for the
time: the same records in the same order give the same events, live or in a replay.

The way of one heartbeat: ``Notification`` → :class:`HeartRateMeasurement` → ``Beat``
→ ``Interval`` → windows → ``MetricsEvent``. ECG and acceleration go by
:mod:`~biofeedback.pmd_streams`; what is told about the link comes from
:mod:`~biofeedback.link_state`, the numbers of each second from
:mod:`~biofeedback.live_metrics`. An interval is told at once and judged while the next
ones come in; when its judgement changes it is told again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import assert_never

import msgspec

from biofeedback.adapting import Adapting
from biofeedback.link_state import Link
from biofeedback.live_metrics import LiveMetrics, ms
from biofeedback.model import (
    AdaptCommand,
    AnyEvent,
    AnyRecord,
    Ask,
    Beat,
    BeatEvent,
    ClockReading,
    Config,
    Entry,
    EntryEvent,
    HeartEvent,
    Interval,
    LinkChange,
    LinkState,
    Notification,
    PacerCommand,
    PacerEvent,
    RefereeEvent,
    RefereeReport,
    SignalsCommand,
    SignalsEvent,
    Stage,
    Tick,
)
from biofeedback.pmd_streams import PmdStreams, Pulses
from biofeedback.practice import pacer
from biofeedback.signal.artefacts import Judge, flagged, judge_all
from biofeedback.signal.beats import PERIOD_NS, BeatClock, rr_ms
from biofeedback.signal.conformity import RefereeWindow
from biofeedback.signal.fleet import Fleet
from biofeedback.signal.windows import LiveWindows
from biofeedback.wire import uuids
from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.heart_rate import PLAUSIBLE_RR_MS, HeartRateMeasurement
from biofeedback.wire.imported import decode_beats
from biofeedback.wire.profiles import PLAIN, RR, Contact, profile_with
from biofeedback.wire.samples import decode_samples

ALGORITHM = "biofeedback-signal/3"
"""Changes whenever the same records would give other numbers."""

NS_PER_S = 1_000_000_000

PULSES_EVERY_NS = 5 * NS_PER_S
"""How often an optical band sends its pulse intervals (PolarOH1.md of Polar's SDK)."""

NO_HEART_COUNT = -(-PLAUSIBLE_RR_MS[0] * 1024 // 1000)
"""RR counts below this are no heart's, where a strap is known to add such."""


class Pipeline:
    """Holds one session's state; :meth:`receive` is all there is to call.

    Parameters
    ----------
    samples
        Whether to tell of ECG and acceleration, which no beat depends on. Placing
        them takes most of the time that an analysis would need.
    live
        Whether anybody watches. If not, nothing is computed at a tick, and beats are
        judged once, for good, by :meth:`flush`; no beat is told.
    fleet
        Where the numbers of this session are kept beside those of others; by default
        they are kept apart.

    Attributes
    ----------
    intervals
        Every interval of the session so far, judged.
    schedule
        The pacer's schedule so far.
    entries
        Every entry so far.
    signals
        What is asked of the strap beside its heart rate.
    windows, metrics
        What the numbers of each second are read off, and what makes them.
    adapting
        The adaptive pacer. It moves the pace at ticks, so without ``live`` the schedule
        lacks its moves: they are in the recording's messages.
    """

    def __init__(
        self, *, samples: bool = True, live: bool = True, fleet: Fleet | None = None
    ) -> None:
        self.intervals: list[Interval] = []
        self.schedule: tuple[PacerEvent, ...] = ()
        self.entries: list[Entry] = []
        self.signals: tuple[Ask, ...] = ()
        self.simulated = False
        self._beats = BeatClock()
        self._n_imported = 0
        self._errors_ms: deque[int] = deque()  # of pulse intervals on their way
        self._samples = samples
        self._pmd = PmdStreams(samples=samples)
        self._judge = Judge()
        self._contacts: deque[bool] = deque()  # of intervals on their way
        self._doubts_ms: dict[int, float] = {}  # of beats not judged for good
        self._live = live
        self._waiting: list[Beat] = []  # to be judged at once
        self._no_contact: set[int] = set()
        self.windows = LiveWindows(fleet)
        self.metrics = LiveMetrics(self.windows)
        self.adapting = Adapting()
        self._n_adapted = 0
        self._link = Link()
        self._profile = PLAIN
        self._seen_rr = False
        self._now_ns = 0

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
                return self._pace(record)
            case AdaptCommand():
                self.adapting.command(record)
                return (self._switched(record),)
            case SignalsCommand():
                return (self._ask(record),)
            case Config():
                return tuple(self._begin(record))
            case RefereeReport():
                return (
                    RefereeEvent(
                        t_ms=ms(record.t_ns),
                        window_s=record.window_s,
                        neurokit=record.neurokit,
                        max_difference=record.max_difference,
                    ),
                )
            case ClockReading():
                return ()  # for whoever asks later what time it was
            case _:
                assert_never(record)

    @property
    def link_state(self) -> LinkState:
        """How the link to the strap is, in the word that was told last."""
        return self._link.state

    @property
    def unknown_frames(self) -> int:
        """How many frames of samples could not be read; their bytes are recorded."""
        return self._pmd.unknown_frames

    def flush(self) -> None:
        """Take in the beats still held back, at the end, and judge all for good."""
        for _ in self._finish():
            pass
        for interval in judge_all(self._waiting, self._no_contact):
            self.intervals.append(interval)
        self.intervals.sort(key=lambda interval: interval.index)
        self._waiting.clear()

    # --- Notifications: bytes to beats --------------------------------------------

    def _notification(self, record: Notification) -> Iterator[AnyEvent]:
        match record.characteristic:
            case uuids.HEART_RATE_MEASUREMENT:
                yield from self._heart_rate(record)
            case uuids.BATTERY_LEVEL:
                yield from self._battery(record)
            case uuids.PMD_DATA:
                yield from self._frame(record)
            case uuids.PMD_CONTROL_POINT:
                self._pmd.answered(record)
            case uuids.PMD_WRITTEN:
                self._pmd.written(record)
            case uuids.IMPORTED_BEATS:
                yield from self._imported_beats(record)
            case uuids.IMPORTED_SAMPLES:
                yield from self._imported_samples(record)
            case _:
                pass  # recorded for tomorrow's analysis; nothing to say today

    def _heart_rate(self, record: Notification) -> Iterator[AnyEvent]:
        packet = HeartRateMeasurement.from_bytes(record.data)
        self._beats.hear(record.t_ns)
        trusted = self._profile.contact is Contact.TRUSTED
        contact = packet.contact if trusted else None
        if packet.rr_1024 and not self._seen_rr:
            self._seen_rr = True
            # From here on these are the beats: one heart has one series of intervals.
            yield from self._settled(self._beats.flush())
            self._beats.expect_every(PERIOD_NS)
        if packet.rr_1024:
            self._link.measure()
        # A packet that was cut off holds no rate, which is not a rate of 0.
        heart = packet.hr_bpm != 0 or any(packet.rr_1024 or ())
        yield from self._link.hear(record.t_ns, contact, heart=heart)
        yield HeartEvent(
            t_ms=ms(record.t_ns),
            hr_bpm=packet.hr_bpm or None,  # a rate of 0 means: not measured
            contact=contact,
        )
        rr_1024 = packet.rr_1024 or ()
        self._contacts.extend(contact is not False for rr in rr_1024 if rr)
        yield from self._measured(record.t_ns, rr_1024)

    # --- Samples and pulse intervals ----------------------------------------------

    def _frame(self, record: Notification) -> Iterator[AnyEvent]:
        found = self._pmd.receive(record)
        if isinstance(found, Pulses):
            yield from self._pulses(record.t_ns, found)
        elif found is not None:
            self.metrics.sense(found)
            yield found

    def _pulses(self, t_ns: int, pulses: Pulses) -> Iterator[AnyEvent]:
        if self._seen_rr:
            return  # the electrodes' intervals are the better ones: never mix the two
        self._beats.expect_every(PULSES_EVERY_NS)
        for number, run in enumerate(pulses.runs):
            if number:  # movement, and so beats that are not known
                yield from self._settled(self._beats.flush())
                self._beats.break_segment()
            if run:
                self._link.measure(pulses=True)
                yield from self._link.hear(t_ns, None)
                self._errors_ms.extend(pulse.error_ms for pulse in run)
                counts = tuple(pulse.count_1024 for pulse in run)
                yield from self._measured(t_ns, counts)

    # --- What another program measured ---------------------------------------------

    def _imported_beats(self, record: Notification) -> Iterator[AnyEvent]:
        self._link.measure()
        yield from self._link.hear(record.t_ns, None)
        beats = decode_beats(record.data, self._n_imported)
        self._n_imported += len(beats)
        yield from self._settled(beats)

    def _imported_samples(self, record: Notification) -> Iterator[AnyEvent]:
        yield from self._link.hear(record.t_ns, None)
        if self._samples:
            _, samples = decode_samples(record.data, record.source)
            self.metrics.sense(samples)
            yield samples

    def _measured(self, t_ns: int, rr_1024: tuple[int, ...]) -> Iterator[AnyEvent]:
        yield from self._settled(self._beats.measure(t_ns, rr_1024))

    def _settled(self, beats: Iterable[Beat]) -> Iterator[AnyEvent]:
        for beat in beats:
            yield from self._take(beat)

    def _take(self, beat: Beat) -> Iterator[AnyEvent]:
        doubt_ms = beat.uncertainty_ms
        if self._errors_ms:
            doubt_ms += self._errors_ms.popleft()
        contact = self._contacts.popleft() if self._contacts else True
        extra = beat.rr_ms < rr_ms(self._beats.shortest)
        if not self._live:
            if extra:
                self.intervals.append(flagged(beat))
            else:
                self._waiting.append(beat)
            if not contact:
                self._no_contact.add(beat.index)
            return
        self._doubts_ms[beat.index] = round(doubt_ms, 1)
        if extra:
            # Not the heart's: neither judged nor a neighbour of what is.
            yield from self._judged(flagged(beat))
            return
        for interval in self._judge.judge(beat, contact=contact):
            yield from self._judged(interval)
            self.windows.take(interval)

    def _judged(self, interval: Interval) -> tuple[AnyEvent, ...]:
        """Tell a beat that is new, or judged otherwise than it was told."""
        index, final = interval.index, interval.stage is Stage.FINAL
        new = index == len(self.intervals)
        if new:
            self.intervals.append(interval)
            told = None
        else:
            told = self.intervals[index].label
            self.intervals[index] = interval
        doubt_ms = self._doubts_ms.pop(index) if final else self._doubts_ms[index]
        if interval.label is told:
            return ()
        event = BeatEvent(
            t_ms=ms(interval.t_ns),
            index=index,
            segment=interval.segment,
            rr_ms=interval.rr_ms,
            label=interval.label,
            nn_ms=interval.nn_ms,
            uncertainty_ms=doubt_ms,
            provisional=not final,
        )
        return (event,)

    def _finish(self) -> Iterator[AnyEvent]:
        yield from self._settled(self._beats.flush())
        for interval in self._judge.flush():
            yield from self._judged(interval)
            self.windows.take(interval)

    def _battery(self, record: Notification) -> Iterator[AnyEvent]:
        pct = BatteryLevel.from_bytes(record.data).pct
        if pct is not None:
            yield from self._link.charge(record.t_ns, pct)

    def _link_change(self, record: LinkChange) -> Iterator[AnyEvent]:
        if record.state is not LinkState.STREAMING:
            # Beats may be missing from here on: no difference crosses this.
            self._beats.break_segment()
            self._pmd.break_clocks()
        if record.strap is not None:
            self._profile = profile_with(record.strap.profile)
            adds = self._profile.rr is RR.EXTRA
            self._beats.shortest = NO_HEART_COUNT if adds else 1
        if record.state is LinkState.ENDED:
            yield from self._finish()
        yield from self._link.change(record)

    # --- Once a second --------------------------------------------------------------

    def _tick(self, record: Tick) -> Iterator[AnyEvent]:
        if beats := self._beats.measure(record.t_ns, ()):
            yield from self._settled(beats)
        for event in self._link.tick(record.t_ns):
            if event.state is LinkState.STALE:
                self._beats.break_segment()
            yield event
        if self._live:
            yield from self.metrics.tick(record.t_ns, self.schedule)
            yield from self._adapt(record.t_ns)

    def referee_window(self, length_s: int) -> RefereeWindow | None:
        """Return the live window of this length that NeuroKit2 can be asked about."""
        return self.windows.referee_window(self._now_ns, length_s)

    # --- What people do ---------------------------------------------------------------

    def _entry(self, record: Entry) -> EntryEvent:
        self.entries.append(record)
        self.metrics.enter(record)
        return EntryEvent(
            t_ms=ms(record.t_ns),
            id=record.id,
            type=record.type,
            by=record.by,
            value=record.value,
            unit=record.unit,
            text=record.text,
            moment=record.moment,
            at_ms=msgspec.UNSET if record.at_ms is None else record.at_ms,
        )

    def _begin(self, record: Config) -> Iterator[AnyEvent]:
        self.simulated = record.simulated
        rate_bpm = record.rate_bpm
        self.metrics.begin(record.baseline, paced=rate_bpm is not None)
        if rate_bpm is not None:
            yield from self._pace(
                PacerCommand(
                    t_ns=record.t_ns,
                    by="system",
                    rate_bpm=rate_bpm,
                    inhale_pct=record.inhale_pct,
                    hold_in_ms=record.hold_in_ms,
                    hold_out_ms=record.hold_out_ms,
                )
            )
        if record.signals:
            self.signals = record.signals
            yield SignalsEvent(
                t_ms=ms(record.t_ns), by="system", signals=record.signals
            )

    def _switched(self, record: AdaptCommand) -> EntryEvent:
        reason = "on" if record.on else "off"
        return self._explained(record.t_ns, record.by, None, f'{{"reason":"{reason}"}}')

    def _adapt(self, t_ns: int) -> Iterator[AnyEvent]:
        """Move the pace where the heart answers more, and say why."""
        move = self.adapting.tick(t_ns, self.schedule, self.metrics, self.windows)
        if move is None:
            return
        if move.to_bpm != move.from_bpm:
            part = self.schedule[-1]
            yield from self._pace(
                PacerCommand(
                    t_ns=t_ns,
                    by="system",
                    rate_bpm=move.to_bpm,
                    inhale_pct=part.inhale_pct,
                    hold_in_ms=part.hold_in_ms,
                    hold_out_ms=part.hold_out_ms,
                )
            )
        yield self._explained(t_ns, "system", move.to_bpm, move.text)

    def _explained(
        self, t_ns: int, by: str, rate_bpm: float | None, text: str
    ) -> EntryEvent:
        # Counted, not drawn by lot: a replay must give the same bytes.
        self._n_adapted += 1
        return EntryEvent(
            t_ms=ms(t_ns),
            id=f"adapt-{self._n_adapted:04d}",
            type="adapt",
            by=by,
            value=rate_bpm,
            unit=None if rate_bpm is None else "breaths/min",
            text=text,
            moment=None,
        )

    def _ask(self, record: SignalsCommand) -> SignalsEvent:
        self.signals = record.signals
        return SignalsEvent(t_ms=ms(record.t_ns), by=record.by, signals=record.signals)

    def _pace(self, record: PacerCommand) -> tuple[PacerEvent, ...]:
        for rate_bpm in (record.rate_bpm, record.from_rate_bpm):
            if rate_bpm is not None:
                pacer.check(
                    rate_bpm=rate_bpm,
                    inhale_pct=record.inhale_pct,
                    hold_in_ms=record.hold_in_ms,
                    hold_out_ms=record.hold_out_ms,
                )
        parts = pacer.glide(
            self.schedule,
            t_ms=ms(record.t_ns),
            rate_bpm=record.rate_bpm,
            inhale_pct=record.inhale_pct,
            hold_in_ms=record.hold_in_ms,
            hold_out_ms=record.hold_out_ms,
            ease_s=record.ease_s,
            from_rate_bpm=record.from_rate_bpm,
            origin_ms=record.origin_ms,
        )
        self.schedule = pacer.joined(self.schedule, parts)
        return parts
