"""Whether a person can practise here: `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.drivers import installed
from biofeedback.cli.nodes import BusAuthority, BusCredentials, BusUrl, Database
from biofeedback.cli.options import AsJson
from biofeedback.cli.terminal import print_json

if TYPE_CHECKING:
    from pathlib import Path

    from biofeedback.session.findings import Command, Finding


def doctor(
    as_json: AsJson = False,
    all_platforms: Annotated[
        bool,
        typer.Option("--all-platforms", help="Also say what to type on other systems."),
    ] = False,
    database: Database = None,
    bus: BusUrl = None,
    bus_credentials: BusCredentials = None,
    bus_ca: BusAuthority = None,
) -> None:
    """Look at Bluetooth, disk, browser and versions, and say what to do.

    Also at the clinic that this computer has joined, if it has.
    """
    import asyncio

    import msgspec

    from biofeedback.service.pages import dashboard_folder
    from biofeedback.session.doctor import examine
    from biofeedback.settings import Settings

    found, data = installed(), Settings.of().data
    findings = asyncio.run(
        examine(
            found.radios,
            data=data,
            dashboard=dashboard_folder(),
            broken=found.broken,
        )
    )
    if database:
        findings = (*findings, _database(database))
    if bus:
        findings = (*findings, asyncio.run(_bus(bus, bus_credentials, bus_ca)))
    if (clinic := asyncio.run(_clinic(data))) is not None:
        findings = (*findings, clinic)
    if as_json:
        print_json(msgspec.to_builtins(findings))
        return
    said: set[Command] = set()
    for finding in findings:
        for line in _lines(finding, said, all_platforms=all_platforms):
            print(line)


def _database(database: str) -> Finding:
    from biofeedback.errors import BiofeedbackError
    from biofeedback.session.findings import Finding
    from biofeedback.store.postgresql import look

    try:
        seen = look(database)
    except BiofeedbackError as error:
        return Finding(
            name="Database", ok=False, text=error.message, advice=error.advice
        )
    return Finding(
        name="Database", ok=seen.advice is None, text=seen.text, advice=seen.advice
    )


async def _bus(url: str, credentials: Path | None, ca: Path | None) -> Finding:
    from biofeedback.bus.nats import NatsBus
    from biofeedback.bus.nats_look import look

    return await look(
        NatsBus(url, name="doctor", credentials=credentials, tls_ca=ca),
        name="Bus",
        refused="Check the file after --bus-credentials.",
        log=True,
    )


async def _clinic(data: Path) -> Finding | None:
    """Look at the clinic that this computer has joined; ``None``: it has not."""
    import msgspec

    from biofeedback.bus.nats_look import look
    from biofeedback.clinic import ticket as tickets
    from biofeedback.errors import BiofeedbackError
    from biofeedback.service.at_home.line import bus_of
    from biofeedback.session.findings import Finding

    path = tickets.kept_at(data)
    if not path.exists():
        return None
    try:
        ticket = tickets.read(path)
    except BiofeedbackError as error:
        return Finding(name="Clinic", ok=False, text=error.message, advice=error.advice)
    found = await look(
        bus_of(ticket, data),
        name="Clinic",
        refused="Ask your clinic for a new ticket. Practice works without it.",
    )
    return msgspec.structs.replace(found, text=f"{ticket.clinic.name}: {found.text}")


def _lines(
    finding: Finding, said: set[Command], *, all_platforms: bool
) -> Iterator[str]:
    """Yield what a person reads of one finding; what to type is ``said`` once."""
    from biofeedback.session.findings import PLATFORMS, here

    yield f"{'ok  ' if finding.ok else 'note'}  {finding.name}: {finding.text}"
    if finding.ok:
        return
    if finding.advice:
        yield f"      {finding.advice}"
    system = here()
    others = (each for each in PLATFORMS if each != system)
    for platform in (system, *others) if all_platforms else (system,):
        for command in finding.commands:
            if command.platform == platform and command not in said:
                said.add(command)
                where = "" if platform == system else f" on {platform}"
                yield f"      type{where}: {command.type}"
