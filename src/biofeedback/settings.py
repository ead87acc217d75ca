"""One frozen object with every setting of a running service.

Only the composition root builds it; everything below is handed what it needs.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from biofeedback.errors import SettingsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
TOKEN_VARIABLE = "BIOFEEDBACK_TOKEN"
DATA_VARIABLE = "BIOFEEDBACK_DATA"
SHORTEST_TOKEN = 16
"""A token that programs send must not be guessable; sixteen signs are the floor."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Lan(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to be reached from other computers of this network.

    ``name`` stands in the link; ``names`` are all other names and addresses of this
    computer. ``certificate`` and ``key`` are one's own, as PEM files; without them a
    certificate of this computer's own making is used. ``port`` is the one that others
    open, where something stands before this computer that passes on what it hears.
    """

    name: str
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    port: int | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise SettingsError(
                "A certificate and its key belong together.",
                "Give both --certificate FILE and --key FILE, or neither.",
            )


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the homes: the ``number``-th of ``of``, counted from 1.

    Two hubs of the same share keep two copies.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Share:
        """Return the share that ``text`` means: ``all``, or ``2/4``.

        Raises
        ------
        SettingsError
            When it means none.
        """
        if text == "all":
            return cls()
        number, slash, of = text.partition("/")
        if slash and number.isdecimal() and of.isdecimal():
            if 1 <= int(number) <= int(of) <= PARTITIONS:
                return cls(number=int(number), of=int(of))
        raise SettingsError(
            f"'{text}' is no share of the homes.",
            "Give 'all', or '1/2' and '2/2' to two hubs that share the work.",
        )

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions of the log that hold this share."""
        return tuple(p for p in range(PARTITIONS) if p % self.of == self.number - 1)


PARTITIONS = 16
"""What homes send is spread over so many subjects, by the name of the home."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the service runs with.

    ``begin`` is the strap that was asked for on the command line: its id, name or
    address. ``replay`` is a recording to show from the start, at ``replay_speed``.
    ``lsl`` sends every session by the Lab Streaming Layer too. Without ``lan`` nobody
    but this computer reaches the service; with it everything is ``https``.

    Past one machine: ``database`` is the URL of a PostgreSQL that several nodes share,
    ``bus`` that of the NATS server by which they reach each other, with the
    credentials in the file ``bus_credentials``, its certificate vouched for by the
    authority in ``bus_ca`` (else by those that the system trusts). ``hub`` keeps the
    copies of the homes in that share of them. Before it ends, a service says for
    ``drain_s`` that it will.
    """

    data: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str | None = None
    https: bool = False
    begin: str | None = None
    replay: Path | None = None
    replay_speed: float = 1.0
    lsl: bool = False
    lan: Lan | None = None
    database: str | None = None
    bus: str | None = None
    bus_credentials: Path | None = None
    bus_ca: Path | None = None
    hub: Share | None = None
    drain_s: float = 0.0

    @classmethod
    def of(
        cls,
        *,
        data: Path | None = None,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        token: str | None = None,
        begin: str | None = None,
        replay: Path | None = None,
        replay_speed: float = 1.0,
        lsl: bool = False,
        lan: Lan | None = None,
        database: str | None = None,
        bus: str | None = None,
        bus_credentials: Path | None = None,
        bus_ca: Path | None = None,
        hub: Share | None = None,
        drain_s: float = 0.0,
    ) -> Settings:
        """Return settings from what was given, with this system's data folder.

        Raises
        ------
        SettingsError
            When a value cannot be used.
        """
        return cls(
            data=(data or default_data_folder()).expanduser().absolute(),
            host=host,
            port=port,
            token=token or None,
            begin=begin,
            replay=replay,
            replay_speed=replay_speed,
            lsl=lsl,
            lan=lan,
            https=lan is not None,
            database=database or None,
            bus=bus or None,
            bus_credentials=bus_credentials,
            bus_ca=bus_ca,
            hub=hub,
            drain_s=drain_s,
        )

    def __post_init__(self) -> None:
        if self.lan is None and not is_loopback(self.host):
            raise SettingsError(
                f"Others on this network could read along at {self.host}.",
                "Leave out --host to serve this computer alone, or add --lan to be "
                "reached from others, encrypted and with accounts (docs/lan.md).",
            )
        if self.lan is not None and self.lsl:
            raise SettingsError(
                "LSL sends to anybody on the network, whatever people agreed to.",
                "Leave out --lsl, or --lan.",
            )
        if self.hub is not None and self.bus is None:
            raise SettingsError(
                "A hub takes what homes send from a bus.",
                "Add --bus URL, or leave out --hub.",
            )
        if self.bus is None and (self.bus_credentials, self.bus_ca) != (None, None):
            raise SettingsError(
                "Credentials and an authority are for a bus, and none is named.",
                "Add --bus URL, or leave out --bus-credentials and --bus-ca.",
            )
        if self.bus is not None and self.lsl:
            raise SettingsError(
                "LSL sends to anybody on the network, whatever people agreed to.",
                "Leave out --lsl, or --bus.",
            )
        if not 0 <= self.port <= 65535:
            raise SettingsError(
                f"There is no port {self.port}.", "Choose one from 1 to 65535."
            )
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise SettingsError(
                f"The token in {TOKEN_VARIABLE} is too short to be safe.",
                f"Give it at least {SHORTEST_TOKEN} signs, or unset the variable.",
            )

    @property
    def scheme(self) -> str:
        """Return ``http`` or ``https``."""
        return "https" if self.https else "http"

    @property
    def authority(self) -> str:
        """Return host and port as they stand in a URL."""
        host = self.host if self.lan is None else self.lan.name
        return f"{_bracketed(host)}:{self.open_port}"

    @property
    def open_port(self) -> int:
        """Return the port that others open."""
        return self.port if self.lan is None else self.lan.port or self.port

    @property
    def url(self) -> str:
        """Return the address of the dashboard, without a sign-in token."""
        return f"{self.scheme}://{self.authority}/"

    def url_at(self, name: str) -> str:
        """Return the same under another name or address of this computer."""
        return f"{self.scheme}://{_bracketed(name)}:{self.port}/"

    @property
    def hsts(self) -> bool:
        """Say whether browsers may be told to insist on ``https`` from now on.

        Not with a certificate of this computer's own making: a browser that insists
        lets nobody past its warning, and so to the certificate that would end it.
        """
        return self.lan is not None and self.lan.certificate is not None

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Return every ``Host`` header that means this service (RFC 9110 §7.2).

        Anything else is another site's name that was made to point here.
        """
        own = [self.host] if self.lan is None else [self.lan.name, *self.lan.names]
        names = {*LOOPBACK_NAMES, *(_bracketed(name).lower() for name in own)}
        ports = {self.port, self.open_port}
        hosts = {f"{name}:{port}" for name in names for port in ports}
        if (443 if self.https else 80) in ports:
            hosts |= names
        return frozenset(hosts)


def default_data_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where this system keeps a program's data of one person."""
    environment = os.environ if environment is None else environment
    if chosen := environment.get(DATA_VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA")
        return Path(base or Path.home() / "AppData" / "Local") / "biofeedback"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "biofeedback"
    base = environment.get("XDG_DATA_HOME")
    return Path(base or Path.home() / ".local" / "share") / "biofeedback"


def is_loopback(host: str) -> bool:
    """Say whether ``host`` is this very computer, whom nobody else can reach there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _bracketed(host: str) -> str:
    # An IPv6 address stands in brackets wherever a port follows (RFC 3986 §3.2.2).
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
