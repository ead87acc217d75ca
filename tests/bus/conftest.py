"""A bus of each kind, with as many parties on it as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from biofeedback.bus import Bus
from biofeedback.bus.in_process import InProcessBus
from biofeedback.bus.nats import NatsBus
from tests.nats_server import NatsServer

Join = Callable[[], Awaitable[Bus]]
"""Bring another party to the bus of this test."""

Link = Callable[..., Awaitable[NatsBus]]
"""Link another party to ``own_server``, or to a ``url``."""


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    """One server for a file of tests: nobody may kill it."""
    with NatsServer() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[NatsServer]:
    """One server for one test, which may do anything to it."""
    with NatsServer() as server:
        yield server


@pytest.fixture(params=["in_process", "nats"])
async def join(request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """A bus that others can join: of one process, and by a real NATS server."""
    parties: list[Bus] = []
    first = InProcessBus()
    by_nats = request.param == "nats"
    url = request.getfixturevalue("server").url if by_nats else ""

    async def in_process() -> Bus:
        parties.append(first.another())
        return parties[-1]

    async def nats() -> Bus:
        bus = NatsBus(url, name=f"party-{len(parties)}")
        parties.append(bus)
        await bus.open()
        assert bus.connected
        return bus

    yield nats if by_nats else in_process
    for party in parties:
        await party.close()


@pytest.fixture
async def link(request: pytest.FixtureRequest) -> AsyncIterator[Link]:
    """Links to a server of one's own, closed after the test."""
    parties: list[NatsBus] = []

    async def linked(url: str | None = None, **options: object) -> NatsBus:
        if url is None:
            url = request.getfixturevalue("own_server").url
        bus = NatsBus(url, name=f"party-{len(parties)}", **options)  # type: ignore[arg-type]
        parties.append(bus)
        await bus.open()
        return bus

    yield linked
    for party in parties:
        await party.close()
