"""The proofs of ``bench.chaos`` in short: real processes die, and nothing is lost.

The whole of it, each part twenty times: ``python -m bench.chaos``.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.chaos import kills, waits
from bench.chaos.clinic import Clinic, a_clinic
from bench.chaos.result import Result

SEED = 8
SOON = {"all": 174, "home": 154}
"""Seeds of which the kills come soon one after another: a test has less time."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9."),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic() -> AsyncIterator[Clinic]:
    async with a_clinic() as clinic:
        await clinic.home()
        yield clinic


def is_right(result: Result, *, recordings: int) -> None:
    assert not result.wrong, f"with seed {result.seed}: {result.wrong}"
    assert result.recordings == recordings
    assert result.records > 20 * recordings


async def test_every_part_dies_in_one_practice(clinic: Clinic) -> None:
    """NATS, PostgreSQL, the hub and the node at which it is watched."""
    result = await kills.kill_all(clinic, 4, SOON["all"])
    is_right(result, recordings=1)
    assert result.seen > 3


async def test_the_home_dies(clinic: Clinic) -> None:
    """What it recovers is what the hub has."""
    is_right(await kills.kill_home(clinic, 1, SOON["home"]), recordings=1)


async def test_home_and_clinic_are_apart_for_minutes() -> None:
    """Once as it is, and once NATS has lost its disk meanwhile."""
    is_right(await waits.long_waits(1, SEED), recordings=4)
