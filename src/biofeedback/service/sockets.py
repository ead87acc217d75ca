"""What all our websockets do alike: let in, take turns, close with a code."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias

from starlette.websockets import WebSocket, WebSocketDisconnect

from biofeedback.service.context import context_of, identify
from biofeedback.service.sign_ins import Caller

ENDED = 1000
REFUSED = 1008
TRY_LATER = 1013
UNKNOWN_CALLER = 4401
NOT_SHARED = 4403
UNKNOWN_SESSION = 4404
TOO_SLOW = 4408
TOO_MANY = 4429

SEND_LIMIT_S = 60.0
"""A peer that has not taken one message for so long is gone. Its lanes are bounded,
so waiting costs nothing but them."""

CLOSE_LIMIT_S = 5.0

Part: TypeAlias = Callable[[], Coroutine[None, None, tuple[int, str]]]
"""Something a connection does until there is a reason to close it, with its code."""


async def admit(websocket: WebSocket) -> Caller | None:
    """Accept a connection; close it again and return ``None`` if nobody signed in.

    Likewise when this sign-in holds as many as it may.
    """
    seats = context_of(websocket).seats
    caller = await identify(websocket)
    if caller is not None and caller.operates:
        caller = None  # it only reads the service's figures
    if caller is None:
        address = None if websocket.client is None else websocket.client.host
        if not seats.may_be_told(address, time.monotonic()):
            await close(websocket, REFUSED, "")  # before it is accepted: a plain 403
            return None
    # A refused handshake tells a page nothing; a close code tells it what to do.
    await websocket.accept()
    if caller is None:
        await close(websocket, UNKNOWN_CALLER, "Sign in first.")
    elif caller.credential is not None and seats.is_full(caller.credential):
        await close(websocket, TOO_MANY, "Too many connections of one sign-in.")
        return None
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
    seats = context_of(websocket).seats
    if caller.credential is not None:
        seats.take(caller.credential)
        sign_ins.watch(caller.credential, signed_out.set)
    tasks = []
    try:
        if greet is not None:
            await greet()
        tasks = [asyncio.create_task(part()) for part in parts]
        left = until(signed_out, UNKNOWN_CALLER, "Signed out.")
        tasks.append(asyncio.create_task(left()))
        done, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # What still waits for a slow peer must not go out before the goodbye.
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        await close(websocket, *_reason(done))
    except (WebSocketDisconnect, TimeoutError, OSError):
        return  # there is nobody to tell
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if caller.credential is not None:
            sign_ins.unwatch(caller.credential, signed_out.set)
            seats.leave(caller.credential)


def _reason(done: set[asyncio.Task[tuple[int, str]]]) -> tuple[int, str]:
    # Where one of several that ended at once failed, there is nobody to tell.
    reasons = [task.result() for task in done]
    return reasons[0]


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
