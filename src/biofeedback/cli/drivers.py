"""The installed drivers: the one place that looks them up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from biofeedback.cli.terminal import notice

if TYPE_CHECKING:
    from biofeedback.session.driver import Driver

GROUP = "biofeedback.drivers"
FIRST = "ble"
"""The driver that goes on looking for a strap that none has found."""


class Installed(NamedTuple):
    """The drivers for real straps, and those that could not be loaded, and why."""

    radios: tuple[Driver, ...]
    broken: tuple[tuple[str, str], ...]


def installed() -> Installed:
    """Load every driver that is registered; a broken one ends nothing else."""
    from importlib.metadata import entry_points

    radios: list[Driver] = []
    broken: list[tuple[str, str]] = []
    entries = sorted(
        entry_points(group=GROUP), key=lambda entry: (entry.name != FIRST, entry.name)
    )
    for entry in entries:
        try:
            radios.append(entry.load()())
        except Exception as error:  # a third party's mistake ends nothing else
            broken.append((entry.name, f"{type(error).__name__}: {error}"))
    return Installed(tuple(radios), tuple(broken))


def radios() -> tuple[Driver, ...]:
    """Return the drivers for real straps; say which could not be loaded."""
    found = installed()
    for name, error in found.broken:
        notice(f"The driver '{name}' could not be loaded ({error}). The others work.")
    return found.radios
