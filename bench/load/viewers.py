"""Everyone who watches, in a process of their own: ``python -m bench.load.viewers``.

Reads a :class:`Job` as one line of JSON, opens its viewers, and prints a line when they
are all there, when measuring begins, when it ends, and what was found. Latency is taken
on the monotonic clock of the machine, which all its processes share. The messages carry
the instant of the record they tell of, in milliseconds of their session; where zero of
a session lies on that clock is found with pings (of ten the one that came back soonest,
so it is known to half of that, some 50 µs).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import uvloop

from bench.load.wire import Peer, connect

Numbers = npt.NDArray[np.float64]

TOUCHED_EVERY_S = 600.0
PINGS = 10
AT_ONCE = 50
NS_PER_MS = 1e6
TIMED = ("heart", "metrics")
"""Kinds whose ``t_ms`` is the instant at which the server learned what they say; that
of a beat is the beat's own."""

UNNUMBERED = ("hello", "clock", "error", "pong", "room")


class Place(msgspec.Struct, frozen=True):
    """One viewer: what it asks for, and as whom."""

    path: str
    headers: dict[str, str]
    say: tuple[str, ...] = ()
    """Commands that it sends at once."""
    stalls: bool = False
    """Whether it stops reading as soon as it is there."""
    is_own: bool = False
    """Whether this is the person's own page, from which nothing is withheld."""


class Job(msgspec.Struct, frozen=True):
    """What a process of viewers is to do."""

    address: str
    places: tuple[Place, ...]
    seconds: float
    settle_s: float = 2.0
    period_ms: float = 1000.0
    """How often a strap sends."""
    clocks: tuple[Place, ...] = ()
    """Whom to ask for the clock of each session; without them ``t_ms`` is absolute."""
    clocks_at: str = ""
    """Where to ask them, if not at ``address``: sessions may be run elsewhere."""
    zeros_ns: dict[str, float] = {}
    """Where zero of sessions lies that need not be asked: who runs them has said so."""


class Told(msgspec.Struct, frozen=True):
    """What is looked at in a message; the rest is parsed and left."""

    kind: str
    seq: int = 0
    t_ms: float = 0.0
    from_seq: int = 0
    to_seq: int = 0
    at_ms: float | None = None
    type: str = ""
    text: str | None = None
    session: Any = None
    message: Told | None = None
    session_ms: float = 0.0


_told = msgspec.json.Decoder(Told)


class Found:
    """What all viewers of a process have seen while it was measured."""

    def __init__(self) -> None:
        self.measuring = False
        self.zero_ns: dict[str, float] = defaultdict(float)
        self.spread_ms: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self.at_ms: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self.kinds: Counter[str] = Counter()
        self.bytes = 0
        self.lost = self.doubled = self.dropped = 0
        self.holes: list[tuple[str, int]] = []
        self.early: set[tuple[str, int]] = set()
        self.yes_ms: dict[str, float] = {}

    def time(self, kind: str, session: str, t_ms: float, now_ns: int) -> None:
        """Keep how long a message took from its record to here."""
        latency_ms = now_ns / NS_PER_MS - self.zero_ns[session] / NS_PER_MS - t_ms
        self.spread_ms[kind].append(latency_ms)
        if kind == "heart":
            self.at_ms[session].extend((t_ms, latency_ms))

    def look(self, session: str, told: Told) -> None:
        """Learn from a person's own page what others are rightly not told.

        That is what came before the yes, and what tells anew of a beat from before it.
        """
        if told.kind == "event" and told.type == "sharing" and told.text == "on":
            self.yes_ms.setdefault(session, told.t_ms)
        at_ms = told.t_ms if told.at_ms is None else told.at_ms
        if at_ms < self.yes_ms.get(session, np.inf):
            self.early.add((session, told.seq))

    def summary(self, period_ms: float) -> dict[str, Any]:
        """Return the figures."""
        spreads = {kind: _percentiles(of) for kind, of in self.spread_ms.items()}
        withheld = self.early
        due = [_since_due(of, period_ms) for of in self.at_ms.values() if len(of)]
        if due:
            spreads["heart, since it was due"] = _percentiles(np.concatenate(due))
        return {
            "spreads": spreads,
            "kinds": dict(self.kinds),
            "messages": sum(self.kinds.values()),
            "bytes": self.bytes,
            "lost": self.lost + len([one for one in self.holes if one not in withheld]),
            "withheld": len(withheld & set(self.holes)),
            "doubled": self.doubled,
            "dropped": self.dropped,
        }


def _percentiles(values: Sequence[float] | Numbers) -> dict[str, float]:
    spread = np.asarray(values)
    p50, p95, p99 = np.percentile(spread, (50, 95, 99))
    return {
        "n": len(spread),
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "max_ms": float(spread.max()),
    }


def _since_due(pairs: array[float], period_ms: float) -> Numbers:
    # The strap lives in the server's loop: when that is late, so is the strap. It sends
    # evenly, and at best on time: the earliest of its packets tells when all were due.
    t_ms, latency_ms = np.asarray(pairs).reshape(-1, 2).T
    turns = np.round((t_ms - t_ms[0]) / period_ms)
    late_ms = t_ms - t_ms[0] - turns * period_ms
    since: Numbers = latency_ms + late_ms - late_ms.min()
    return since


class Watching:
    """One viewer's account of what it is told: nothing missing, nothing twice."""

    def __init__(self, found: Found, place: Place) -> None:
        self._found = found
        self._is_own = place.is_own
        self._session = place.path.partition("?")[0].rpartition("/")[2]
        self._last: dict[str, int] = {}
        self.n = 0

    def take(self, payload: bytes, now_ns: int) -> None:
        """Look at one message."""
        found = self._found
        self.n += 1
        if payload[0] != ord("{"):  # samples: they say when they were made
            if found.measuring:
                made_ns = int.from_bytes(payload[-8:], "little")
                found.kinds["frame"] += 1
                found.bytes += len(payload)
                found.spread_ms["frame"].append((now_ns - made_ns) / NS_PER_MS)
            return
        told = _told.decode(payload)
        session = self._session
        if told.message is not None:
            session, told = str(told.session), told.message
        if self._is_own:
            found.look(session, told)
        if told.kind not in UNNUMBERED:
            self._count(told, session)
        if found.measuring:
            found.kinds[told.kind] += 1
            found.bytes += len(payload)
            if told.kind in TIMED:
                found.time(told.kind, session, told.t_ms, now_ns)

    def _count(self, told: Told, session: str) -> None:
        last = self._last.get(session)
        self._last[session] = told.to_seq if told.kind == "gap" else told.seq
        if last is None:
            return
        if told.kind == "gap":
            self._found.dropped += told.to_seq - told.from_seq + 1
        elif told.seq <= last:
            self._found.doubled += 1
        elif self._is_own:
            self._found.lost += told.seq - last - 1
        else:
            self._found.holes += [(session, seq) for seq in range(last + 1, told.seq)]


async def zero_ns(address: str, place: Place) -> float:
    """Return where zero of a session lies on this machine's monotonic clock."""
    answers: asyncio.Queue[tuple[float, int]] = asyncio.Queue()

    def take(payload: bytes, now_ns: int) -> None:
        if b'"kind":"clock"' in payload:
            answers.put_nowait((_told.decode(payload).session_ms, now_ns))

    peer = await connect(address, place.path, place.headers, take)
    best: tuple[float, float] | None = None
    for _ in range(PINGS):
        sent_ns = time.monotonic_ns()
        peer.send(b'{"kind":"ping","client_time_ms":0}')
        session_ms, came_ns = await answers.get()
        zero = (sent_ns + came_ns) / 2 - session_ms * NS_PER_MS
        best = min(best or (np.inf, zero), (came_ns - sent_ns, zero))
    assert best is not None
    peer.abort()
    return best[1]


async def _sit_through(seconds: float, peers: Sequence[Peer]) -> None:
    """Wait; whoever watches others does something now and then, as a person would.

    Staff who touch nothing for half an hour are signed out.
    """
    while seconds > 0:
        await asyncio.sleep(min(seconds, TOUCHED_EVERY_S))
        seconds -= TOUCHED_EVERY_S
        for peer in peers:
            if seconds > 0 and not peer.closed.done():
                peer.send(b'{"kind":"traces","signals":[]}')


async def watch(job: Job) -> dict[str, Any]:
    """Do ``job`` and return what was found."""
    found = Found()
    found.zero_ns.update(job.zeros_ns)
    for place in job.clocks:
        session = place.path.rpartition("/")[2]
        found.zero_ns[session] = await zero_ns(job.clocks_at or job.address, place)
    peers: list[Peer] = []
    stay: list[Peer] = []

    async def open_one(place: Place) -> None:
        take = Watching(found, place).take
        peer = await connect(job.address, place.path, place.headers, take)
        for command in place.say:
            peer.send(command.encode())
        if place.stalls:
            peer.stall()
        peers.append(peer)
        if not place.is_own and "/live/" in place.path:
            stay.append(peer)

    for first in range(0, len(job.places), AT_ONCE):
        some = job.places[first : first + AT_ONCE]
        await asyncio.gather(*(open_one(place) for place in some))
    _say(connected=len(peers))
    await asyncio.sleep(job.settle_s)
    found.measuring = True
    _say(begun=time.monotonic_ns())
    await _sit_through(job.seconds, stay)
    found.measuring = False
    _say(ended=time.monotonic_ns())
    closed = Counter(peer.closed.result() for peer in peers if peer.closed.done())
    for peer in peers:
        peer.abort()
    codes = {str(code): n for code, n in closed.items()}
    return {**found.summary(job.period_ms), "closed": codes}


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do the job that comes by standard input."""
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _say(**runner.run(watch(job)))


if __name__ == "__main__":
    main()
