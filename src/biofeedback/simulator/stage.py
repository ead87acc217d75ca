"""Where virtual straps play: their wearers, their packets, and what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from biofeedback.model import Value
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.body import Body
from biofeedback.simulator.fault import World
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.models import StrapModel, address_of
from biofeedback.simulator.packets import packets_from_heart, packets_from_rr
from biofeedback.simulator.strap import SimulatedStrap

Packets = Iterable[tuple[int, bytes]]
Ended = Callable[[VirtualStrap, int], None]


class StrapStatus(Value, frozen=True):
    """What became of one strap so far.

    ``sent`` counts the packets that someone got, by characteristic; ``pmd_running``
    are the measurements that run, ``pmd_commands`` the last commands in hex.
    """

    address: str
    name: str
    model: str
    connected: bool
    links: int
    subscribed: bool
    packets_sent: int
    sent: dict[str, int]
    pmd_running: tuple[str, ...] = ()
    pmd_commands: tuple[str, ...] = ()


class Status(Value, frozen=True):
    """What became of everything: ``calls`` counts the D-Bus methods called."""

    straps: tuple[StrapStatus, ...]
    faults: tuple[str, ...]
    calls: dict[str, int]


class StampLog:
    """Writes down when each packet left: ``address characteristic t_ns hex`` a line.

    ``t_ns`` is the system's monotonic clock just before the packet was handed to
    D-Bus: ``time.monotonic_ns`` of any process here can be compared with it.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="ascii")
        self._flushed_s = time.monotonic()

    def __call__(
        self, strap: VirtualStrap, characteristic: str, data: bytes, t_ns: int
    ) -> None:
        """Write down one packet."""
        self._file.write(f"{strap.address} {characteristic} {t_ns} {data.hex()}\n")
        if time.monotonic() - self._flushed_s > 1:
            self.flush()

    def flush(self) -> None:
        """Make sure that everything is in the file."""
        self._flushed_s = time.monotonic()
        self._file.flush()

    def close(self) -> None:
        """End the log."""
        self._file.close()


class Stage:
    """Straps come and go here; each plays its own heart.

    Parameters
    ----------
    world
        Where they are.
    speed
        How many times as fast as in life they play.
    stamps
        Where to write down when packets left.
    ended
        Is told of a strap that has played all its packets, and how many were got.
    """

    def __init__(
        self,
        world: World,
        *,
        speed: float = 1.0,
        stamps: StampLog | None = None,
        ended: Ended | None = None,
    ) -> None:
        self.world = world
        self._speed = speed
        self._stamps = stamps
        self._ended = ended
        self._models: dict[str, str] = {}
        self._players: dict[str, asyncio.Task[None]] = {}

    def next_number(self) -> int:
        """Return a number that no strap here has."""
        taken = {strap.address for strap in self.world.bluez.straps}
        number = 1
        while address_of(number) in taken:
            number += 1
        return number

    def add_heart(
        self,
        model: StrapModel,
        *,
        profile: str = "calm",
        seed: int = 1,
        name: str | None = None,
        address: str | None = None,
    ) -> VirtualStrap:
        """Bring in a strap on a simulated heart."""
        heart = SimulatedStrap(profile_named(profile), seed)
        packets = packets_from_heart(heart)
        return self._add(model, heart.body, packets, name, address)

    def add_rr(
        self,
        model: StrapModel,
        rr_ms: list[float],
        *,
        name: str | None = None,
        address: str | None = None,
    ) -> VirtualStrap:
        """Bring in a strap that plays these intervals."""
        body = Body.of_rr(rr_ms)
        return self._add(model, body, packets_from_rr(rr_ms), name, address)

    async def remove(self, strap: VirtualStrap) -> None:
        """Take a strap away."""
        await self._stop(strap.address)
        await self.world.bluez.take_away(strap)

    async def close(self) -> None:
        """Let every strap fall silent."""
        for address in tuple(self._players):
            await self._stop(address)

    def status(self) -> Status:
        """Say what became of everything."""
        return Status(
            straps=tuple(self._status(each) for each in self.world.bluez.straps),
            faults=self.world.begun,
            calls=dict(self.world.bluez.counted),
        )

    def flush(self) -> None:
        """Make sure that every stamp is in its file."""
        if self._stamps is not None:
            self._stamps.flush()

    def _add(
        self,
        model: StrapModel,
        body: Body,
        packets: Iterator[tuple[int, bytes]],
        name: str | None,
        address: str | None,
    ) -> VirtualStrap:
        number = self.next_number()
        strap = model.strap(number, name=name, address=address, body=body)
        strap.stamp = self._stamps
        self.world.bluez.add(strap)
        self._models[strap.address] = model.id
        self._players[strap.address] = asyncio.create_task(self._play(strap, packets))
        return strap

    async def _play(self, strap: VirtualStrap, packets: Packets) -> None:
        sent = await strap.play(packets, speed=self._speed)
        if self._ended is not None:
            self._ended(strap, sent)

    async def _stop(self, address: str) -> None:
        player = self._players.pop(address, None)
        if player is not None:
            player.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await player

    def _status(self, strap: VirtualStrap) -> StrapStatus:
        pmd = strap.pmd
        return StrapStatus(
            address=strap.address,
            name=strap.name,
            model=self._models.get(strap.address, ""),
            connected=strap.connected,
            links=strap.links,
            subscribed=strap.subscribed.is_set(),
            packets_sent=sum(strap.sent.values()),
            sent=dict(strap.sent),
            pmd_running=tuple(sorted(each.name for each in pmd.running)) if pmd else (),
            pmd_commands=tuple(each.hex() for each in pmd.commands) if pmd else (),
        )
