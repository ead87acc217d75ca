"""Whether a person can practise here: `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.drivers import installed
from biofeedback.cli.nodes import Database
from biofeedback.cli.options import AsJson
from biofeedback.cli.terminal import print_json

if TYPE_CHECKING:
    from biofeedback.session.findings import Command, Finding


def doctor(
    as_json: AsJson = False,
    all_platforms: Annotated[
        bool,
        typer.Option("--all-platforms", help="Also say what to type on other systems."),
    ] = False,
    database: Database = None,
) -> None:
    """Look at Bluetooth, disk, browser and versions, and say what to do."""
    import asyncio

    import msgspec

    from biofeedback.service.pages import dashboard_folder
    from biofeedback.session.doctor import examine
    from biofeedback.settings import Settings

    found = installed()
    findings = asyncio.run(
        examine(
            found.radios,
            data=Settings.of().data,
            dashboard=dashboard_folder(),
            broken=found.broken,
        )
    )
    if database:
        findings = (*findings, _database(database))
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
