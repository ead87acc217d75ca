"""Plans as files: `plan list`, `check`, `hash` and `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.terminal import notice

plan = typer.Typer(
    help="Plans of sessions: list, check, hash and register them.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A plan as JSON.")]


@plan.callback()
def about() -> None:
    """Look after plans."""


@plan.command("list")
def list_(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")
    ] = None,
) -> None:
    """List the plans that a session can follow."""
    from biofeedback.practice.plan_library import PlanLibrary
    from biofeedback.settings import Settings

    found, bad = PlanLibrary(Settings.of(data=data).data).all()
    for one in found:
        print(f"{one.id}  version {one.version}  {one.sha256[:12]}  {one.title}")
    for file in bad:
        notice(f"{file.name}: {file.problem}")
    raise typer.Exit(1 if bad else 0)


@plan.command()
def check(file: File) -> None:
    """Say whether a file is a plan, and what is wrong if not."""
    from biofeedback.practice.plan_library import read_file

    found = read_file(file)
    n = len(found.arms)
    what = f"{n} arms" if n else f"{len(found.steps)} steps"
    print(f"{file.name} is a plan: '{found.id}', version {found.version}, {what}.")


@plan.command("hash")
def hash_(file: File) -> None:
    """Print the SHA-256 of a plan, the same however the file is laid out."""
    from biofeedback.practice.plan_library import read_file

    print(read_file(file).sha256)


@plan.command()
def register(
    file: File,
    out: Annotated[
        Path,
        typer.Option(metavar="PATH", show_default=False, help="The file to write."),
    ],
) -> None:
    """Write a plan down with its hash and today's date, before anybody takes part."""
    from datetime import UTC, datetime

    import msgspec

    from biofeedback import __version__
    from biofeedback.errors import NotSoError
    from biofeedback.pipeline import ALGORITHM
    from biofeedback.practice.plan_library import read_file
    from biofeedback.recording.durable import explained

    found = read_file(file)
    missing = [
        name
        for name, given in (
            ("primary_outcome", found.primary_outcome),
            ("exclusion_rules", found.exclusion_rules),
        )
        if not given
    ]
    if missing:
        raise NotSoError(
            f"The plan '{found.id}' says nothing of {' and '.join(missing)}.",
            "A registration needs both; write them into the plan.",
        )
    registered = {
        "plan_sha256": found.sha256,
        "registered_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": f"biofeedback {__version__}",
        "algorithm": ALGORITHM,
        "plan": msgspec.json.decode(found.canonical),
    }
    text = msgspec.json.format(msgspec.json.encode(registered), indent=2)
    try:
        with out.open("xb") as target:
            target.write(text + b"\n")
    except FileExistsError:
        raise NotSoError(
            f"{out.name} is there already.",
            "A registration is never overwritten; choose another name.",
        ) from None
    except OSError as error:
        raise explained(f"{out.name} could not be written.", error) from error
    print(f"{out.name}: '{found.id}', version {found.version}, {found.sha256}")
