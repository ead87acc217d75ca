"""The straps in reach: `scan`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.drivers import radios
from biofeedback.cli.options import AsJson, search_time
from biofeedback.cli.terminal import notice, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Group

    from biofeedback.model import FoundStrap
    from biofeedback.session.driver import Driver
    from biofeedback.session.radios import Search

REFRESH_S = 0.5
"""Often enough to feel alive, seldom enough to read."""

BARS_DBM = (-85, -75, -65, -55)
"""From which strength on each bar is full; one always is."""

SLEEPERS = (
    "Most straps sleep until they feel skin, and a Polar H10 sleeps again 45 s after "
    "it was taken off."
)


def scan(
    seconds: Annotated[
        float, typer.Option(callback=search_time, help="How long, 0.5 to 60.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """List the straps in reach."""
    import asyncio

    from biofeedback.errors import LinkError
    from biofeedback.model import LinkReason

    drivers = radios()
    if not drivers:
        raise LinkError(LinkReason.NO_ADAPTER)
    live = not as_json and sys.stdout.isatty()
    found = asyncio.run(_shown(drivers, seconds) if live else _found(drivers, seconds))
    for trouble in found.troubles:
        notice(trouble.advice)
    if len(found.troubles) == len(drivers):
        raise typer.Exit(1)
    if as_json:
        keys = ("id", "name", "address", "rssi_dbm", "profile", "hint")
        print_json(
            [{key: getattr(strap, key) for key in keys} for strap in found.straps]
        )
    elif not live:
        for strap in found.straps:
            print("\t".join(_cells(strap)))
    if not found.straps:
        notice(f"{LinkError(LinkReason.NOT_FOUND)} {SLEEPERS}")
        raise typer.Exit(1)


async def _found(drivers: Sequence[Driver], seconds: float) -> Search:
    from biofeedback.session.radios import close, search

    try:
        return await search(drivers, seconds)
    finally:
        await close(drivers)


async def _shown(drivers: Sequence[Driver], seconds: float) -> Search:
    """Search with a table that grows as straps are seen."""
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from biofeedback.session.radios import close, search

    seen: dict[str, FoundStrap] = {}

    def note(strap: FoundStrap) -> None:
        seen[strap.id] = strap  # a strap keeps its line, so that nothing jumps

    searching = asyncio.create_task(search(drivers, seconds, note))
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    try:
        with Live(console=Console(), auto_refresh=False) as screen:
            while not searching.done():
                left_s = max(0.0, end_s - loop.time())
                screen.update(
                    _table(seen.values(), f"Looking for straps, {left_s:.0f} s"),
                    refresh=True,
                )
                await asyncio.wait({searching}, timeout=REFRESH_S)
            found = await searching
            for strap in found.straps:
                note(strap)
            screen.update(_table(seen.values(), _count(len(seen))), refresh=True)
        return found
    finally:
        searching.cancel()
        await asyncio.gather(searching, return_exceptions=True)
        await close(drivers)


def _count(number: int) -> str:
    return {0: "No strap", 1: "One strap"}.get(number, f"{number} straps")


def _table(straps: Iterable[FoundStrap], caption: str) -> Group:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for title in ("Name", "Address", "Signal", "Strap"):
        table.add_column(title, no_wrap=title in ("Address", "Signal"))
    hints = []
    for strap in straps:
        name, address, signal, label, hint = _cells(strap)
        # As text: a name from the air must not be read as Rich's markup.
        cells = (name, address, f"{_bars(strap.rssi_dbm)} {signal}".strip(), label)
        table.add_row(*map(Text, cells))
        if hint:
            hints.append(Text(f"  {name}: {hint}", style="italic"))
    return Group(table, *hints, Text(f"  {caption}", style="dim"))


def _cells(strap: FoundStrap) -> tuple[str, str, str, str, str]:
    from biofeedback.wire.profiles import profile_with

    signal = "" if strap.rssi_dbm is None else f"{strap.rssi_dbm} dBm"
    label = profile_with(strap.profile).label
    texts = (strap.name, strap.address, signal, label, strap.hint or "")
    name, address, signal, label, hint = map(_printable, texts)
    return name, address, signal, label, hint


def _printable(text: str) -> str:
    # A name from the air may hold anything, such as what moves a terminal's cursor.
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _bars(rssi_dbm: int | None) -> str:
    """Return four bars, as a telephone shows them.

    >>> _bars(-60), _bars(-100), _bars(None)
    ('▂▄▆ ', '▂   ', '')
    """
    if rssi_dbm is None:
        return ""
    full = max(1, sum(rssi_dbm >= least for least in BARS_DBM))
    return "▂▄▆█"[:full].ljust(4)
