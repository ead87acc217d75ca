"""What the service shows that it is: one's own certificate, or one made here.

``DATA/tls`` holds, where there is none of one's own, the authority (``ca.crt``, which
devices are told to trust, and ``ca.key``, which nobody may see) and the page's
certificate, which is made anew before it ends.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biofeedback.errors import SettingsError
from biofeedback.settings import Lan

if TYPE_CHECKING:
    from cryptography import x509

    from biofeedback.service.certificates import Pair

FOLDER = "tls"
CA_CERTIFICATE, CA_KEY = "ca.crt", "ca.key"
PAGE_CERTIFICATE, PAGE_KEY = "page.crt", "page.key"

RENEW_BEFORE = dt.timedelta(days=30)
"""A certificate is replaced so long before it ends."""

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 only what keeps past traffic secret; TLS 1.3 has nothing else."""


@dataclass(frozen=True)
class Shown:
    """The files to serve with, and what people need to know of them.

    ``authority`` is the certificate that devices must be told to trust, ``None`` with
    one's own. ``fingerprint`` is its SHA-256, or that of one's own. ``is_new`` says
    that no device can trust it yet.
    """

    certificate: Path
    key: Path
    fingerprint: str
    until: dt.datetime
    authority: Path | None = None
    is_new: bool = False


def shown(data: Path, lan: Lan, now: dt.datetime) -> Shown:
    """Return what to serve with, made or renewed where need be.

    Raises
    ------
    SettingsError
        When a file cannot be used, with what to do.
    """
    if lan.certificate is not None and lan.key is not None:
        return _own(lan.certificate, lan.key, lan.name, now)
    return _made_here(data / FOLDER, lan, now)


def context_of(files: Shown) -> ssl.SSLContext:
    """Return what connections are encrypted with: TLS 1.2 or newer.

    Raises
    ------
    SettingsError
        When the certificate and the key cannot be used together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    load(context, files)
    return context


def load(context: ssl.SSLContext, files: Shown) -> None:
    """Serve new connections with ``files`` from now on.

    Raises
    ------
    SettingsError
        When the certificate and the key cannot be used together.
    """
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"{files.certificate.name} and {files.key.name} cannot be used together.",
            "Give the certificate and the unencrypted key that belongs to it, as PEM.",
        ) from error


def names_in(certificate: Path) -> tuple[str, ...]:
    """Return the names that a certificate of one's own is good for.

    Raises
    ------
    SettingsError
        When it cannot be read.
    """
    from biofeedback.service.certificates import names_of

    return names_of(_read(certificate))


def ends_at(data: Path, lan: Lan) -> dt.datetime:
    """Return until when the certificate on the disk is good.

    Raises
    ------
    SettingsError
        When it cannot be read.
    """
    made_here = data / FOLDER / PAGE_CERTIFICATE
    return _read(lan.certificate or made_here).not_valid_after_utc


def _no_password() -> str:
    return ""  # otherwise the service would wait at the terminal for one


def _own(certificate: Path, key: Path, name: str, now: dt.datetime) -> Shown:
    from biofeedback.service.certificates import fingerprint, names_of

    found = _read(certificate)
    until = found.not_valid_after_utc
    if not found.not_valid_before_utc <= now < until:
        raise SettingsError(
            f"{certificate.name} is not good today.",
            f"It is from {found.not_valid_before_utc:%Y-%m-%d} until "
            f"{until:%Y-%m-%d}: renew it, or check this computer's clock.",
        )
    names = names_of(found)
    wildcard = f"*.{name.partition('.')[2]}"
    if not {name, wildcard} & set(names):
        known = ", ".join(names) or "none"
        raise SettingsError(
            f"{certificate.name} is not for '{name}'.",
            f"Give --name one of its names: {known}.",
        )
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise _unreadable(key) from error
    if sys.platform != "win32" and mode & stat.S_IRWXO:
        raise SettingsError(
            f"Everybody on this computer can read {key.name}.",
            f"Type 'chmod 600 {key}'.",
        )
    return Shown(certificate, key, fingerprint(found), until)


def _made_here(folder: Path, lan: Lan, now: dt.datetime) -> Shown:
    from biofeedback.service import certificates

    names = (lan.name, *lan.names)
    if not certificates.can_be_local(lan.name):
        raise SettingsError(
            f"A certificate made here is not for the internet's address {lan.name}.",
            "Give --name a name of your network, or your own --certificate and --key.",
        )
    _make_folder(folder)
    authority = _kept(folder / CA_CERTIFICATE, folder / CA_KEY)
    is_new = (
        authority is None
        or _ends_soon(authority.certificate, now)
        or not certificates.may_vouch_for(authority.certificate, lan.name)
    )
    if authority is None or is_new:
        local = [name for name in names if certificates.can_be_local(name)]
        authority = certificates.new_authority(local, now)
        _keep(authority, folder / CA_CERTIFICATE, folder / CA_KEY)
    # A computer may be called otherwise in another network. That is no reason for
    # another authority, which every device would have to be told to trust.
    names = tuple(
        name
        for name in names
        if certificates.may_vouch_for(authority.certificate, name)
    )
    page = _kept(folder / PAGE_CERTIFICATE, folder / PAGE_KEY)
    if (
        page is None
        or is_new
        or _ends_soon(page.certificate, now)
        or page.certificate.issuer != authority.certificate.subject
        or not certificates.covers(page.certificate, names)
    ):
        page = certificates.new_page(authority, names, now)
        _keep(page, folder / PAGE_CERTIFICATE, folder / PAGE_KEY)
    return Shown(
        certificate=folder / PAGE_CERTIFICATE,
        key=folder / PAGE_KEY,
        fingerprint=certificates.fingerprint(authority.certificate),
        until=page.certificate.not_valid_after_utc,
        authority=folder / CA_CERTIFICATE,
        is_new=is_new,
    )


def _ends_soon(certificate: x509.Certificate, now: dt.datetime) -> bool:
    began = certificate.not_valid_before_utc <= now
    return not began or now >= certificate.not_valid_after_utc - RENEW_BEFORE


def _kept(certificate: Path, key: Path) -> Pair | None:
    from biofeedback.service.certificates import Pair

    try:
        return Pair.read(certificate.read_bytes(), key.read_bytes())
    except (FileNotFoundError, ValueError):
        return None  # not there, or damaged: either way there has to be another
    except OSError as error:
        raise _unreadable(certificate) from error


def _make_folder(folder: Path) -> None:
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def _keep(pair: Pair, certificate: Path, key: Path) -> None:
    # A crash in between leaves two that do not belong together: made anew next time.
    for path, text in ((key, pair.key_pem), (certificate, pair.certificate_pem)):
        with _told(path):
            _replace(path, text)


def _replace(path: Path, text: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _read(path: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as error:
        raise _unreadable(path) from error
    except ValueError as error:
        raise SettingsError(
            f"{path.name} is not a certificate.",
            "Give a PEM file, which begins with 'BEGIN CERTIFICATE'.",
        ) from error


def _unreadable(path: Path) -> SettingsError:
    return SettingsError(
        f"{path.name} cannot be read.", "Check the path and its permissions."
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written ({error.strerror}).",
            "Check the permissions of the data folder, or choose another with --data.",
        ) from error
