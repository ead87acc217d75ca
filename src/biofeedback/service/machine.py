"""What this computer is called and where it is reached in its network."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from typing import TypeAlias

from biofeedback.errors import SettingsError
from biofeedback.settings import is_loopback

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "fc00::/7",
            "fe80::/10",
            "::1/128",
        ),
    )
)
"""Addresses that no computer of the internet has (RFC 1918, 3927, 4193, 6598)."""

PROBES = (
    (socket.AF_INET, "10.255.255.254"),
    (socket.AF_INET, "172.31.255.254"),
    (socket.AF_INET, "192.168.255.254"),
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET6, "fd00:ffff::1"),
    (socket.AF_INET6, "2001:db8::1"),
)
"""Where a datagram would go from: nothing is ever sent there."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def is_private(address: Address) -> bool:
    """Say whether an address means nothing outside of somebody's own network."""
    return any(address in network for network in PRIVATE)


def address_of(text: str) -> Address | None:
    """Return the address that ``text`` spells, if it is one and not a name."""
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def checked_name(text: str) -> str:
    """Return a name or an address for this computer as it stands in links.

    Raises
    ------
    SettingsError
        When browsers could not ask for it, or everybody's own computer is called so.
    """
    name = text.strip().rstrip(".").lower()
    address = address_of(name)
    wrong = address is None and (len(name) > 253 or not _NAME.fullmatch(name))
    if address is None and name.rpartition(".")[2].isdigit():
        wrong = True  # no top-level name is a number: a mistyped address
    if wrong or is_loopback(name) or (address is not None and address.is_unspecified):
        raise SettingsError(
            f"Other computers cannot ask for '{text}'.",
            "Give --name a name such as clinic.local, or an address of this computer.",
        )
    return str(address or name)


def with_port(text: str | None) -> tuple[str | None, int | None]:
    """Return a name and the port behind it, if there is one.

    >>> with_port("clinic.example:443")
    ('clinic.example', 443)
    >>> with_port("fd00::7")
    ('fd00::7', None)
    """
    name, colon, port = (text or "").rpartition(":")
    if not colon or (":" in name and not name.endswith("]")):
        return text, None
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise SettingsError(
            f"'{text}' holds no port.", "Give --name a name such as clinic.local:443."
        )
    return name, int(port)


def host_names(name: str | None = None) -> tuple[str, ...]:
    """Return what this computer is called, ``NAME.local`` of multicast DNS first.

    Parameters
    ----------
    name
        The host name; ``None`` asks the system.
    """
    called = (name or socket.gethostname()).strip().rstrip(".").lower()
    if not _NAME.fullmatch(called) or called == "localhost":
        return ()
    if called.endswith(".localdomain"):
        called = called.removesuffix(".localdomain")
    first = called.partition(".")[0]
    return tuple(dict.fromkeys((f"{first}.local", called, first)))


def private_addresses() -> tuple[str, ...]:
    """Return the addresses at which this computer is reached in its own networks."""
    found: dict[str, None] = {}
    for family, target in PROBES:
        with contextlib.suppress(OSError):  # no way to go there from here
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found[probe.getsockname()[0]] = None
    with contextlib.suppress(OSError):  # where its own name is not known
        for info in socket.getaddrinfo(socket.gethostname(), None):
            found[str(info[4][0])] = None
    addresses = (address_of(text.partition("%")[0]) for text in found)
    return tuple(
        str(address)
        for address in addresses
        if address is not None
        and is_private(address)
        and not address.is_loopback
        and not address.is_link_local  # a browser cannot ask for these
    )
