"""People who mean no good, or whose computer does not: what it costs the others.

Each trouble is measured twice in one run, without and with it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

from bench.load.clinic import cookie, practise, prepare
from bench.load.fanout import LATER
from bench.load.processes import BEARER, Figures, begin, house, measured, stage
from bench.load.viewers import Job, Place
from bench.load.wire import connect

HEALTHY = 20
RATE_HZ = 20.0
FRAME_BYTES = 100_000
LORIS = 200
BAD_SIGN_INS = 10_000
AT_ONCE = 40
WATCH_ECG = '{"kind":"traces","signals":["ecg"]}'
MARK = b'{"kind":"annotate","type":"mark"}'

Trouble = Callable[[str, str], Coroutine[Any, Any, Figures]]
"""Makes trouble at an address, of a session; returns what became of it."""


def stalled(seconds: float) -> list[Figures]:
    """Let one of many viewers of large frames stop reading."""
    rows = []
    for n_stalled in (0, 1):
        with stage(rate=RATE_HZ, frames=FRAME_BYTES) as (server, address):
            path = f"/api/v1/live/{begin(address)}"
            healthy = Place(path=path, headers=BEARER, say=(WATCH_ECG,))
            stuck = Place(path=path, headers=BEARER, say=(WATCH_ECG,), stalls=True)
            job = Job(
                address=address,
                places=(*(healthy,) * HEALTHY, *(stuck,) * n_stalled),
                clocks=(healthy,),
                seconds=seconds,
                period_ms=1000 / RATE_HZ,
            )
            trouble = f"{n_stalled} of {HEALTHY + n_stalled} stalled"
            rows.append({"trouble": trouble, **measured(job, server)})
    return rows


def flooded(seconds: float) -> list[Figures]:
    """Let one viewer send commands as fast as it can, and come again when put out."""
    return _twice(seconds, "commands flood in", partial(_flood, seconds=seconds))


def dripped(seconds: float) -> list[Figures]:
    """Let many clients send a byte of a request a second."""
    return _twice(seconds, f"{LORIS} slow-loris", partial(_drip, seconds=seconds))


def _twice(seconds: float, name: str, trouble: Trouble) -> list[Figures]:
    rows = []
    for with_it in (False, True):
        with stage(rate=RATE_HZ) as (server, address):
            session = begin(address)
            place = Place(path=f"/api/v1/live/{session}", headers=BEARER)
            job = Job(
                address=address,
                places=(place,) * HEALTHY,
                clocks=(place,),
                seconds=seconds,
                period_ms=1000 / RATE_HZ,
            )

            def make(address: str = address, session: str = session) -> Figures:
                return _run(trouble(address, session))

            row = measured(job, server, meanwhile=make if with_it else None)
            rows.append({"trouble": name if with_it else f"no {name}", **row})
    return rows


def _run(trouble: Coroutine[Any, Any, Figures]) -> Figures:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(trouble)


async def _flood(address: str, session: str, *, seconds: float) -> Figures:
    ends_s = time.monotonic() + seconds - 1
    sent, put_out = 0, Counter[int]()
    path = f"/api/v1/live/{session}?since={LATER}"
    while time.monotonic() < ends_s:
        peer = await connect(address, path, BEARER, lambda _data, _now_ns: None)
        while not peer.closed.done() and time.monotonic() < ends_s:
            for _ in range(50):
                peer.send(MARK)
            sent += 50
            await asyncio.sleep(0)
        if peer.closed.done():
            put_out[peer.closed.result()] += 1
        peer.abort()
    return {"commands": sent, "put_out": dict(put_out)}


async def _drip(address: str, _session: str, *, seconds: float) -> Figures:
    host, _, port = address.rpartition(":")
    ends_s = time.monotonic() + seconds - 1
    answers: Counter[str] = Counter()

    async def one() -> None:
        for number in count():
            if time.monotonic() > ends_s:
                return
            reader, writer = await asyncio.open_connection(host, int(port))
            answer = asyncio.create_task(reader.read())
            writer.write(b"GET /healthz HTTP/1.1\r\nX-%d: " % number)
            while not answer.done() and time.monotonic() < ends_s:
                writer.write(b"x")
                await asyncio.wait([answer], timeout=1.0)
            if answer.done() and answer.exception() is None:
                answers[answer.result().split(b"\r\n")[0].decode() or "closed"] += 1
            answer.cancel()
            writer.transport.abort()

    others = asyncio.create_task(_asked(address, ends_s))
    await asyncio.gather(*(one() for _ in range(LORIS)))
    return {"put_out": dict(answers), "healthz_ms": await others}


async def _asked(address: str, ends_s: float) -> dict[str, float]:
    # How long somebody else waits for an answer meanwhile.
    host, _, port = address.rpartition(":")
    took_ms = []
    while time.monotonic() < ends_s:
        began_ns = time.monotonic_ns()
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        took_ms.append((time.monotonic_ns() - began_ns) / 1e6)
        writer.close()
        await asyncio.sleep(0.05)
    took_ms.sort()
    return {"n": len(took_ms), "p99": took_ms[int(len(took_ms) * 0.99)]}


def guessed(seconds: float, *, n: int = BAD_SIGN_INS) -> list[Figures]:
    """Let somebody guess passwords while others practise."""
    rows = []
    for with_it in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            clinic = prepare(data, patients=HEALTHY, therapists=1)
            with house(data) as (server, address):
                sessions = practise(address, clinic)
                own = tuple(
                    Place(path=f"/api/v1/live/{id}", headers=cookie(address, token))
                    for id, token in zip(sessions, clinic.patients, strict=True)
                )
                job = Job(address=address, places=own, clocks=own, seconds=seconds)

                def guess(address: str = address) -> Figures:
                    return _run(_guess(address, n))

                row = measured(job, server, meanwhile=guess if with_it else None)
        name = f"{n} bad sign-ins" if with_it else "no bad sign-ins"
        rows.append({"trouble": name, **row})
    return rows


async def _guess(address: str, n: int) -> Figures:
    host, _, port = address.rpartition(":")
    numbers = iter(range(n))
    answers: Counter[str] = Counter()
    cookies = 0
    began_s = time.monotonic()

    async def some() -> None:
        nonlocal cookies
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            # Names that are there and names that are not, in turn.
            name = f"patient{number % HEALTHY}" if number % 2 else f"nobody{number}"
            body = json.dumps({"name": name, "password": f"wrong words {number}"})
            writer.write(
                f"POST /api/v1/sign-in/password HTTP/1.1\r\nHost: {address}\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = head.partition("content-length: ")[2].split("\r\n")[0]
            await reader.readexactly(int(length))
            answers[head[9:12]] += 1
            cookies += "set-cookie" in head
        writer.close()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return {
        "answers": dict(answers),
        "let_in": cookies + answers["200"],
        "took_s": round(time.monotonic() - began_s, 1),
    }
