"""What can be wrong with a virtual strap, as attributes that faults set and clear."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

DBusError = tuple[str, str]
"""The name and the text of an error to answer with."""


def att_error(code: int) -> DBusError:
    """Return what BlueZ says of an error of the attribute protocol.

    >>> att_error(0x0E)
    ('org.bluez.Error.Failed', 'Operation failed with ATT error: 0x0e')
    """
    return "org.bluez.Error.Failed", f"Operation failed with ATT error: 0x{code:02x}"


@dataclass(eq=False)
class Troubles:
    """A strap without any, until somebody sets one."""

    hidden: bool = False
    """Out of reach, or held by another device: with one link it does not advertise."""

    nameless: bool = False
    """Its first advertisement has no name; the next one tells it."""

    silent: bool = False
    """Connected, but nothing arrives."""

    connect_errors: deque[DBusError] = field(default_factory=deque)
    """Answered to attempts to connect, one each."""

    notify_errors: dict[str, DBusError] = field(default_factory=dict)
    """Answered for as long as they are set, by 16-bit UUID or short name."""

    read_errors: dict[str, DBusError] = field(default_factory=dict)
    """Likewise."""

    write_errors: dict[str, DBusError] = field(default_factory=dict)
    """Likewise."""

    busy_reads: int = 0
    """How many reads are still answered ``InProgress``."""

    connect_hangs: bool = False
    """Connecting is never answered."""

    services_hang: bool = False
    """The services are never resolved."""

    disconnect_hangs: bool = False
    """Disconnecting is never answered."""

    drops_while_resolving: int = 0
    """How many links are still lost while their services are looked up."""

    lose_every: int = 0
    """Every how many packets one is lost; 0: none."""

    duplicate_every: int = 0
    """Every how many packets one is sent twice; 0: none."""

    rewrite: Callable[[bytes], bytes] | None = None
    """Changes each heart rate packet on its way out."""
