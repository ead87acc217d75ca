"""Homes of a clinic's patients, and the server they reach: `home`, `hub config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.options import AsJson
from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice, print_json

if TYPE_CHECKING:
    from biofeedback.store import Person, Store

LONGEST_LABEL = 80

home = typer.Typer(
    help="Patients' own machines that send to this clinic: let them in, list, revoke.",
    no_args_is_help=True,
)
hub = typer.Typer(
    help="Where homes send to: the NATS server's configuration.", no_args_is_help=True
)

Config = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the NATS server's configuration is (DATA/nats)."
    ),
]


@home.callback()
def about_home() -> None:
    """Look after homes, while the service runs or not."""


@hub.callback()
def about_hub() -> None:
    """Set up what homes send to."""


@home.command()
def add(
    person: Annotated[
        str,
        typer.Option(
            metavar="NAME", show_default=False, help="Whose: pseudonym or account."
        ),
    ],
    label: Annotated[
        str, typer.Option(metavar="TEXT", show_default=False, help="Which machine.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", show_default=False, help="The ticket.")
    ],
    servers: Annotated[
        str,
        typer.Option(
            metavar="URLS", show_default=False, help="tls://HOST:4222, comma between."
        ),
    ],
    ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The authority that homes are to trust."),
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=90, help="How long one can join by it.")
    ] = 14,
    config: Config = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Let a home in: write the ticket by which it joins. It holds a secret."""
    from biofeedback.cli.shared import shared_store
    from biofeedback.clinic.credentials import new_nkey
    from biofeedback.clinic.ticket import FORMAT, Clinic, Ticket
    from biofeedback.errors import NotSoError
    from biofeedback.settings import Settings

    addresses = _addresses(servers)
    vouches = None if ca is None else _certificate(ca)
    label = label.strip()
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise NotSoError(
            "This label cannot be used.", f"Give 1 to {LONGEST_LABEL} letters."
        )
    folder = config or _folder(Settings.of(data=data).data)
    with shared_store(data, database) as store:
        clinic = store.homes.clinic()
        if clinic is None:
            raise NotSoError(
                "This clinic has no name yet.",
                "Type 'biofeedback hub config --clinic NAME'.",
            )
        whose = _person(store, person)
        nkey = new_nkey()
        row = store.homes.add(
            person_id=whose.id, label=label, public_key=nkey.public_key
        )
        ticket = Ticket(
            format=FORMAT,
            clinic=Clinic(id=clinic.id, name=clinic.name),
            home=row.id,
            servers=addresses,
            ca=vouches,
            seed=nkey.seed,
            join_before_utc_ns=store.now_ns() + days * 86_400 * 10**9,
        )
        try:
            _keep_secret(out, ticket.to_json())
        except BaseException:
            store.homes.revoke(row.id)
            raise
        _audited(store, "home.add", row.id, whose.id)
        _tell_server(store, folder)
    print(f"{row.id}: '{label}' of {whose.pseudonym} can join with {out}.")
    notice(
        f"Whoever has {out.name} can send in this home's name: hand it over in person "
        f"or encrypted, then delete it. One can join by it for {days} days."
    )


@home.command("list")
def list_(json: AsJson = False, data: Data = None, database: Database = None) -> None:
    """List the homes."""
    from biofeedback.cli.shared import day, shared_store

    with shared_store(data, database) as store:
        rows = store.homes.all()
        people = {one.id: one.pseudonym for one in store.people()}
        now_ns = store.now_ns()
        copied = {
            row.home_id for row in store.homes.copy_consents() if row.holds(now_ns)
        }
    if json:
        print_json(
            [
                {
                    "id": row.id,
                    "label": row.label,
                    "person": people[row.person_id],
                    "copies": row.id in copied,
                    "revoked": row.revoked_at_utc_ns is not None,
                }
                for row in rows
            ]
        )
        return
    for row in rows:
        says = "copies" if row.id in copied else "no copies"
        end = "" if row.revoked_at_utc_ns is None else "  revoked"
        since = day(row.created_at_utc_ns)
        print(
            f"{row.id}  {people[row.person_id]}  since {since}  {says}{end}  "
            f"{row.label}"
        )


@home.command()
def revoke(
    id: Annotated[
        str, typer.Argument(metavar="HOME", show_default=False, help="H-...")
    ],
    config: Config = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """End a home's credential for ever; what it sent stays."""
    from biofeedback.cli.shared import shared_store
    from biofeedback.settings import Settings

    folder = config or _folder(Settings.of(data=data).data)
    with shared_store(data, database) as store:
        row = store.homes.get(id.upper())
        store.homes.revoke(row.id)
        _audited(store, "home.revoke", row.id, row.person_id)
        _tell_server(store, folder)
    print(f"{row.id} is revoked; its recordings stay.")


@hub.command()
def config(
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write it (DATA/nats)."),
    ] = None,
    clinic: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What patients know this clinic as."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="The name by which homes reach the server."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The address the server listens on.")
    ] = "0.0.0.0",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 4222,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A certificate of your own (PEM)."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key of it (PEM).")
    ] = None,
    log_gb: Annotated[
        int, typer.Option(min=1, help="How much of the disk the log may take.")
    ] = 20,
    data: Data = None,
    database: Database = None,
) -> None:
    """Write a complete configuration for a NATS server that homes can reach."""
    from datetime import UTC, datetime

    from biofeedback.cli.lan import lan_of
    from biofeedback.cli.shared import shared_store
    from biofeedback.clinic import nats_config
    from biofeedback.errors import NotSoError
    from biofeedback.service.tls import shown
    from biofeedback.settings import Settings

    settings = Settings.of(data=data)
    folder = (out or _folder(settings.data)).expanduser().absolute()
    lan = lan_of(True, host=None, name=name, certificate=certificate, key=key)
    assert lan is not None
    with shared_store(data, database, may_be_new=True) as store:
        known = store.homes.clinic()
        if clinic is not None and clinic.strip():
            known = store.homes.name_clinic(clinic.strip())
        if known is None:
            raise NotSoError(
                "This clinic has no name yet.",
                "Give it one: patients see it when they join. --clinic NAME",
            )
        files = shown(settings.data, lan, datetime.now(UTC))
        server = nats_config.Server(
            certificate=files.certificate,
            key=files.key,
            host=host,
            port=port,
            log_gb=log_gb,
        )
        nats_config.write(folder, server, store.homes.all())
    told = nats_config.reload(folder)
    print(f"Written to {folder}: nats-server -c {folder / nats_config.SERVER}")
    at = f"tls://{lan.name}:{port}"
    trusted = to_trust = ""
    if files.authority is not None:  # one that no computer knows of by itself
        trusted, to_trust = f" --bus-ca {files.authority}", f" --ca {files.authority}"
    notice(
        ("The server that runs has read it. " if told else "")
        + f"Nodes connect with: --bus {at} --bus-credentials "
        f"{folder / nats_config.NODES_SEED}{trusted}. Homes get tickets from: "
        f"biofeedback home add --servers {at}{to_trust} ..."
    )


def _folder(data: Path) -> Path:
    from biofeedback.clinic.nats_config import FOLDER

    return data / FOLDER


def _tell_server(store: Store, folder: Path) -> None:
    from biofeedback.clinic import nats_config
    from biofeedback.errors import SettingsError

    try:
        nats_config.write_homes(folder, store.homes.all())
    except SettingsError as error:
        notice(f"The NATS server does not know of it yet. {error}")
        return
    if not nats_config.reload(folder):
        notice(
            f"The NATS server does not run by {folder} here. Where it runs, copy "
            f"{nats_config.HOMES} there and type 'nats-server --signal reload'."
        )


def _person(store: Store, name: str) -> Person:
    from biofeedback.cli.shared import account_named, person_called
    from biofeedback.errors import NotSoError

    try:
        found = person_called(store, name)
    except NotSoError:
        found = None
    if found is not None:
        return found
    try:
        return store.person(account_named(store, name).person_id)
    except NotSoError:
        raise NotSoError(
            f"Nobody here is called '{name}'.",
            "Give a pseudonym, or the name of an account ('biofeedback user list').",
        ) from None


def _addresses(servers: str) -> tuple[str, ...]:
    from biofeedback.bus.nats_address import addresses_of
    from biofeedback.errors import SettingsError

    found = addresses_of(servers)
    if not all(one.encrypted for one in found):
        raise SettingsError(
            "Homes reach a clinic encrypted or not at all.",
            "Write the servers as tls://HOST:4222.",
        )
    return tuple(one.url for one in found)


def _certificate(path: Path) -> str:
    from cryptography import x509

    from biofeedback.errors import SettingsError

    try:
        text = path.read_bytes()
        x509.load_pem_x509_certificates(text)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} is no certificate that can be read.",
            "Give the PEM file of the authority, which begins with "
            "'BEGIN CERTIFICATE'.",
        ) from error
    return text.decode("ascii", "replace")


def _keep_secret(path: Path, data: bytes) -> None:
    from biofeedback.errors import SettingsError
    from biofeedback.recording import durable

    try:
        durable.write_new(path, data)
    except OSError as error:
        raise SettingsError(
            f"The ticket could not be written to {path} ({error.strerror}).",
            "Choose another name with --out: nothing is overwritten.",
        ) from error


def _audited(store: Store, action: str, home_id: str, person_id: str) -> None:
    store.audit.add(
        actor="console",
        role="console",
        action=action,
        person_id=person_id,
        object_id=home_id,
    )
