"""What a fault is, where it happens, and the list of all; see :mod:`.faults`."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from biofeedback.errors import SettingsError
from biofeedback.simulator.bluez import VirtualBlueZ
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.bus import PrivateBus

Course = Callable[["World"], AsyncIterator[None]]
"""What happens until it yields begins the fault, and what follows ends it."""

Happening = Callable[["World"], Awaitable[None]]
"""What is over as soon as it happened."""

Whose = Callable[["World"], Sequence[object]]
"""Whose attributes a fault sets."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Where faults happen: a bus, the Bluetooth on it, and the straps that suffer."""

    bus: PrivateBus
    bluez: VirtualBlueZ
    straps: tuple[VirtualStrap, ...] = ()
    _begun: dict[tuple[str, tuple[str, ...]], AsyncIterator[None]] = field(
        default_factory=dict
    )

    def only(self, address: str) -> World:
        """Return the same world where only one strap suffers.

        Raises
        ------
        SettingsError
            If there is no strap with this address.
        """
        for strap in self.bluez.straps:
            if strap.address == address:
                return replace(self, straps=(strap,))
        known = ", ".join(f"{each.address} ({each.name})" for each in self.bluez.straps)
        raise SettingsError(
            f"There is no virtual strap with the address '{address}'.",
            f"Choose one of: {known or 'none, add one first'}.",
        )

    @property
    def all_straps(self) -> tuple[VirtualStrap, ...]:
        """Those that were chosen, or all there are."""
        return self.straps or tuple(self.bluez.straps)

    async def drop(self) -> None:
        """Lose the link to each of them."""
        for strap in self.all_straps:
            await self.bluez.drop(strap)

    @property
    def begun(self) -> tuple[str, ...]:
        """The names of the faults that were begun and not ended."""
        return tuple(name for name, _ in self._begun)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong. ``sentence`` says what."""

    name: str
    sentence: str
    course: Course | None = None
    happening: Happening | None = None

    @property
    def lasts(self) -> bool:
        """Whether there is something to end."""
        return self.course is not None

    async def begin(self, world: World) -> None:
        """Let it go wrong.

        Raises
        ------
        SettingsError
            If it has begun already, or nothing here can have this fault.
        """
        key = self._key(world)
        if key in world._begun:
            raise SettingsError(
                f"The fault '{self.name}' has already begun.", "End it first."
            )
        if self.happening is not None:
            await self.happening(world)
        if self.course is not None:
            course = self.course(world)
            await anext(course)
            world._begun[key] = course

    async def end(self, world: World) -> None:
        """Let it be right again; nothing happens if it had not begun."""
        course = world._begun.pop(self._key(world), None)
        if course is not None:
            async for _ in course:
                pass

    @asynccontextmanager
    async def during(self, world: World) -> AsyncIterator[None]:
        """Begin it, and end it at the end of the block."""
        await self.begin(world)
        try:
            yield
        finally:
            await self.end(world)

    def _key(self, world: World) -> tuple[str, tuple[str, ...]]:
        return self.name, tuple(strap.address for strap in world.straps)


FAULTS: dict[str, Fault] = {}
"""Every fault by its name."""


def fault(course: Course) -> Course:
    """Register a course under its function's name; its docstring is the sentence."""
    FAULTS[course.__name__] = Fault(
        name=course.__name__, sentence=_sentence(course), course=course
    )
    return course


def accident(happening: Happening) -> Happening:
    """Register so what is over as soon as it happened."""
    FAULTS[happening.__name__] = Fault(
        name=happening.__name__, sentence=_sentence(happening), happening=happening
    )
    return happening


def all_straps(world: World) -> Sequence[object]:
    """Return the straps that suffer."""
    return world.all_straps


def while_set(
    name: str,
    sentence: str,
    *,
    whose: Whose = all_straps,
    drops: bool = False,
    **values: bool | float,
) -> None:
    """Register what is wrong for as long as some attributes have these values.

    ``drops`` says that it begins with the loss of the link. At its end they are what
    they usually are: off, or zero.
    """

    async def course(world: World) -> AsyncIterator[None]:
        sufferers = tuple(whose(world))
        _set(sufferers, values)
        if drops:
            await world.drop()
        yield
        _set(sufferers, {each: type(value)() for each, value in values.items()})

    FAULTS[name] = Fault(name=name, sentence=sentence, course=course)


def _set(sufferers: Sequence[object], values: dict[str, bool | float]) -> None:
    for sufferer in sufferers:
        for attribute, value in values.items():
            getattr(sufferer, attribute)  # a wrong name is told, not added
            setattr(sufferer, attribute, value)


def _sentence(described: object) -> str:
    return inspect.cleandoc(described.__doc__ or "")


def fault_named(name: str) -> Fault:
    """Return the fault called ``name``.

    Raises
    ------
    SettingsError
        When there is none, naming those there are.
    """
    try:
        return FAULTS[name]
    except KeyError:
        raise SettingsError(
            f"There is no fault called '{name}'.",
            f"Choose one of: {', '.join(FAULTS)}.",
        ) from None
