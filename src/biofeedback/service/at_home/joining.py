"""Joining a clinic by its ticket, and leaving it again. Blocks, as the store does."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path

from biofeedback.bus import BusError
from biofeedback.clinic import ticket as tickets
from biofeedback.clinic.ticket import Ticket
from biofeedback.errors import NotSoError, PackageError, SettingsError
from biofeedback.service.at_home.line import Line, NatsLine, given_to, say_goodbye
from biofeedback.store import ClinicRow, Store


def join(store: Store, path: Path) -> ClinicRow:
    """Join the clinic whose ticket is in a file. Nothing is sent by that.

    A new ticket of the clinic that was joined takes the place of the old one.

    Raises
    ------
    SettingsError
        When the file is no ticket, or too old, or cannot be kept.
    NotSoError
        When another clinic was joined, or was left and does not know yet, or others
        have accounts here.
    """
    if importlib.util.find_spec("nats") is None:
        raise PackageError("To join a clinic", "nats-py", "nats")
    ticket = tickets.read(path, now_utc_ns=store.now_ns())
    _check_told(store, ticket)
    store.person()  # whose computer this is comes before everybody at the clinic
    row = store.clinics.join(
        id=ticket.clinic.id, name=ticket.clinic.name, home_id=ticket.home
    )
    tickets.forget(store.data)
    tickets.keep(ticket, store.data)
    store.audit.add(actor="console", role="console", action="clinic.join")
    return row


def _check_told(store: Store, ticket: Ticket) -> None:
    """Check that no other clinic was left that would never be told, without its ticket.

    Raises
    ------
    NotSoError
        When there is one.
    """
    try:
        old = tickets.read(tickets.kept_at(store.data))
    except SettingsError:
        return  # there is none, or none that helps
    left = {row.id for row in store.clinics.all() if row.left_at_utc_ns is not None}
    if old.clinic.id in left - {ticket.clinic.id}:
        raise NotSoError(
            f"{old.clinic.name} does not know yet that this computer has left it.",
            "Let 'biofeedback run' tell it while you are online, then join. If it is "
            f"there no more, remove {tickets.kept_at(store.data)} first.",
        )


def leave(
    store: Store,
    named: str | None = None,
    *,
    line: Callable[[Ticket, Path], Line] = NatsLine,
) -> tuple[ClinicRow, bool]:
    """Leave the clinic; all that was given to it ends first, here.

    ``named`` is its id or name, where somebody wants to be sure. The clinic is told at
    once if it can be reached; if not, the service tells it as soon as it can. Whether
    it knows by now stands beside the row.

    Raises
    ------
    NotSoError
        When no clinic was joined, or another one than was named.
    """
    row = store.clinics.joined()
    if row is None:
        raise NotSoError("This computer has joined no clinic.", "Nothing was changed.")
    if named is not None and named.casefold() not in (
        row.id.casefold(),
        row.name.casefold(),
    ):
        raise NotSoError(
            f"The clinic that was joined is {row.name} ({row.id}).",
            f"Type 'biofeedback leave {row.id}'.",
        )
    store.clinics.leave(row.id)
    store.audit.add(actor="console", role="console", action="clinic.leave")
    try:
        ticket = tickets.read(tickets.kept_at(store.data))
        asyncio.run(say_goodbye(line(ticket, store.data), row, given_to(store, row)))
    except (BusError, SettingsError, ValueError):
        return row, False
    tickets.forget(store.data)
    return row, True
