"""Nodes of a clinic as processes of their own, and a page that stays meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

GRACE_S = 60.0
PROGRAM = "a-token-for-programs-0123456789"
BEARER = {"Authorization": f"Bearer {PROGRAM}"}

FOR_GOOD = {1000, 4403, 4404}
"""The codes at which dashboard/src/live.ts does not come again."""

AGAIN_S = 0.3


@dataclass
class Node:
    """One ``biofeedback run``."""

    process: subprocess.Popen[str]
    url: str

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers=headers or BEARER,
            timeout=30,
        )

    def done(
        self, method: str, path: str, body: object, **headers: str
    ) -> dict[str, Any]:
        answer = self.ask(method, f"api/v1/{path}", body, **headers)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def term(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def waited_for(self) -> str:
        """Return what it logged; fails when it did not end in order."""
        out, err = self.process.communicate(timeout=GRACE_S)
        assert self.process.returncode == 0, out + err
        return err


@contextlib.contextmanager
def node(data: Path, *options: str, **environment: str) -> Iterator[Node]:
    """Run one; it is killed in the end, if it still goes on."""
    command = ["run", "--no-browser", "--port", "0", "--data", str(data)]
    with subprocess.Popen(
        [sys.executable, "-m", "biofeedback.cli", *command, "--log", "json", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"BIOFEEDBACK_TOKEN": PROGRAM, "PATH": os.environ["PATH"], **environment},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready: "), process.communicate(timeout=GRACE_S)
            yield Node(process, line.removeprefix("ready: ").strip().partition("#")[0])
        finally:
            process.kill()


@dataclass
class Page:
    """A viewer that comes again as the page does: with ``since``, wherever it may.

    Parameters
    ----------
    id
        The session that it shows.
    headers
        Who it is.
    nodes
        Returns the nodes that it may try, in their order.
    """

    id: str
    headers: dict[str, str]
    nodes: Callable[[], list[Node]]
    seen: list[dict[str, Any]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    at: list[str] = field(default_factory=list)

    @property
    def since(self) -> int | None:
        return self.seen[-1]["seq"] if self.seen else None

    async def stay(self) -> None:
        """Show the session until it has ended, or may not be seen any more."""
        while True:
            for one in self.nodes():
                if await self._show(one.url):
                    return
            await asyncio.sleep(AGAIN_S)

    async def _show(self, url: str) -> bool:
        since = "" if self.since is None else f"?since={self.since}"
        live = f"{url.replace('http', 'ws')}api/v1/live/{self.id}{since}"
        try:
            async with connect(
                live, additional_headers=self.headers, compression=None
            ) as socket:
                await socket.send(json.dumps({"kind": "ping", "client_time_ms": 1}))
                async for data in socket:
                    self._take(json.loads(data), url)
        except (OSError, InvalidHandshake, TimeoutError):
            return False
        except ConnectionClosed:
            pass
        assert socket.close_code is not None
        self.codes.append(socket.close_code)
        return socket.close_code in FOR_GOOD

    def _take(self, message: dict[str, Any], url: str) -> None:
        if message["kind"] in ("hello", "clock", "error"):
            return  # of the connection: it has no number of its own
        self.seen.append(message)
        if not self.at or self.at[-1] != url:
            self.at.append(url)

    async def has_seen(self, more: int) -> None:
        """Wait until so many more messages have come."""
        wanted = len(self.seen) + more
        async with asyncio.timeout(GRACE_S):
            while len(self.seen) < wanted:  # noqa: ASYNC110 - another task takes them
                await asyncio.sleep(0.02)
