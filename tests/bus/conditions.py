"""Waiting for what happens when it happens, and saying what did not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 30.0
"""Only what never happens takes so long."""


async def eventually(holds: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.002)
    except TimeoutError:
        if not holds():
            raise AssertionError(f"never happened: {what}") from None
