"""One frozen object with every setting of a running service.

Only the composition root builds it; everything below is handed what it needs.
"""

from __future__ import annotations

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


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the service runs with.

    ``begin`` is the strap that was asked for on the command line: its id, name or
    address. ``replay`` is a recording to show from the start, at ``replay_speed``.
    ``lsl`` sends every session by the Lab Streaming Layer too.
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
        )

    def __post_init__(self) -> None:
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
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """Return the address of the dashboard, without a sign-in token."""
        return f"{self.scheme}://{self.authority}/"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Return every ``Host`` header that means this service (RFC 9110 §7.2).

        Anything else is another site's name that was made to point here.
        """
        names = {*LOOPBACK_NAMES, _bracketed(self.host).lower()}
        hosts = {f"{name}:{self.port}" for name in names}
        if self.port == (443 if self.https else 80):
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


def _bracketed(host: str) -> str:
    # An IPv6 address stands in brackets wherever a port follows (RFC 3986 §3.2.2).
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
