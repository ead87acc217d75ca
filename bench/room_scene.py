"""A room as the service would tell of it: people who share, scripted second by second.

For measuring the therapist's page alone, without the service's own work, and for
looking at states of the room that a real service takes long to be in.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

DIST = Path(__file__).resolve().parents[1] / "dashboard" / "dist"
HELD_S = 62
"""How much of the past is told to whoever comes."""
ALIASES = (
    "Calm Heron",
    "Still River",
    "Amber Finch",
    "Quiet Maple",
    "Slow Comet",
    "Green Harbour",
    "Soft Thunder",
    "North Lantern",
    "Plain Willow",
    "Far Meadow",
)
STREAMS = ["breathing", "heart", "notes", "ratings"]

Message = dict[str, Any]


class Somebody:
    """One who shares: what the room's list says, and what each second brings."""

    def __init__(self, k: int, began_s: float) -> None:
        self.k = k
        self.id = f"01ROOM{k:020d}"
        self.began_s = began_s
        round_, name = divmod(k, len(ALIASES))
        self.alias = ALIASES[name] + (f" {round_ + 1}" if round_ else "")
        self.rate = 5.0 + (k % 5) / 2
        self.base = 58.0 + (7 * k) % 30
        self.swing = 2.0 + (5 * k) % 8
        self._beat_s = 0.0
        self._index = 0
        self._seq = 0

    @property
    def listed(self) -> Message:
        """Return this one in the list of the room."""
        heart_only = self.k % 10 == 8
        return {
            "session": self.id,
            "person": f"01PERS{self.k:020d}",
            "alias": self.alias,
            "streams": ["heart"] if heart_only else STREAMS,
            "sharing": "paused" if self.k % 10 == 7 else "on",
            "started_at": _iso(self.began_s),
            "simulated": self.k % 3 == 0,
            "usual": None
            if self.k % 10 == 9
            else {"n": 5, "rsa_bpm": 7.0, "spread_bpm": 1.5},
            "hand": self.k % 10 == 6,
        }

    def _message(self, kind: str, t_ms: float, **fields: Any) -> Message:  # noqa: ANN401
        self._seq += 1
        return {"v": 1, "seq": self._seq, "t_ms": round(t_ms, 3), "kind": kind} | fields

    def starts(self) -> list[Message]:
        """Return what is told of the strap, the pace and what was entered so far."""
        state = {3: "contact_lost", 4: "searching"}.get(self.k % 10, "streaming")
        told = [
            self._message(
                "link", 0, state=state, step=None, reason=None, advice=None, strap=None
            ),
            self._message(
                "pacer",
                0,
                origin_ms=0,
                rate_bpm=self.rate,
                inhale_pct=40,
                hold_in_ms=0,
                hold_out_ms=0,
                from_breath=0,
            ),
        ]
        if self.k % 10 not in (4, 8):
            told.append(
                self.entry(
                    8_000, "pain_unpleasantness", "person", self.k % 10, "before"
                )
            )
        return told

    def entry(
        self,
        t_ms: float,
        type: str,
        by: str,
        value: float | None = None,
        moment: str | None = None,
        text: str | None = None,
    ) -> Message:
        """Return an entry of the session."""
        return self._message(
            "event",
            t_ms,
            id=f"01EV{self.k:04d}{self._seq:018d}",
            type=type,
            by=by,
            value=value,
            unit=None,
            text=text,
            moment=moment,
        )

    def second(self, s: int) -> list[Message]:
        """Return what the second that ends at ``s`` brings."""
        told = []
        silent = self.k % 10 == 4 or (self.k % 10 == 3 and s > HELD_S - 8)
        while not silent and self._beat_s < s:
            hr = self.base + self.swing * math.sin(
                2 * math.pi * self._beat_s * self.rate / 60
            )
            rr_ms = 60_000 / hr
            self._beat_s += rr_ms / 1000
            odd = self.k % 10 == 5 and self._index % 11 == 0
            told.append(
                self._message(
                    "beat",
                    1000 * self._beat_s - 900,
                    index=self._index,
                    segment=0,
                    rr_ms=rr_ms,
                    label="artefact" if odd else "normal",
                    nn_ms=None if odd else rr_ms,
                    uncertainty_ms=5,
                    provisional=False,
                )
            )
            self._index += 1
        if not silent:
            told.append(
                self._message("heart", 1000 * s, hr_bpm=round(self.base), contact=True)
            )
        told.append(self._metrics(s, silent))
        return told

    def _metrics(self, s: int, silent: bool) -> Message:
        artefacts = 9.1 if self.k % 10 == 5 else (0.0, 1.4, 3.2)[self.k % 3]
        window = {
            "coverage": 0.97,
            "n_nn": 60,
            "artefact_pct": artefacts,
            "hr_bpm": self.base,
            "rmssd_ms": 31.4,
            "sdnn_ms": 48.2,
            "pnn50_pct": 11.0,
            "provisional": False,
        }
        return self._message(
            "metrics",
            1000 * s,
            window_s={"30": window, "60": window, "300": window},
            lf_ms2=900.0,
            hf_ms2=210.0,
            power_s=120,
            lf_peak_hz=self.rate / 60,
            rsa_bpm=None if silent else 2 * self.swing * 0.8,
            rsa_ms=None if silent else 9.0 * self.swing,
            coherence_ratio=4.2,
            phase_deg=38.0,
            in_phase_pct=None if silent else 60 + (11 * self.k) % 40,
            breathing={
                "breaths_per_min": self.rate,
                "confidence": 0.86,
                "source": "rr",
            },
            followed=True,
            activation=None,
            activation_reason="Not enough rest was recorded today.",
            suitable=True,
            reason=None,
            settled_index=max(0, self._index - 51),
        )


def _iso(s: float) -> str:
    return datetime.fromtimestamp(s, UTC).isoformat()


class Scene:
    """A service that knows nothing but its script."""

    def __init__(self, n: int, role: str = "therapist") -> None:
        self.n = n
        self.role = role
        self.notes: list[Message] = []

    def people(self) -> list[Somebody]:
        """Return them as they are when somebody connects."""
        return [Somebody(k, time.time() - HELD_S - 40 * k) for k in range(self.n)]

    async def room(self, socket: WebSocket) -> None:
        """Tell all of them on one socket, second by second."""
        await socket.accept()
        people = self.people()
        began = time.monotonic() - HELD_S
        await socket.send_json(
            {"kind": "room", "tiles": [one.listed for one in people]}
        )

        async def pongs() -> None:
            async for asked in socket.iter_json():
                if asked["kind"] == "ping":
                    now_ms = 1000 * (time.monotonic() - began)
                    await socket.send_json(
                        {
                            "kind": "pong",
                            "client_time_ms": asked["client_time_ms"],
                            "server_time_ns": time.monotonic_ns(),
                            "sessions": {one.id: now_ms for one in people},
                        }
                    )

        async def tell(one: Somebody, messages: list[Message]) -> None:
            for message in messages:
                if one.listed["sharing"] == "on":
                    await socket.send_json(
                        {"kind": "tile", "session": one.id, "message": message}
                    )

        async def tells() -> None:
            for one in people:
                await tell(one, one.starts())
                for s in range(1, HELD_S):
                    await tell(one, one.second(s))
            async for s in _seconds(began):
                # As straps send: each at its own instant of the second.
                for one in people:
                    await tell(one, one.second(s))
                    await asyncio.sleep(0.7 / self.n)

        await _until_gone(pongs(), tells())

    async def live(self, socket: WebSocket) -> None:
        """Tell one of them alone; answer what a therapist may ask."""
        await socket.accept()
        id = socket.path_params["id"]
        one = next(one for one in self.people() if one.id == id)
        began = time.monotonic() - HELD_S
        await socket.send_json(
            one._message("hello", 0, session=id, last_seq=0, protocol_version=1)
        )

        async def answers() -> None:
            async for asked in socket.iter_json():
                now_ms = 1000 * (time.monotonic() - began)
                match asked["kind"]:
                    case "ping":
                        told = one._message(
                            "clock",
                            now_ms,
                            client_time_ms=asked["client_time_ms"],
                            session_ms=now_ms,
                        )
                    case "annotate":
                        told = one.entry(
                            now_ms, asked["type"], "T-AAAAAA", text=asked["text"]
                        )
                    case "pacer.propose":
                        shape = f'{{"inhale_pct":{asked["inhale_pct"]}}}'
                        told = one.entry(
                            now_ms,
                            "pacer_proposed",
                            "T-AAAAAA",
                            asked["rate_bpm"],
                            text=shape,
                        )
                    case "say":
                        told = one.entry(
                            now_ms, "message", "T-AAAAAA", text=asked["text"]
                        )
                    case _:
                        continue
                await socket.send_json(told)

        async def tells() -> None:
            for message in one.starts():
                await socket.send_json(message)
            for s in range(1, HELD_S):
                for message in one.second(s):
                    await socket.send_json(message)
            async for s in _seconds(began):
                for message in one.second(s):
                    await socket.send_json(message)

        await _until_gone(answers(), tells())

    async def answer(self, request: Request) -> Response:
        """Answer the pages' questions."""
        path = request.path_params["path"]
        if path == "notes" and request.method == "POST":
            told = await request.json()
            note = told | {"id": f"note{len(self.notes)}", "at": _iso(time.time())}
            self.notes.insert(0, note)
            return JSONResponse(note, 201)
        if path in ("sign-out",) or request.method == "DELETE":
            return Response(status_code=204)
        found = self._answers().get(path)
        if found is None and path.endswith("/sessions"):
            found = {"sessions": _sessions()}
        if found is None:
            return JSONResponse(
                {"status": 404, "detail": "There is no such thing."}, 404
            )
        return JSONResponse(found)

    def _answers(self) -> Mapping[str, Message]:
        people = [
            {
                "person": one.listed["person"],
                "alias": one.alias,
                "live": STREAMS,
                "report": STREAMS[1:] if one.k % 2 == 0 else [],
                "expires_at": _iso(time.time() + 86400 * (10 + one.k)),
            }
            for one in self.people()[:6]
        ]
        letter = self.role[0].upper()
        return {
            "me": {
                "person": {"id": "01ME", "pseudonym": "Grey Otter"},
                "role": self.role,
                "code": f"{letter}-AAAAAA",
                "name": "kim",
                "display": "Dr. Kim",
                "shared": True,
            },
            "doors": {"shared": True, "passkeys": False},
            "sessions": {"sessions": []},
            "room/people": {"people": people},
            "notes": {"notes": self.notes},
            "accounts": {"accounts": _accounts()},
            "invites": {"invites": _invites()},
            "audit": {
                "rows": _audit(),
                "n_rows": 60,
                "whole": True,
                "broken_seq": None,
                "head": "5f" * 32,
            },
        }

    def app(self) -> Starlette:
        """Return it as an application, with the built page."""
        return Starlette(
            routes=[
                WebSocketRoute("/api/v1/room", self.room),
                WebSocketRoute("/api/v1/live/{id}", self.live),
                Route(
                    "/api/v1/{path:path}",
                    self.answer,
                    methods=["GET", "POST", "PUT", "DELETE"],
                ),
                Mount("/", StaticFiles(directory=DIST, html=True)),
            ]
        )


async def _seconds(began: float) -> AsyncIterator[int]:
    s = HELD_S
    while True:
        await asyncio.sleep(max(0.0, began + s - time.monotonic()))
        yield s
        s += 1


async def _until_gone(*works: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def _sessions() -> list[Message]:
    now = datetime.now(UTC)
    return [
        {
            "session": f"01SESS{k:020d}",
            "state": "live" if k == 0 else "complete",
            "started_at": (now - timedelta(days=3 * k, minutes=11)).isoformat(),
            "minutes": None if k == 0 else 10.0 + k,
            "simulated": k == 2,
            "practice": "breath" if k == 1 else None,
            "symptom": k == 3,
        }
        for k in range(5)
    ]


def _accounts() -> list[Message]:
    names = (
        ("admin", "A-2K7M9Q", "Clinic desk"),
        ("therapist", "T-AAAAAA", "Dr. Kim"),
        ("researcher", "R-8XW3TD", "M. Osei"),
        ("patient", "P-5JH0RN", "Grey Otter"),
        ("patient", "P-91VZCE", "A person with a rather long name to show"),
    )
    now = time.time()
    return [
        {
            "id": f"01ACC{k}",
            "code": code,
            "name": display.split()[0].lower().strip("."),
            "display": display,
            "role": role,
            "person": {"id": f"01P{k}", "pseudonym": "Plain Willow"},
            "created_at": _iso(now - 86400 * (40 - k)),
            "revoked_at": _iso(now - 86400) if k == 4 else None,
            "has_password": k != 3,
            "n_passkeys": k % 3,
            "last_seen_at": None if k == 3 else _iso(now - 3600 * (k + 1)),
        }
        for k, (role, code, display) in enumerate(names)
    ]


def _invites() -> list[Message]:
    now = time.time()
    return [
        {
            "id": f"01INV{k}",
            "role": role,
            "state": state,
            "for_account": None,
            "person": None,
            "invited_by": {"code": "A-2K7M9Q", "display": "Clinic desk"},
            "created_at": _iso(now),
            "expires_at": _iso(now + 3600 * (70 - k)),
            "used_at": None,
            "revoked_at": None,
        }
        for k, (role, state) in enumerate(
            (("patient", "open"), ("therapist", "open"), ("patient", "used"))
        )
    ]


def _audit() -> list[Message]:
    actions = ("sign_in.password", "watch.begin", "invite.make", "report.read")
    patient = hashlib.sha256(b"a patient").hexdigest()
    return [
        {
            "seq": 60 - k,
            "at": _iso(time.time() - 700 * k),
            "actor": ("T-AAAAAA", "A-2K7M9Q", "nobody", patient)[k % 4],
            "role": "therapist",
            "action": actions[k % len(actions)],
            "subject": patient if k % 2 else None,
            "object": None,
            "outcome": "refused" if k % 7 == 5 else "ok",
            "origin": "192.0.2.17",
        }
        for k in range(50)
    ]


@contextlib.contextmanager
def served(n: int, role: str = "therapist") -> Iterator[str]:
    """Serve a scene of ``n`` people while the block runs; yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Scene(n, role).app(),
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            log_level="error",
            lifespan="off",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
