"""What is said where on a clinic's bus, and who may: the names of all subjects.

============================== ============================ ==========================
subject                        from, to                     what
============================== ============================ ==========================
``records.<p>.<home>.<sid>``   home, to the log             parcels of one recording
``hub.have.<p>.<home>``        home, asks a hub             how far its copies are
``fromhome.<home>.accounts``   home, asks the clinic        who may be given something
``fromhome.<home>.consents``   home, tells the clinic       all that was consented to
``clinic.<home>.accounts``     clinic, to the home          that list has changed
``clinic.<home>.consents``     clinic, to the home          what has ended there
``clinic.<home>.again``        hub, to the home             what it wants again
============================== ============================ ==========================

Homes are spread over the partitions ``<p>`` by their names, so that several hubs can
share the work.
"""

from __future__ import annotations

import hashlib

from biofeedback.model import Value
from biofeedback.settings import PARTITIONS


class Permissions(Value, frozen=True):
    """What a home's credential lets it do on the clinic's bus, and nothing else."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def partition(home: str) -> int:
    """Return in which partition of the log a home's parcels are.

    >>> partition("H-7Q2M9K") == partition("H-7Q2M9K")
    True
    """
    digest = hashlib.sha256(home.encode()).digest()
    return int.from_bytes(digest[:4], "big") % PARTITIONS


def records(home: str, session: str) -> str:
    """Return where the parcels of one recording go."""
    return f"records.{partition(home)}.{home}.{session}"


def have(home: str) -> str:
    """Return where a home asks how far its copies are."""
    return f"hub.have.{partition(home)}.{home}"


def ask_accounts(home: str) -> str:
    """Return where a home asks who may be given something."""
    return f"fromhome.{home}.accounts"


def tell_consents(home: str) -> str:
    """Return where a home tells all that was consented to."""
    return f"fromhome.{home}.consents"


def new_accounts(home: str) -> str:
    """Return where a home hears that the list of accounts has changed."""
    return f"clinic.{home}.accounts"


def ended_consents(home: str) -> str:
    """Return where a home hears what has ended at the clinic."""
    return f"clinic.{home}.consents"


def send_again(home: str) -> str:
    """Return where a home hears that a hub wants something again."""
    return f"clinic.{home}.again"


def origin(home: str) -> str:
    """Return what a home is called on the bus: two tokens of a subject."""
    return f"home.{home}"


def inbox(home: str) -> str:
    """Return where a home gets its answers."""
    return f"_INBOX_{home}"


def permissions(home: str) -> Permissions:
    """Return what a home may do: only what carries its own name."""
    own = origin(home)
    return Permissions(
        publish=(
            records(home, ">"),
            have(home),
            f"fromhome.{home}.>",
            f"presence.{own}",
            f"presence.{own}.>",
            f"live.{own}.>",
            "presence-ask",
        ),
        subscribe=(
            f"clinic.{home}.>",
            f"cmd.{own}.>",
            "presence-ask",
            f"{inbox(home)}.>",
        ),
    )
