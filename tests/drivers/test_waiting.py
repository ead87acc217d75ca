"""Waiting for one of several things, and seeing one through."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from biofeedback_drivers.waiting import unbroken


async def test_a_failure_in_the_moment_of_cancelling_is_looked_at() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: complaints.append(context)
    )
    gate = asyncio.Event()

    async def fail() -> None:
        await gate.wait()
        raise ZeroDivisionError

    waiting = asyncio.create_task(unbroken(fail(), 5.0))
    await asyncio.sleep(0.01)
    gate.set()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    del waiting
    gc.collect()
    assert complaints == []
