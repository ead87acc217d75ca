"""What a home and its clinic say to each other beside the parcels.

Everything is a state, not a change: said twice it is the same as said once, and what
was missed is made up for by the next time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from biofeedback.model import Value
from biofeedback.store.rows import ConsentRow, CopyConsentRow, Role

MOST_ASKED = 200
"""Of so many sessions a home asks at once."""

MessageT = TypeVar("MessageT", bound=msgspec.Struct)


class Have(Value, frozen=True):
    """A home asks how far the copies of these sessions are."""

    sessions: tuple[str, ...]


class Kept(Value, frozen=True):
    """How far a copy is: what is on the hub's disk, without a hole.

    ``last`` is its last sequence. ``complete``: it has ended, its hash is that of the
    home's recording. ``refused``: no consent covers it; ``why`` says so in a sentence.
    """

    last: int = 0
    state: Literal["open", "complete", "refused"] = "open"
    why: str = ""


class Has(Value, frozen=True):
    """The answer to :class:`Have`; of a session that is not in it nothing is kept."""

    sessions: Mapping[str, Kept]


class Again(Value, frozen=True):
    """A hub asks for a recording again, from this sequence on: it has a hole."""

    session: str
    start: int


class GranteeAccount(Value, frozen=True):
    """Somebody at the clinic to whom a patient can give something."""

    account: str
    code: str
    display: str
    role: Role
    revoked: bool = False


class Accounts(Value, frozen=True):
    """Everybody at the clinic to whom something can or could be given.

    ``clinic`` is what the clinic is called now.
    """

    clinic: str
    people: tuple[GranteeAccount, ...]


class Consents(Value, frozen=True):
    """All that a person at a home ever consented to for this clinic.

    ``never`` are ids that the clinic named and nobody consented to there: whoever did
    had the home's ticket. The clinic ends them.
    """

    consents: tuple[ConsentRow, ...]
    copies: tuple[CopyConsentRow, ...]
    never: tuple[str, ...] = ()


class Revoked(Value, frozen=True):
    """What has ended at the clinic: ids of consents of both kinds, and when.

    ``refused`` are those that the clinic does not take, each with a sentence why: the
    home ends them as well. ``holds`` are those of this home that hold at the clinic:
    the home says which of them it has ``never`` given.
    """

    ends: Mapping[str, int]
    refused: Mapping[str, str] = {}
    holds: tuple[str, ...] = ()


def to_json(message: msgspec.Struct) -> bytes:
    """Return a message as JSON."""
    return msgspec.json.encode(message)


def of_json(kind: type[MessageT], data: bytes) -> MessageT:
    """Return the message that :func:`to_json` wrote.

    Raises
    ------
    ValueError
        When it is none of this kind.
    """
    return msgspec.json.decode(data, type=kind)
