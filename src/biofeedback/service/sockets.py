"""What all our websockets do alike: let in, take turns, close with a code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias

from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.service.context import context_of, identify
from biofeedback.service.sign_ins import Caller

ENDED = 1000
REFUSED = 1008
UNKNOWN_CALLER = 4401
UNKNOWN_SESSION = 4404

SEND_LIMIT_S = 60.0
"""A peer that has not taken one message for so long is gone. Its lanes are bounded,
so waiting costs nothing but them."""

CLOSE_LIMIT_S = 5.0

Part: TypeAlias = Callable[[], Coroutine[None, None, tuple[int, str]]]
"""Something a connection does until there is a reason to close it, with its code."""


async def admit(websocket: WebSocket) -> Caller | None:
    """Accept a connection; close it again and return ``None`` if nobody signed in."""
    caller = await identify(websocket)
    # A refused handshake tells a page nothing; a close code tells it what to do.
    await websocket.accept()
    if caller is None:
        await close(websocket, UNKNOWN_CALLER, "Sign in first.")
    return caller


async def serve(
    websocket: WebSocket,
    caller: Caller,
    *parts: Part,
    greet: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Greet, then do all ``parts`` until one of them ends, or ``caller`` signs out.

    Then close the connection, with the reason of whichever that was. A peer that has
    gone away is nobody's mistake.
    """
    sign_ins = context_of(websocket).sign_ins
    signed_out = asyncio.Event()
    if caller.sign_in is not None:
        sign_ins.watch(caller.sign_in, signed_out.set)
    tasks = []
    try:
        if greet is not None:
            await greet()
        tasks = [asyncio.create_task(part()) for part in parts]
        left = until(signed_out, UNKNOWN_CALLER, "Signed out.")
        tasks.append(asyncio.create_task(left()))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await close(websocket, *done.pop().result())
    except (WebSocketDisconnect, TimeoutError, OSError):
        return  # there is nobody to tell
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if caller.sign_in is not None:
            sign_ins.unwatch(caller.sign_in, signed_out.set)


def until(event: asyncio.Event, code: int, reason: str) -> Part:
    """Return a part that ends when ``event`` is set."""

    async def part() -> tuple[int, str]:
        await event.wait()
        return code, reason

    return part


async def close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close a connection that may be gone already."""
    with contextlib.suppress(TimeoutError, RuntimeError, OSError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await websocket.close(code, reason)
