"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biofeedback.model import Ask


SHORTEST_SEARCH_S, LONGEST_SEARCH_S = 0.5, 60.0


def duration(seconds: float | None) -> float | None:
    """Refuse what is no number of seconds."""
    # Not 'min' alone: it lets 'nan' and 'inf' through.
    if seconds is not None and not 0 < seconds < float("inf"):
        raise typer.BadParameter("Give a number of seconds above 0.")
    return seconds


def search_time(seconds: float) -> float:
    """Refuse a search that is too short to hear a strap, or goes on for too long."""
    if not SHORTEST_SEARCH_S <= seconds <= LONGEST_SEARCH_S:  # 'nan' is neither
        raise typer.BadParameter(
            f"A search takes {SHORTEST_SEARCH_S:g} to {LONGEST_SEARCH_S:g} seconds. "
            "Give a number between these."
        )
    return seconds


def a_strap(name: str | None) -> str | None:
    """Refuse a name without a letter, which any strap would have."""
    if name is not None and not name.strip():
        raise typer.BadParameter(
            "This names no strap. Give its name or address as 'biofeedback scan' "
            "lists it."
        )
    return name and name.strip()


AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Simulate = Annotated[
    bool, typer.Option("--simulate", help="Use the simulated strap, at once.")
]
StrapName = Annotated[
    str | None,
    typer.Option(
        "--strap",
        metavar="NAME|ADDRESS|DRIVER:ID",
        callback=a_strap,
        help="Use this strap, at once.",
    ),
]
Profile = Annotated[
    str, typer.Option(help="Simulated heart: calm, anxious, ectopic, dropouts ...")
]
Seed = Annotated[int, typer.Option(help="Seed of the simulated heart.")]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


def speed_of(text: str) -> float | None:
    """Return how many times real time; ``None`` for 'max'."""
    from biofeedback.errors import SettingsError

    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = -1
    if not 0.25 <= speed <= 64:
        raise SettingsError(
            f"A speed of '{text}' is not offered.", "Give 0.25 to 64, or 'max'."
        )
    return speed


def signals_of(text: str | None) -> tuple[Ask, ...]:
    """Return what ``ecg,acc:100`` asks of a strap.

    Raises
    ------
    SettingsError
        When a signal or a rate cannot be meant.
    """
    from biofeedback.session.asking import check

    asks = () if text is None else tuple(map(_ask, text.split(",")))
    check(asks)
    return asks


def _ask(text: str) -> Ask:
    from biofeedback.errors import SettingsError
    from biofeedback.model import Ask, Signal

    name, colon, rate = text.partition(":")
    try:
        signal = Signal(name.strip().lower())
    except ValueError:
        known = ", ".join(signal.value for signal in Signal)
        raise SettingsError(
            f"There is no signal '{name.strip()}'.",
            f"Give {known}, with commas between them.",
        ) from None
    if not colon:
        return Ask(signal=signal)
    if not (rate.isascii() and rate.isdigit() and len(rate) <= 6):
        raise SettingsError(
            f"'{rate}' is not a rate for {signal.value}.",
            f"Give whole samples per second, as in {signal.value}:100.",
        )
    return Ask(signal=signal, rate_hz=int(rate))
