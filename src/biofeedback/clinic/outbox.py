"""Sends a home's recordings to its clinic. The recordings on the disk are the outbox.

Nothing is written down on the way: how far the clinic's copy is, the clinic says, and
what was sent since, this process knows. So a crash of whatever part at whatever moment
costs only that some entries are sent twice; the clinic takes each once.

One parcel is on its way at a time, so their order cannot change. A session that goes on
comes before those of earlier days; those are sent slowly, newest first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from ulid import ULID

from biofeedback.bus.interface import Bus, BusError
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.messages import MOST_ASKED, Has, Have, Kept, of_json, to_json
from biofeedback.clinic.parcels import Begun, Ended, Entries, Parcel
from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording.compaction import PART_SUFFIX
from biofeedback.recording.format import Stored
from biofeedback.recording.reader import open_recording
from biofeedback.recording.sealed import is_there
from biofeedback.recording.tail import Tail
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.resting import rest
from biofeedback.store.clinics import Covered

_LOGGER = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often a session that goes on is looked at for what is safe by now."""

RETRY_S = 5.0
"""After what failed; the link coming back ends the wait."""

ASK_EVERY_S = 60.0
"""How often the clinic is asked how far it is, while it lacks something."""

UNANSWERED_S = 15.0
"""When it is asked again where it did not say."""

STUCK_AFTER_S = 120.0
"""When the clinic gets no further with what was sent, it is sent again; the next time
after twice as long."""

BACKLOG_BYTES_PER_S = 64_000
"""Earlier days go slowly: a home's uplink is for whoever lives there. An hour of a
heart alone takes ten seconds."""


class Outgoing(Value, frozen=True):
    """A recording that may be sent; ``path`` is what it is called once finished."""

    session: str
    path: Path


class Appending(Protocol):
    """A log that can be added to; a home reads none."""

    async def append(self, subject: str, data: bytes, *, id: str) -> None:
        """Keep a message, as :meth:`biofeedback.bus.log.Log.append` does."""
        ...


class Shelf(Protocol):
    """What lies at home: the recordings, and whether they may be sent."""

    def covered(self) -> Covered | None:
        """Return what allows copies at this very instant; asked before each parcel."""
        ...

    def knows(self, consent: str) -> bool:
        """Say whether the clinic knows of a consent; before that nothing is sent."""
        ...

    def recordings(self, since_utc_ns: int) -> tuple[Outgoing, ...]:
        """Return what was recorded since, the newest first. Blocks."""
        ...

    def safe(self, session: str) -> int | None:
        """Return up to which sequence a session that goes on is on the disk.

        ``None`` when it does not go on.
        """
        ...

    def now_utc_ns(self) -> int:
        """Return the time of day."""
        ...


class Progress(Value, frozen=True):
    """How far the sending is: ended sessions that wait, and when something was sent.

    What the clinic refuses, or cannot be read here, does not wait. ``n_waiting`` is
    ``None`` until the clinic has said what it has; ``n_bytes`` were sent since the
    service started.
    """

    n_waiting: int | None = None
    sent_at_utc_ns: int | None = None
    n_bytes: int = 0


@dataclass
class _Sending:
    """How far one recording is sent. ``sent`` is unknown until the clinic says.

    ``refused``: by the clinic; ``broken``: it cannot be read here.
    """

    out: Outgoing
    token: str
    sent: int | None = None
    begun: bool = False
    ended: bool = False
    refused: bool = False
    broken: bool = False
    batch: tuple[Stored, ...] = ()
    tail: Tail | None = None
    of_part: bool = False
    kept: int = 0
    kept_at_ns: int = 0
    patience_s: float = STUCK_AFTER_S

    def begin_anew(self, after: int | None) -> None:
        """Send again what comes after this sequence, or after what the clinic says."""
        self.token = str(ULID())
        self.sent, self.begun, self.ended = after, False, False
        self.refused = False
        self.let_go()

    def let_go(self) -> None:
        """Keep nothing of the recording in memory."""
        self.batch, self.tail = (), None


class Outbox:
    """Sends what may be sent, for as long as :meth:`run` runs.

    Parameters
    ----------
    home
        What this home is called at the clinic.
    bus, log
        The clinic's.
    shelf
        The recordings, and whether they may be sent.
    clock
        For all waiting.
    """

    def __init__(
        self, *, home: str, bus: Bus, log: Appending, shelf: Shelf, clock: Clock
    ) -> None:
        self._home = home
        self._bus = bus
        self._log = log
        self._shelf = shelf
        self._clock = clock
        self._sendings: dict[str, _Sending] = {}
        self._complete: set[str] = set()
        self._woken = asyncio.Event()
        self._changed = True
        self._under = ""
        self._again: dict[str, int] = {}
        self._ask_at_ns = 0
        self._backlog_at_ns = 0
        self._sent_at_utc_ns: int | None = None
        self._n_bytes = 0
        self._failing = self._unanswered = False

    def look(self) -> None:
        """Look again: sessions, or what may be sent, have changed."""
        self._changed = True
        self._woken.set()

    def again(self, session: str, start: int) -> None:
        """Send a recording again from this sequence: the clinic asks for it."""
        self._again[session] = start
        self._complete.discard(session)
        self.look()

    def link_changed(self, connected: bool) -> None:
        """Begin at once when the link is back, and ask how far the clinic is."""
        if connected:
            self._ask_at_ns = 0
            self._woken.set()

    @property
    def progress(self) -> Progress:
        """How far the sending is."""
        sendings = self._sendings.items()
        is_known = not self._changed and all(
            one.sent is not None for _, one in sendings
        )
        n_waiting = sum(
            not (one.ended or one.refused or one.broken)
            and self._shelf.safe(session) is None
            for session, one in sendings
        )
        return Progress(
            n_waiting=n_waiting if is_known else None,
            sent_at_utc_ns=self._sent_at_utc_ns,
            n_bytes=self._n_bytes,
        )

    async def run(self) -> None:
        """Send, until cancelled."""
        while True:
            self._woken.clear()
            try:
                wait_s = await self._step()
                self._failing = False
            except BusError as error:
                wait_s = RETRY_S
                if not self._failing:
                    _LOGGER.info("Nothing reaches the clinic now. %s", error)
                self._failing = True
            except Exception:
                # Whatever it was, practice must go on, and so must this.
                _LOGGER.exception("Sending to the clinic failed")
                wait_s = ASK_EVERY_S
            if wait_s > 0:
                await rest(self._woken, self._clock, wait_s)

    # --- One step: at most one parcel -------------------------------------------------

    async def _step(self) -> float:
        """Send one parcel, if there is one; return how long to wait then."""
        covered = self._shelf.covered()
        if covered is None:
            self._sendings.clear()
            return ASK_EVERY_S
        if self._changed:
            self._changed = False
            try:
                await self._take_stock(covered)
            except BaseException:
                self._changed = True
                raise
        self._begin_anew(covered.consent.id)
        if not self._bus.connected or not self._shelf.knows(self._under):
            return ASK_EVERY_S
        await self._ask_if_due()
        now_ns = self._clock.now_ns()
        for sending in self._waiting():
            is_live = self._shelf.safe(sending.out.session) is not None
            if not is_live and now_ns < self._backlog_at_ns:
                continue
            parcel = await self._next(sending, covered.consent.id)
            if parcel is None:
                continue
            await self._send(sending, parcel, slowly=not is_live)
            return 0.0
        return self._until_next()

    async def _take_stock(self, covered: Covered) -> None:
        found = await asyncio.to_thread(self._shelf.recordings, covered.since_utc_ns)
        before, self._sendings = self._sendings, {}
        for out in found:
            if out.session in self._complete:
                continue
            sending = before.get(out.session)
            if sending is None:
                sending = _Sending(out=out, token=str(ULID()))
                is_new = self._shelf.safe(out.session) is not None
                if is_new and self._under == covered.consent.id:
                    sending.sent = 0  # it began here and now: nobody has any of it
                else:
                    self._ask_at_ns = 0
            sending.broken = False
            self._sendings[out.session] = sending

    def _begin_anew(self, consent: str) -> None:
        if consent != self._under:
            # What is under way by an older consent, the clinic drops.
            self._under = consent
            self._ask_at_ns = 0
            for sending in self._sendings.values():
                sending.begin_anew(None)
        again, self._again = self._again, {}
        for session, start in again.items():
            if (wanted := self._sendings.get(session)) is not None:
                wanted.begin_anew(max(start - 1, 0))

    def _waiting(self) -> list[_Sending]:
        """Return what may have something to send: what goes on first, then newest."""
        return sorted(
            (
                one
                for one in self._sendings.values()
                if one.sent is not None and not (one.ended or one.refused or one.broken)
            ),
            key=lambda one: self._shelf.safe(one.out.session) is None,
        )

    def _until_next(self) -> float:
        now_ns = self._clock.now_ns()
        waits_s = [ASK_EVERY_S]
        if self._sendings:
            waits_s.append((self._ask_at_ns - now_ns) / NS_PER_S)
        if self._waiting():
            waits_s.append(LOOK_EVERY_S)
        if now_ns < self._backlog_at_ns:
            waits_s.append((self._backlog_at_ns - now_ns) / NS_PER_S)
        return max(min(waits_s), 0.01)

    async def _send(self, sending: _Sending, parcel: Parcel, *, slowly: bool) -> None:
        if self._sendings.get(sending.out.session) is not sending:
            return
        data = parcels.encode(parcel)
        covered = self._shelf.covered()
        if covered is None or covered.consent.id != parcel.consent:
            return  # taken back this very moment
        if not self._shelf.knows(parcel.consent):
            return
        await self._log.append(
            subjects.records(self._home, parcel.session),
            data,
            id=parcels.id_of(parcel, sending=sending.token),
        )
        match parcel:
            case Begun():
                sending.begun = True
            case Entries(entries=entries):
                sending.sent, sending.batch = entries[-1].sequence, ()
            case Ended():
                sending.ended = True
                sending.kept_at_ns = self._clock.now_ns()
                sending.let_go()
                soon_ns = self._clock.now_ns() + round(RETRY_S * NS_PER_S)
                self._ask_at_ns = min(self._ask_at_ns, soon_ns)
        self._sent_at_utc_ns = self._shelf.now_utc_ns()
        self._n_bytes += len(data)
        if slowly:
            cost_ns = round(len(data) / BACKLOG_BYTES_PER_S * NS_PER_S)
            self._backlog_at_ns = self._clock.now_ns() + cost_ns

    # --- What comes next --------------------------------------------------------------

    async def _next(self, sending: _Sending, consent: str) -> Parcel | None:
        try:
            return await asyncio.to_thread(self._read, sending, consent)
        except RecordingError as error:
            if self._shelf.safe(sending.out.session) is None:
                _LOGGER.warning("%s It is not sent to the clinic.", error)
                sending.broken = True
            return None  # else it is being finished just now

    def _read(self, sending: _Sending, consent: str) -> Parcel | None:
        out = sending.out
        safe = self._shelf.safe(out.session)
        part = out.path.with_name(out.path.name + PART_SUFFIX)
        if safe is None and (part.exists() or not is_there(out.path)):
            return None  # it is being finished
        path = out.path if safe is None else part
        assert sending.sent is not None
        if not sending.begun:
            recording = open_recording(path)
            return Begun(
                session=out.session,
                consent=consent,
                info=msgspec.structs.replace(recording.info, person=""),
                metadata={**recording.session, "person": ""},
                software=dict(recording.software),
                recovery=_pairs(recording.recovery),
            )
        if not sending.batch:
            if sending.tail is None or sending.of_part is (safe is None):
                recording = open_recording(path)
                sending.of_part = safe is not None
                sending.tail = Tail(
                    path,
                    started_ns=recording.info.started_at_utc_ns,
                    after=sending.sent,
                    gaps_allowed=recording.recovery is not None,
                )
            sending.batch = sending.tail.more(safe, most_bytes=parcels.PARCEL_BYTES)
        if sending.batch:
            return Entries(
                session=out.session,
                consent=consent,
                after=sending.sent,
                entries=sending.batch,
            )
        return _ended(out, consent) if safe is None else None

    # --- How far the clinic is --------------------------------------------------------

    async def _ask_if_due(self) -> None:
        now_ns = self._clock.now_ns()
        if not self._sendings or now_ns < self._ask_at_ns:
            return
        self._ask_at_ns = now_ns + round(ASK_EVERY_S * NS_PER_S)
        sessions = tuple(self._sendings)
        try:
            for begin in range(0, len(sessions), MOST_ASKED):
                asked = sessions[begin : begin + MOST_ASKED]
                answer = await self._bus.request(
                    subjects.have(self._home), to_json(Have(sessions=asked))
                )
                self._hear(asked, of_json(Has, answer).sessions)
            self._unanswered = False
        except BusError as error:
            # What goes on is sent all the same: the log keeps it for the clinic.
            if not self._unanswered:
                _LOGGER.info("The clinic does not say how far it is. %s", error)
            self._unanswered = True
            self._ask_at_ns = now_ns + round(UNANSWERED_S * NS_PER_S)
        except ValueError:
            _LOGGER.warning("The clinic's answer on its copies cannot be read.")

    def _hear(self, asked: tuple[str, ...], has: Mapping[str, Kept]) -> None:
        for session in asked:
            kept = has.get(session, Kept())
            sending = self._sendings.get(session)
            if sending is None:
                continue
            match kept.state:
                case "complete":
                    if self._shelf.safe(session) is None:
                        self._complete.add(session)
                        del self._sendings[session]
                case "refused" if sending.begun:
                    if not sending.refused:
                        _LOGGER.info("Session %s is refused. %s", session, kept.why)
                    sending.refused = True
                    sending.let_go()
                case _:
                    # Or it was refused by an earlier consent: it is tried with this.
                    sending.refused = False
                    self._compare(sending, kept.last)

    def _compare(self, sending: _Sending, kept: int) -> None:
        now_ns = self._clock.now_ns()
        if sending.sent is None or kept > sending.sent:
            sending.begin_anew(kept)
        if kept != sending.kept or (kept == sending.sent and not sending.ended):
            sending.kept, sending.kept_at_ns = kept, now_ns
            sending.patience_s = STUCK_AFTER_S
        elif now_ns - sending.kept_at_ns >= sending.patience_s * NS_PER_S:
            # The log was lost, or kept it too short a time: from there on once more.
            _LOGGER.info("Session %s is sent again.", sending.out.session)
            sending.begin_anew(kept)
            sending.kept_at_ns = now_ns
            sending.patience_s *= 2


def _ended(out: Outgoing, consent: str) -> Ended:
    recording = open_recording(out.path)
    survey = recording.survey()
    return Ended(
        session=out.session,
        consent=consent,
        last=survey.last or 0,
        content_sha256=survey.content_sha256,
        missing=survey.missing,
        recovery=_pairs(recording.recovery),
    )


def _pairs(pairs: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if pairs is None else dict(pairs)
