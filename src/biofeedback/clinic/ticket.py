"""The ticket by which a home joins a clinic: one small file, made by the clinic.

In it are the clinic's address, what the home is called there, and its secret. Whoever
has the file can send in this home's name, so it is kept like a key.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.store.clinics import AUTHORITY, TICKET

FORMAT = "biofeedback-home/1"
MOST_BYTES = 64 << 10

HOME_ID = re.compile(r"H-[0-9A-Z]{6}")
CLINIC_ID = re.compile(r"C-[0-9A-Z]{6}")
SEED = re.compile(r"SU[A-Z2-7]{56}")

_ASK = "Ask your clinic for a new ticket."


class Clinic(Value, frozen=True):
    """Which clinic it is."""

    id: str
    name: str


class Ticket(Value, frozen=True):
    """What a home needs to reach its clinic.

    ``servers`` are the addresses of the clinic's bus, ``ca`` the certificate that
    vouches for them (``None``: one that this system trusts), ``seed`` the secret half
    of the home's credential. After ``join_before_utc_ns`` nobody joins by it.
    """

    format: str
    clinic: Clinic
    home: str
    servers: tuple[str, ...]
    ca: str | None
    seed: str
    join_before_utc_ns: int

    def __repr__(self) -> str:
        return f"Ticket(clinic={self.clinic.id!r}, home={self.home!r})"

    def to_json(self) -> bytes:
        """Return the text of the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read(path: Path, *, now_utc_ns: int | None = None) -> Ticket:
    """Return the ticket in a file; with ``now_utc_ns`` only if one can join by it now.

    Raises
    ------
    SettingsError
        In a sentence: not there, no ticket, of another version, too old, or a file
        that others can read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"The ticket {path.name} could not be read ({error.strerror}).",
            "Check where it is.",
        ) from error
    ticket = _parsed(data, path.name)
    if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
        raise SettingsError(
            f"Others on this computer can read {path.name}, and there is a secret "
            "in it.",
            f"Type 'chmod 600 {path.name}' there, then try again.",
        )
    if now_utc_ns is not None and now_utc_ns >= ticket.join_before_utc_ns:
        raise SettingsError("This ticket is too old to join by.", _ASK)
    return ticket


def _parsed(data: bytes, name: str) -> Ticket:
    foreign = SettingsError(
        f"{name} is no ticket of a clinic.", "Give the file that your clinic sent you."
    )
    if len(data) > MOST_BYTES:
        raise foreign
    try:
        format = msgspec.json.decode(data, type=_Format).format
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise foreign from None
    if format != FORMAT:
        if format.startswith(f"{FORMAT.partition('/')[0]}/"):
            raise SettingsError(
                "This ticket is for another version of this program.",
                "Update this program, or ask your clinic to update theirs.",
            )
        raise foreign
    try:
        ticket = msgspec.json.decode(data, type=Ticket)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not as its cause: the error could hold a piece of the secret.
        raise SettingsError(f"The ticket {name} is damaged.", _ASK) from None
    whole = (
        HOME_ID.fullmatch(ticket.home)
        and CLINIC_ID.fullmatch(ticket.clinic.id)
        and ticket.clinic.name.strip()
        and SEED.fullmatch(ticket.seed)
        and ticket.servers
        and all(re.match(r"(tls|nats|wss|ws)://\S+$", one) for one in ticket.servers)
    )
    if not whole:
        raise SettingsError(f"The ticket {name} is damaged.", _ASK)
    return ticket


class _Format(msgspec.Struct):
    format: str


def kept_at(data: Path) -> Path:
    """Return where a home keeps its ticket."""
    return data / TICKET


def ca_file(data: Path) -> Path:
    """Return where a home keeps the certificate that vouches for its clinic."""
    return data / AUTHORITY


def keep(ticket: Ticket, data: Path) -> None:
    """Keep a ticket in the data folder, readable by its owner alone.

    Raises
    ------
    SettingsError
        When it cannot be written, or there is one already.
    """
    try:
        if ticket.ca is not None:
            ca_file(data).unlink(missing_ok=True)  # of a ticket that is gone
            durable.write_new(ca_file(data), ticket.ca.encode())
        durable.write_new(kept_at(data), ticket.to_json())
    except OSError as error:
        raise SettingsError(
            f"The ticket could not be kept ({error.strerror}).",
            "Check the data folder, then try again.",
        ) from error


def forget(data: Path) -> None:
    """Forget the ticket: nothing can be sent in this home's name from here."""
    for path in (kept_at(data), ca_file(data)):
        path.unlink(missing_ok=True)
    if kept_at(data).parent.exists():
        durable.sync_folder(kept_at(data).parent)
