"""Waiting until something happens, or a time has passed on a clock."""

from __future__ import annotations

import asyncio

from biofeedback.session.clock import NS_PER_S, Clock


async def rest(woken: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Return when ``woken`` is set, or after so long."""
    until_ns = clock.now_ns() + round(seconds * NS_PER_S)
    waits = [
        asyncio.ensure_future(woken.wait()),
        asyncio.ensure_future(clock.sleep_until(until_ns)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
