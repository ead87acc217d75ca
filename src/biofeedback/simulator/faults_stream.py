"""Faults of what a connected strap sends, and of Polar's measurement service."""

# ruff: noqa: D401 - the docstrings are the sentences of what goes wrong

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.simulator.fault import World, accident, fault, while_set
from biofeedback.simulator.pmd import PmdServer
from biofeedback.wire import uuids
from biofeedback.wire.heart_rate import HeartRateMeasurement

LOW_PCT = 5
EVERY = 10
"""Of so many packets, one is lost or comes twice."""
CONTACT_FOR = 5
"""Packets until contact is lost, or found again."""


while_set(
    "silent_stall",
    "The strap stays connected and sends nothing more.",
    silent=True,
)


@fault
async def burst(world: World) -> AsyncIterator[None]:
    """Nothing arrives, and at its end all of it at once."""
    for strap in world.all_straps:
        strap.stall()
    yield
    for strap in world.all_straps:
        await strap.resume()


while_set(
    "lost_packet",
    "Every tenth packet is lost.",
    lose_every=EVERY,
)


while_set(
    "duplicated_packet",
    "Every tenth packet comes twice.",
    duplicate_every=EVERY,
)


@fault
async def battery_low(world: World) -> AsyncIterator[None]:
    """The battery falls to 5 %."""
    for strap in world.all_straps:
        await strap.set_battery(LOW_PCT)
    yield
    for strap in world.all_straps:
        if strap.make.battery_pct is not None:
            await strap.set_battery(strap.make.battery_pct)


@fault
async def malformed_packets(world: World) -> AsyncIterator[None]:
    """Packets come empty, cut off, odd and overlong by turns."""
    turns = itertools.cycle((_empty, _cut_off, _odd, _overlong))
    _rewrite(world, lambda: lambda data: next(turns)(data))
    yield
    _rewrite(world, None)


@fault
async def contact_toggle(world: World) -> AsyncIterator[None]:
    """Skin contact is lost and found again every five packets."""

    def toggler() -> Callable[[bytes], bytes]:
        numbers = itertools.count()
        return lambda data: _with_contact(data, next(numbers) // CONTACT_FOR % 2 == 1)

    _rewrite(world, toggler)
    yield
    _rewrite(world, None)


@fault
async def off_body(world: World) -> AsyncIterator[None]:
    """The strap was taken off: no contact, a rate of zero, no RR."""
    taken_off = bytes(HeartRateMeasurement(hr_bpm=0, contact=False))
    _rewrite(world, lambda: lambda data: taken_off)
    yield
    _rewrite(world, None)


def _rewrite(
    world: World, rewriter: Callable[[], Callable[[bytes], bytes]] | None
) -> None:
    """Have the packets of every strap rewritten, or left as they are again."""
    for strap in world.all_straps:
        strap.rewrite = None if rewriter is None else rewriter()


def _empty(data: bytes) -> bytes:
    return b""


def _cut_off(data: bytes) -> bytes:
    return data[:1]


def _odd(data: bytes) -> bytes:
    return data + b"\x00"


def _overlong(data: bytes) -> bytes:
    return data + bytes(200)


def _with_contact(data: bytes, contact: bool) -> bytes:
    measurement = HeartRateMeasurement.from_bytes(data)
    return bytes(msgspec.structs.replace(measurement, contact=contact, anomalies=()))


# --- Polar's measurement service ---


def _servers(world: World) -> list[PmdServer]:
    servers = [strap.pmd for strap in world.all_straps if strap.pmd is not None]
    if not servers:
        raise SettingsError(
            "No strap here has Polar's measurement service.",
            "Take the model 'polar_h10' or 'polar_optical'.",
        )
    return servers


@accident
async def pmd_clock_reset(world: World) -> None:
    """The strap's clock begins at 2019-01-01 again."""
    _servers(world)
    for strap in world.all_straps:
        if strap.pmd is not None:
            strap.pmd.clock.reset(strap.time.now_ns())


@accident
async def pmd_clock_jump(world: World) -> None:
    """The strap's clock goes back by ten seconds."""
    for server in _servers(world):
        server.clock.jump(-10_000_000_000)


@accident
async def pmd_gap(world: World) -> None:
    """Two seconds of samples are missing."""
    for server in _servers(world):
        server.skip(2.0)


while_set(
    "pmd_lost_reply",
    "The next command is obeyed, and its answer is lost.",
    whose=_servers,
    lost_replies=1,
)


while_set(
    "pmd_short_start",
    "Answers to a start end after the status.",
    whose=_servers,
    short_start=True,
)


while_set(
    "pmd_late_start",
    "Streams begin 20 s after they were started.",
    whose=_servers,
    late_start_s=20.0,
)


while_set(
    "pmd_unknown_frames",
    "The next ten frames are of a type that nobody knows.",
    whose=_servers,
    odd_frames=10,
)


while_set(
    "pmd_compressed",
    "Acceleration that is started now comes as differences.",
    whose=_servers,
    compress=True,
)


@accident
async def pmd_gives_up(world: World) -> None:
    """The strap stops every measurement by itself, and says so."""
    _servers(world)
    for strap in world.all_straps:
        if strap.pmd is not None:
            await strap.notify(strap.pmd.give_up(), uuids.PMD_CONTROL_POINT)
