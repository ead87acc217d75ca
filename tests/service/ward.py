"""A shared house with people in it: who practises, who watches, who is a stranger."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from biofeedback.service.consents import NS_PER_DAY
from biofeedback.session.hub import Hub
from biofeedback.session.runner import LiveSession
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.session.transcript import Message
from biofeedback.store import AccountRow, Role
from tests.service.conftest import House, Start, comes_true, message, until

PEOPLE = {
    "mira": Role.PATIENT,
    "tom": Role.PATIENT,
    "kim": Role.THERAPIST,
    "lee": Role.THERAPIST,
    "ada": Role.RESEARCHER,
    "root": Role.ADMIN,
}

EVERYTHING = ("heart", "breathing", "ratings", "notes")
RATING = {"type": "arousal", "value": 3, "moment": "during", "prompt": "How awake?"}


@dataclass
class Ward:
    """Everybody, by name, and what they can do."""

    house: House
    accounts: dict[str, AccountRow]
    cookies: dict[str, dict[str, str]]

    def sign_in(self) -> None:
        """Sign everybody in, by a cookie of their own."""
        here = self.house.context
        for name, account in self.accounts.items():
            token = here.sign_ins.enter(account)
            self.cookies[name] = {"Cookie": f"{here.cookie}={token}"}

    def pass_days(self, days: float) -> None:
        self.house.utc_ns[0] += round(days * NS_PER_DAY)
        self.sign_in()  # whoever was away for long has to

    async def ask(
        self, who: str, method: str, path: str, body: object = None
    ) -> httpx.Response:
        return await self.house.anyone.request(
            method, f"/api/v1{path}", json=body, headers=self.cookies[who]
        )

    async def get(self, who: str, path: str) -> dict[str, Any]:
        answer = await self.ask(who, "GET", path)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def done(
        self, who: str, method: str, path: str, body: object = None
    ) -> dict[str, Any]:
        answer = await self.ask(who, method, path, body)
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    async def begin(self, who: str = "mira") -> str:
        session = await self.done(who, "POST", "/sessions", {"strap": SIMULATED_ID})
        id: str = session["id"]
        return id

    async def consent(
        self,
        streams: Collection[str] = EVERYTHING,
        *,
        by: str = "mira",
        to: str = "kim",
        purpose: str = "live",
        days: int = 30,
    ) -> dict[str, Any]:
        grants = [{"stream": stream, "purpose": purpose} for stream in streams]
        body = {"account": self.accounts[to].id, "grants": grants, "days": days}
        return await self.done(by, "POST", "/consents", body)

    async def revoke(self, *, by: str = "mira", **what: str) -> None:
        await self.done(by, "POST", "/consents/revoke", what)

    async def share(
        self, id: str, state: str = "on", *, by: str = "mira"
    ) -> dict[str, Any]:
        return await self.done(by, "PUT", f"/sessions/{id}/sharing", {"state": state})

    async def shared(self, streams: Collection[str] = EVERYTHING) -> str:
        """Begin a session that mira shares with kim."""
        await self.consent(streams)
        id = await self.begin()
        await self.share(id)
        return id

    def running(self, id: str) -> LiveSession:
        live = self.house.context.conductor.session(id)
        assert live is not None
        return live

    async def caught_up(self, *ids: str) -> None:
        """Wait until nothing waits for any viewer of these sessions."""

        def nothing_waits() -> bool:
            hubs = [self.running(id).hub for id in ids]
            viewers = [viewer for hub in hubs for viewer in hub._viewers]
            return not any(viewer._live or viewer._kept for viewer in viewers)

        await comes_true(nothing_waits)

    def code(self, who: str) -> str:
        return self.accounts[who].code

    @contextlib.asynccontextmanager
    async def watch(
        self, who: str, id: str, *, since: int | None = None
    ) -> AsyncIterator[ClientConnection]:
        headers = self.cookies[who]
        async with self.house.watch(id, headers=headers, since=since) as socket:
            yield socket

    @contextlib.asynccontextmanager
    async def room(self, who: str = "kim") -> AsyncIterator[ClientConnection]:
        uri = f"ws://{self.house.address}/api/v1/room"
        headers = self.cookies[who]
        async with connect(
            uri, compression=None, max_queue=None, additional_headers=headers
        ) as socket:
            yield socket


@contextlib.asynccontextmanager
async def opened(start_house: Start) -> AsyncIterator[Ward]:
    """Give a shared house."""
    async with start_house() as house:
        add = house.store.accounts.add
        accounts = {
            name: add(name=name, display=name.title(), role=role)
            for name, role in PEOPLE.items()
        }
        sign_ins = house.context.sign_ins
        sign_ins.become_shared()
        house.anyone.cookies.clear()
        ward = Ward(house, accounts, {})
        ward.sign_in()
        yield ward


async def send(socket: ClientConnection, kind: str, **fields: object) -> None:
    await socket.send(json.dumps({"kind": kind, **fields}))


async def goodbye(socket: ClientConnection) -> tuple[int, str, list[dict[str, Any]]]:
    """Return the close code, its sentence, and what came until then."""
    seen: list[dict[str, Any]] = []
    try:
        while True:
            seen.append(await message(socket))
    except ConnectionClosed as closed:
        code, reason = (
            (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (0, "")
        )
    return code, reason, seen


async def stuck(socket: ClientConnection, hub: Hub, n: int = 100) -> int:
    """Let more wait for a viewer than the network holds; return the first that does.

    The viewer stops reading. It has been sent all messages before the one returned.
    """
    socket.transport.pause_reading()
    (viewer,) = hub._viewers
    for seq in range(hub.last_seq + 1, hub.last_seq + 1 + n):
        told = {"v": 1, "seq": seq, "t_ms": 0, "kind": "heart", "hr_bpm": "6" * 200_000}
        data = json.dumps(told).encode()
        hub.publish(Message(seq=seq, kind="heart", t_ms=0.0, data=data))
    last, same = -1, 0
    while same < 200:
        await asyncio.sleep(0)
        same = same + 1 if viewer.last_seq == last else 0
        last = viewer.last_seq
    assert last < hub.last_seq
    return last


async def so_far(
    socket: ClientConnection, answer: str = "clock"
) -> list[dict[str, Any]]:
    """Return all that was sent until now: an answer to a ping comes after it."""
    await send(socket, "ping", client_time_ms=1)
    seen = []
    while (received := await message(socket))["kind"] != answer:
        seen.append(received)
    return seen


async def event(socket: ClientConnection, type: str) -> dict[str, Any]:
    """Return the next event of this type."""
    while (received := await until(socket, "event"))["type"] != type:
        pass
    return received
