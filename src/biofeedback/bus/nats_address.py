"""Where the servers are, and how to be let in: checked before anything is tried."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from biofeedback.errors import PackageError, SettingsError
from biofeedback.model import Value

PORT = 4222


class NatsAddress(Value, frozen=True):
    """One server: where it is, and what its address says of who we are.

    It has no words for a log but :attr:`where`, which holds no password.
    """

    where: str
    encrypted: bool
    secrets: dict[str, str]

    @property
    def url(self) -> str:
        """The address without who we are."""
        return f"{'tls' if self.encrypted else 'nats'}://{self.where}"

    def __repr__(self) -> str:
        return f"NatsAddress({self.url!r})"


def addresses_of(url: str | Sequence[str]) -> tuple[NatsAddress, ...]:
    """Return the servers of one or several addresses; commas part them, too.

    >>> addresses_of("nats://me:secret@clinic.example,tls://10.0.0.2:4223")
    (NatsAddress('nats://clinic.example:4222'), NatsAddress('tls://10.0.0.2:4223'))

    Raises
    ------
    SettingsError
        When one cannot be an address; it is not repeated, for it may hold a password.
    """
    urls = url.split(",") if isinstance(url, str) else url
    found = tuple(_address(one.strip()) for one in urls)
    if not found:
        raise SettingsError("There is no address of a NATS server.", _ADVICE)
    return found


_ADVICE = "Write it as nats://HOST:4222 or tls://HOST:4222."


def _address(url: str) -> NatsAddress:
    try:
        parts: SplitResult = urlsplit(url if "://" in url else f"nats://{url}")
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, 0
    if host is None or parts.scheme not in ("nats", "tls"):
        raise SettingsError("The address of the NATS server cannot be used.", _ADVICE)
    secrets: dict[str, str] = {}
    if parts.username is not None and parts.password is not None:
        secrets = {
            "user": unquote(parts.username),
            "password": unquote(parts.password),
        }
    elif parts.username is not None:
        secrets = {"token": unquote(parts.username)}
    return NatsAddress(
        where=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        encrypted=parts.scheme == "tls",
        secrets=secrets,
    )


def credentials_for(path: Path | None, seed: str | None) -> dict[str, str]:
    """Return the library's options for a credentials file or an NKey seed.

    A file is what ``nsc`` writes (``.creds``: a JWT and a seed), or a seed alone.

    Raises
    ------
    SettingsError
        When it cannot be used.
    """
    if path is not None:
        try:
            text = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"The credentials '{path}' cannot be read.",
                "Name a file that this program may read.",
            ) from error
        if "BEGIN NATS USER JWT" in text:
            return {"user_credentials": str(path)}
        seed = text
    if seed is None:
        return {}
    seed = seed.strip()
    _check_seed(seed, f"The credentials '{path}'" if path else "The key for the bus")
    return {"nkeys_seed_str": seed}


def _check_seed(seed: str, what: str) -> None:
    try:
        import nkeys
    except ImportError as error:
        raise PackageError("A link with a key", "nkeys", "nats") from error
    try:
        nkeys.from_seed(bytearray(seed.encode())).wipe()
    except Exception as error:  # it has no error of its own for all that can be wrong
        raise SettingsError(
            f"{what} cannot be used.",
            "It must be a .creds file, or an NKey seed, which begins with SU.",
        ) from error


def tls_for(ca: Path | None) -> dict[str, ssl.SSLContext]:
    """Return the library's option for the authority to trust: the system's without it.

    Raises
    ------
    SettingsError
        When the file cannot be used.
    """
    if ca is None:
        return {}  # the library looks for the system's when a server has TLS
    try:
        return {"tls": ssl.create_default_context(cafile=ca)}
    except OSError as error:
        raise SettingsError(
            f"The certificate authority '{ca}' cannot be used.",
            "Name a file with its certificate, in PEM.",
        ) from error
