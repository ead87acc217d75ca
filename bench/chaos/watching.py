"""A therapist's page that stays: it comes again with ``since``, wherever it may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.chaos.service import Service
from biofeedback.recording.reader import open_recording

AGAIN_S = 0.3
ROOM_S = 10.0
FOR_GOOD = {1000, 4403, 4404}
"""The codes at which dashboard/src/live.ts does not come again."""

UNNUMBERED = ("hello", "clock", "error", "gap")


class Viewer:
    """Watches one session for as long as it may.

    Parameters
    ----------
    id
        The session.
    headers
        Who it is.
    nodes
        Where it tries, in this order.
    """

    def __init__(
        self,
        id: str,
        headers: Mapping[str, str],
        nodes: Callable[[], Sequence[Service]],
    ) -> None:
        self.id = id
        self.seen: list[dict[str, Any]] = []
        self.gaps: list[tuple[int, int]] = []
        self.codes: list[int] = []
        self.hops = 0
        self.found = False
        self._headers = headers
        self._nodes = nodes
        self._at = ""
        self._since: int | None = None

    async def find(self) -> None:
        """Look into the room until the session is listed there."""
        while True:
            for node in self._nodes():
                if await self._listed(node.url):
                    self.found = True
                    return
            await asyncio.sleep(AGAIN_S)

    async def _listed(self, url: str) -> bool:
        room = f"{url.replace('http', 'ws')}api/v1/room"
        with suppress(OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
            async with (
                connect(room, additional_headers=self._headers) as socket,
                asyncio.timeout(ROOM_S),
            ):
                async for data in socket:
                    tiles = json.loads(data).get("tiles", ())
                    if any(tile["session"] == self.id for tile in tiles):
                        return True
        return False

    async def stay(self) -> None:
        """Show the session until it has ended, or may not be seen any more."""
        while True:
            for node in self._nodes():
                if await self._show(node.url):
                    return
            await asyncio.sleep(AGAIN_S)

    async def _show(self, url: str) -> bool:
        since = "" if self._since is None else f"?since={self._since}"
        live = f"{url.replace('http', 'ws')}api/v1/live/{self.id}{since}"
        try:
            async with connect(
                live, additional_headers=self._headers, compression=None, max_queue=None
            ) as socket:
                async for data in socket:
                    if isinstance(data, str):  # else samples, which have no number
                        self._take(json.loads(data), url)
        except (OSError, InvalidHandshake, TimeoutError):
            return False
        except ConnectionClosed:
            pass
        assert socket.close_code is not None
        self.codes.append(socket.close_code)
        return socket.close_code in FOR_GOOD

    def _take(self, message: dict[str, Any], url: str) -> None:
        if url != self._at:
            self.hops += bool(self._at)
            self._at = url
        if message["kind"] == "gap":
            self.gaps.append((message["from_seq"], message["to_seq"]))
            self._since = message["to_seq"]
        if message["kind"] not in UNNUMBERED:
            self.seen.append(message)
            self._since = message["seq"]


def check(viewer: Viewer, at_home: Path) -> int:
    """Check that a viewer saw what was sent, each once and in order; return how many.

    It may lack what a page of the same person was told before they said yes, and, if
    the home or the way to it was gone in the end, what was said last. Blocks.

    Raises
    ------
    AssertionError
        When anything is otherwise.
    """
    told = {
        message["seq"]: message
        for message in (json.loads(data) for *_, data in _outputs(at_home))
    }
    assert not viewer.gaps, f"a viewer who was never slow got gaps: {viewer.gaps}"
    seen = [message["seq"] for message in viewer.seen]
    assert seen == sorted(set(seen)), "a viewer saw something twice, or out of order"
    for message in viewer.seen:
        known = told.get(message["seq"])
        assert known is None or known == message, f"a viewer saw {message}, not {known}"
    if not seen:
        return 0
    yes_ms = min(
        (
            message["t_ms"]
            for message in told.values()
            if message.get("type") == "sharing" and message.get("text") == "on"
        ),
        default=0.0,
    )
    end = max(told) if viewer.codes[-1] == 1000 else seen[-1]
    lacks = [
        message
        for seq, message in told.items()
        if seq <= end
        and seq not in set(seen)
        and message.get("at_ms", message["t_ms"]) >= yes_ms
    ]
    assert not lacks, f"a viewer lacks {lacks[:3]} of {len(lacks)}; {viewer.codes}"
    return len(seen)


def _outputs(path: Path) -> Sequence[tuple[Any, ...]]:
    return tuple(open_recording(path).outputs())
