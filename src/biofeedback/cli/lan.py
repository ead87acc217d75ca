"""What `run --lan` needs to know before others can reach the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biofeedback.settings import Lan

EVERYWHERE = "0.0.0.0"

OnLan = Annotated[
    bool,
    typer.Option("--lan", help="Let others of this network sign in; encrypted."),
]
LanName = Annotated[
    str | None,
    typer.Option(metavar="HOST[:PORT]", help="With --lan: what others open."),
]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --lan: a certificate of your own (PEM)."),
]
Key = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --lan: the key of it (PEM).")
]


def lan_of(
    wanted: bool,
    *,
    host: str | None,
    name: str | None,
    certificate: Path | None,
    key: Path | None,
) -> Lan | None:
    """Return how others reach the service, or ``None`` when they shall not.

    Raises
    ------
    SettingsError
        When options do not fit together, or this computer has no name to be asked for.
    """
    from biofeedback.errors import SettingsError
    from biofeedback.service.machine import (
        address_of,
        checked_name,
        host_names,
        private_addresses,
        with_port,
    )
    from biofeedback.settings import Lan

    if not wanted:
        if (name, certificate, key) != (None, None, None):
            raise SettingsError(
                "A name and a certificate are for others, who cannot come in.",
                "Add --lan, or leave out --name, --certificate and --key.",
            )
        return None
    at = None if host is None else address_of(host)
    if at is None or at.is_unspecified:
        # 0.0.0.0 hears nothing that is sent to an address of IPv6.
        six = at is not None and at.version == 6
        addresses = tuple(one for one in private_addresses() if six or ":" not in one)
    else:
        addresses = (str(at),)
    known = (*host_names(), *addresses)
    name, port = with_port(name)
    if name is None and certificate is not None:
        name = _name_in(certificate)
    if name is None and not known:
        raise SettingsError(
            "This computer has no name that others could open.",
            "Give --name HOST: a name of your network, or this computer's address.",
        )
    chosen = checked_name(name or known[0])
    return Lan(
        name=chosen,
        names=tuple(one for one in known if one != chosen),
        certificate=certificate,
        key=key,
        port=port,
    )


def _name_in(certificate: Path) -> str | None:
    from biofeedback.service.tls import names_in

    return next((name for name in names_in(certificate) if "*" not in name), None)
