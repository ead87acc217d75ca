"""Many homes in one process, who cost as little as they can: ``bench.capacity.homes``.

Each is a link of its own to the clinic's NATS server, by its own credential, and speaks
what a home speaks with the product's own code: presence, the offer of its session, what
it says while a node asks for it, answers, and parcels into the log, the next after the
one before was acknowledged. What is replayed is :mod:`bench.capacity.tape`.

Reads a :class:`Job` as one line of JSON, then commands, and answers each by a line:
``mark`` says what was done since the last one, ``end`` ends the sessions of the first
homes and waits until the hub has finished its copies of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import numpy as np
import uvloop
from ulid import ULID

from bench.capacity.tape import Cut, Tape, info_of
from biofeedback.bus import BusError
from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.bus.presence import Presence
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.messages import Has, Have, Kept, of_json, to_json
from biofeedback.clinic.parcels import Begun, Ended, Entries, Parcel
from biofeedback.recording.format import Stored
from biofeedback.recording.reader import Recording
from biofeedback.service.elsewhere.envelopes import Ad
from biofeedback.service.elsewhere.offering import Offering
from biofeedback.service.elsewhere.steering import Orders
from biofeedback.service.given import Given
from biofeedback.session.clock import NS_PER_MS, NS_PER_S, WallClock
from biofeedback.session.hub import Hub
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import Stream

LINKED_AT_ONCE = 20
SENT_EVERY_S = 1.0
AGAIN_S = 0.5
ASKED_EVERY_S = 1.0
N_ASKED = 25
"""So many homes ask the hub each second how far it is."""

ENDS_WITHIN_S = 240.0
GOODBYE_S = 20.0
WHOLE_BYTES = parcels.PARCEL_BYTES


Does = Literal["linked", "announced", "all"]


class Patient(msgspec.Struct, frozen=True):
    """One home: its credential, its session, and who at the clinic may watch."""

    home: str
    seed: str
    consent: str
    session: str
    watchers: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """What a process of homes is to do.

    ``does``: only be linked; announce a session too; or send copies of it as well.
    Those that are ``linked`` may be told to send the whole tape. ``spread_s`` is the
    time over which the seconds of all are spread; ``n_checked`` end at the ``end``.
    """

    server: str
    ca: str
    patients: tuple[Patient, ...]
    does: Does = "all"
    spread_s: float = 1.0
    n_checked: int = 10


class TapeClock:
    """Time of a session whose zero is an instant of the machine's monotonic clock."""

    def __init__(self, zero_ns: int) -> None:
        self.zero_ns = zero_ns

    def now_ns(self) -> int:
        """Return nanoseconds since the start of the session."""
        return time.monotonic_ns() - self.zero_ns

    async def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or, if that has passed, at once."""
        wait_ns = t_ns - self.now_ns()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / NS_PER_S)


class Playing:
    """As much of a live session as whoever offers it looks at."""

    def __init__(self, patient: Patient, started_at_utc_ns: int) -> None:
        self.info = info_of(patient.session, started_at_utc_ns)
        self.hub = Hub()
        self.clock = TapeClock(0)
        self.ended = asyncio.Event()


class OfOne:
    """The offer of a home: one session, shared, everything consented to."""

    def __init__(self, playing: Playing, watchers: Iterable[str]) -> None:
        self._live = cast(LiveSession, playing)
        ends = dict.fromkeys(Stream, time.time_ns() + 86_400 * NS_PER_S)
        self._given = {
            id: Given(ends=ends, held_seq=0, from_seq=0, from_ms=0.0) for id in watchers
        }
        self._scope = frozenset(Stream)

    def sessions(self) -> Iterable[LiveSession]:
        """Return the session."""
        return (self._live,)

    def session(self, id: str) -> LiveSession | None:
        """Return it, by its id."""
        return self._live if id == self._live.info.id else None

    def ad(self, live: LiveSession) -> Ad:
        """Return what is said of it: it is shared."""
        return Ad(info=live.info, person_id="", sharing="on")

    def given(self, live: LiveSession) -> dict[str, Given]:
        """Return what its watchers are given: everything."""
        return self._given

    def scope(self, live: LiveSession) -> frozenset[Stream]:
        """Return all streams."""
        return self._scope

    def passed(self, live: LiveSession, message: Message) -> bytes | None:
        """Return the message."""
        return message.data

    async def come(self, live: LiveSession, account_id: str, *, at: str) -> str | None:
        """Let everybody watch."""
        return None

    async def go(self, live: LiveSession, account_id: str, *, at: str) -> None:
        """Let everybody go."""
        return None

    def on_change(self, told: Callable[[], None]) -> None:
        """Nothing ever changes."""
        return None


class Deaf:
    """Follows no commands: nobody sends any."""

    async def follow(self, live: LiveSession, order: object) -> None:
        """Follow nothing."""
        raise NotImplementedError


class Tally:
    """What all homes of a process did since the last time it was asked."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.n_entries = self.n_parcels = self.n_bytes = self.n_again = 0
        self.late_ms: list[float] = []
        self.acked_ms: list[float] = []
        self.behind_s: list[float] = []

    def said(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "entries": self.n_entries,
            "parcels": self.n_parcels,
            "parcel_bytes": self.n_bytes,
            "sent_again": self.n_again,
            "late_ms": _percentiles(self.late_ms),
            "acked_ms": _percentiles(self.acked_ms),
            "behind_s": _percentiles(self.behind_s),
        }


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {"n": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}
    p50, p99 = np.percentile(values, (50, 99))
    return {
        "n": len(values),
        "p50": float(p50),
        "p99": float(p99),
        "max": float(max(values)),
    }


class Home:
    """One home that practises.

    ``content`` is the hash of what it sent so far, as a recording's survey has it;
    ``acked`` says which sequences were acknowledged when, and are not kept yet.
    """

    def __init__(
        self, job: Job, patient: Patient, tally: Tally, about: Recording
    ) -> None:
        self.patient = patient
        self._tally = tally
        self._about = about
        self._bus = NatsBus(
            job.server,
            name=patient.home,
            nkey_seed=patient.seed,
            inbox_prefix=subjects.inbox(patient.home),
            tls_ca=Path(job.ca),
        )
        self._log = JetStreamLog(self._bus)
        self.playing = Playing(patient, time.time_ns())
        clock = WallClock()
        self._presence = Presence(self._bus, clock, hears=())
        self._offering = Offering(
            bus=self._bus,
            presence=self._presence,
            origin=subjects.origin(patient.home),
            clock=clock,
            utc_ns=time.time_ns,
            offer=OfOne(self.playing, patient.watchers),
            orders=cast(Orders, Deaf()),
        )
        self._token = str(ULID())
        self._waiting: list[Stored] = []
        self._sent = 0
        self.content = hashlib.sha256()
        self.acked: deque[tuple[int, int]] = deque()
        self._practising: list[asyncio.Task[None]] = []

    async def link(self) -> None:
        """Reach the clinic."""
        linked = asyncio.Event()
        self._bus.on_link(lambda _: linked.set())
        await self._bus.open()
        await linked.wait()
        await self._log.open()

    async def practise(self, cut: Cut, zero_ns: int, *, copied: bool) -> None:
        """Begin: everything goes out in its time from now on."""
        self.playing.clock.zero_ns = zero_ns
        for message in cut.held:
            self.playing.hub.publish(message)
        await self._presence.open()
        await self._offering.open()
        self._practising = [asyncio.create_task(self._play(cut))]
        if copied:
            await self._append(self._begun())
            self._practising.append(asyncio.create_task(self._keep_sending()))

    async def send_whole(self, cut: Cut) -> None:
        """Send a recording that was made while nobody could be reached."""
        await self._append(self._begun())
        for moment in cut.moments:
            self._waiting += [item.stored for item in moment.items]
            if sum(len(one.data) for one in self._waiting) >= WHOLE_BYTES:
                await self._send()
        await self._send()

    async def stop(self) -> None:
        """Practise no longer; all that was recorded is sent."""
        for task in self._practising:
            task.cancel()
        await asyncio.gather(*self._practising, return_exceptions=True)
        self._practising = []
        if self._sent and self._waiting:
            await self._send()

    async def end(self) -> None:
        """Say that the recording has ended."""
        await self._append(
            Ended(
                session=self.patient.session,
                consent=self.patient.consent,
                last=self._sent,
                content_sha256=self.content.hexdigest(),
            )
        )

    async def kept(self) -> Kept:
        """Ask the hub how far it is."""
        session = self.patient.session
        answer = await self._bus.request(
            subjects.have(self.patient.home), to_json(Have(sessions=(session,)))
        )
        return of_json(Has, answer).sessions.get(session, Kept())

    async def look_behind(self) -> None:
        """Find out how long the oldest parcel waits that is not on the hub's disk."""
        try:
            kept = await self.kept()
        except BusError:
            self._tally.n_again += 1
            return
        now_ns = time.monotonic_ns()
        while self.acked and self.acked[0][0] <= kept.last:
            self.acked.popleft()
        behind_ns = now_ns - self.acked[0][1] if self.acked else 0
        self._tally.behind_s.append(behind_ns / NS_PER_S)

    async def close(self) -> None:
        """Let everything go."""
        await self._offering.close()
        await self._presence.close()
        await self._log.close()
        await self._bus.close()

    # --- What goes out ----------------------------------------------------------------

    async def _play(self, cut: Cut) -> None:
        clock, hub, tally = self.playing.clock, self.playing.hub, self._tally
        for moment in cut.moments:
            await clock.sleep_until(moment.t_ns)
            now_ns = clock.now_ns()
            tally.late_ms.append((now_ns - moment.t_ns) / NS_PER_MS)
            for item in moment.items:
                stored, message = item.at(now_ns)
                self._waiting.append(stored)
                if message is not None:
                    hub.publish(message)

    async def _keep_sending(self) -> None:
        clock = self.playing.clock
        while True:
            await clock.sleep_until(clock.now_ns() + round(SENT_EVERY_S * NS_PER_S))
            if self._waiting:
                await asyncio.shield(self._send())

    async def _send(self) -> None:
        entries, self._waiting = tuple(self._waiting), []
        parcel = Entries(
            session=self.patient.session,
            consent=self.patient.consent,
            after=self._sent,
            entries=entries,
        )
        self._sent = entries[-1].sequence
        self._weigh(entries)
        await self._append(parcel)
        self._tally.n_entries += len(entries)
        self.acked.append((self._sent, time.monotonic_ns()))

    async def _append(self, parcel: Parcel) -> None:
        data = parcels.encode(parcel)
        subject = subjects.records(self.patient.home, parcel.session)
        id = parcels.id_of(parcel, sending=self._token)
        began_ns = time.monotonic_ns()
        while True:
            try:
                await self._log.append(subject, data, id=id)
                break
            except BusError:
                self._tally.n_again += 1
                await asyncio.sleep(AGAIN_S)
        tally = self._tally
        tally.acked_ms.append((time.monotonic_ns() - began_ns) / NS_PER_MS)
        tally.n_parcels += 1
        tally.n_bytes += len(data)

    def _begun(self) -> Begun:
        info = self.playing.info
        own = {"id": info.id, "started_at_utc_ns": str(info.started_at_utc_ns)}
        return Begun(
            session=info.id,
            consent=self.patient.consent,
            info=info,
            metadata={**self._about.session, **own, "person": ""},
            software=dict(self._about.software),
        )

    def _weigh(self, entries: tuple[Stored, ...]) -> None:
        # As Recording.survey does it, of what was sent rather than of a file.
        started_ns = self.playing.info.started_at_utc_ns
        for stored in entries:
            at_ns = started_ns + stored.t_ns
            self.content.update(struct.pack("<IQ", stored.sequence, at_ns))
            for part in (stored.channel.topic.encode(), stored.data):
                self.content.update(struct.pack("<I", len(part)) + part)


class Homes:
    """All homes of this process."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._tape = Tape()
        self._tally = Tally()
        about = self._tape.about
        self.homes = [Home(job, one, self._tally, about) for one in job.patients]
        self._asking: asyncio.Task[None] | None = None

    async def begin(self) -> dict[str, int]:
        """Link all, and let all begin; return where zero of each session lies."""
        for first in range(0, len(self.homes), LINKED_AT_ONCE):
            some = self.homes[first : first + LINKED_AT_ONCE]
            await asyncio.gather(*(home.link() for home in some))
        if self._job.does == "linked":
            return {}
        zeros: dict[str, int] = {}
        begin_ns = time.monotonic_ns() + NS_PER_S
        step_ns = round(self._job.spread_s * NS_PER_S / len(self.homes))
        for number, home in enumerate(self.homes):
            cut = self._tape.cut(number)
            zero_ns = begin_ns + number * step_ns - cut.start_ns
            # A second later for each that has begun meanwhile: none has to hurry.
            late_ns = time.monotonic_ns() + NS_PER_S - (zero_ns + cut.start_ns)
            zero_ns += max(0, -(-late_ns // NS_PER_S)) * NS_PER_S
            await home.practise(cut, zero_ns, copied=self._job.does == "all")
            zeros[home.patient.session] = zero_ns
        if self._job.does == "all":
            self._asking = asyncio.create_task(self._keep_asking())
        return zeros

    async def send_whole(self) -> None:
        """Let all send the whole tape, end, and wait for their copies."""
        await asyncio.gather(*(one.send_whole(self._tape.whole) for one in self.homes))
        await self._end(self.homes)

    async def _keep_asking(self) -> None:
        n = len(self.homes)
        begin = 0
        while True:
            # At no fixed instant of the second: the hub has a rhythm of its own.
            await asyncio.sleep(ASKED_EVERY_S * random.uniform(0.5, 1.5))
            some = {(begin + i) % n for i in range(min(n, N_ASKED))}
            begin = (begin + N_ASKED) % n
            await asyncio.gather(*(self.homes[i].look_behind() for i in some))

    def mark(self) -> dict[str, Any]:
        """Return what was done since the last mark."""
        said = self._tally.said()
        self._tally.clear()
        return said

    async def end(self) -> dict[str, Any]:
        """End all, the first ones in order; return the hashes of what those sent."""
        if self._asking is not None:
            self._asking.cancel()
        await asyncio.gather(*(home.stop() for home in self.homes))
        n_checked = self._job.n_checked if self._job.does == "all" else 0
        checked = self.homes[:n_checked]
        n = await self._end(checked)
        hashes = {one.patient.session: one.content.hexdigest() for one in checked}
        return {"checked": len(checked), "complete": n, "sha256": hashes}

    async def _end(self, homes: list[Home]) -> int:
        await asyncio.gather(*(home.end() for home in homes))
        return sum(await asyncio.gather(*(_complete(home) for home in homes)))

    async def close(self) -> None:
        """Let everything go, soon."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.gather(*(home.close() for home in self.homes))
        except TimeoutError:
            pass


async def _complete(home: Home) -> bool:
    until_s = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < until_s:
        try:
            if (await home.kept()).state == "complete":
                return True
        except BusError:
            pass
        await asyncio.sleep(0.25)
    return False


def _say(said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def _run(job: Job) -> None:
    homes = Homes(job)
    _say({"zeros": await homes.begin()})
    while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
        match command:
            case "mark":
                _say(homes.mark())
            case "whole":
                await homes.send_whole()
                _say(homes.mark())
            case "end":
                _say(await homes.end())
    await homes.close()


def main() -> None:
    """Do the job that comes by standard input."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(job))


if __name__ == "__main__":
    main()
