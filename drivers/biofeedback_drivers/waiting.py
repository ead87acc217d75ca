"""Waiting for one of several things, and seeing one through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

LET_GO_S = 1.0
"""How long something that was cancelled may take to notice."""


async def first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for one of several; leave none behind.

    Raises
    ------
    Exception
        What the one that ended raised.
    """
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # Not suppressed: being cancelled just now must not be overheard.
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for ``event``; say whether it was set in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def see_through(work: Coroutine[Any, Any, object], seconds: float) -> None:
    """Do ``work`` to its end or for ``seconds``, even if cancelled meanwhile.

    For goodbyes: whoever is in a hurry cancels twice, and the strap would stay
    connected. What the work raises is its own affair and is dropped.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done() and (left_s := until_s - loop.time()) > 0:
        try:
            await asyncio.wait({task}, timeout=left_s)
        except asyncio.CancelledError as error:
            cancelled = error
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=LET_GO_S)
    task.add_done_callback(_look_at)
    if cancelled is not None:
        raise cancelled


async def unbroken(work: Coroutine[Any, Any, object], seconds: float) -> None:
    """Do ``work`` within ``seconds``; being cancelled waits a moment for its end.

    For requests whose answer must not be missed, such as one with a descriptor in it.

    Raises
    ------
    TimeoutError
        If it takes too long.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        task.result()
    finally:
        if task.done():
            _look_at(task)  # it may have failed just as we were cancelled
        else:
            await see_through(_end_of(task), LET_GO_S)


async def _end_of(task: asyncio.Task[object]) -> None:
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
        task.add_done_callback(_look_at)


def _look_at(task: asyncio.Task[object]) -> None:
    if not task.cancelled():
        task.exception()  # seen, so that nobody complains
