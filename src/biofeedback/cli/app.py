"""All commands together, and how every one of them ends."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from biofeedback import __version__
from biofeedback.cli.analyses import analyze
from biofeedback.cli.audit import audit
from biofeedback.cli.backup import backup, restore
from biofeedback.cli.bench import bench
from biofeedback.cli.catalog import catalog
from biofeedback.cli.doctor import doctor
from biofeedback.cli.exporting import export
from biofeedback.cli.home import home, hub
from biofeedback.cli.importing import import_
from biofeedback.cli.join import join, leave
from biofeedback.cli.keys import keys
from biofeedback.cli.migrate import migrate
from biofeedback.cli.person import person
from biofeedback.cli.plan import plan
from biofeedback.cli.recordings import recover, replay, verify
from biofeedback.cli.sessions import record, run
from biofeedback.cli.straps import scan
from biofeedback.cli.terminal import discard, notice
from biofeedback.cli.token import token
from biofeedback.cli.user import user

app = typer.Typer(
    name="biofeedback",
    help="An open companion for practising with a chest strap.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"biofeedback {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Practise with a chest strap, and replay what happened."""


for _command in (
    run,
    scan,
    record,
    replay,
    verify,
    recover,
    analyze,
):
    app.command()(_command)
app.command("import")(import_)
app.command()(export)
app.command()(backup)
app.command()(restore)
app.command()(migrate)
app.command()(doctor)
app.command()(join)
app.command()(leave)
app.command()(bench)
app.add_typer(catalog, name="catalog")
app.add_typer(keys, name="keys")
app.add_typer(plan, name="plan")
app.add_typer(person, name="person")
app.add_typer(audit, name="audit")
app.add_typer(user, name="user")
app.add_typer(token, name="token")
app.add_typer(home, name="home")
app.add_typer(hub, name="hub")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; say errors in one sentence, never as a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    if debug:
        logging.basicConfig(level=logging.INFO)
    elif not logging.getLogger().handlers:
        # What happens is told in sentences; the log and its tracebacks are for --debug.
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = _run([argument for argument in given if argument != "--debug"])
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        if debug and not isinstance(error, BrokenPipeError):
            raise
        code = _told(error)
    raise SystemExit(code)


def _run(arguments: list[str]) -> int:
    try:
        app(arguments, prog_name="biofeedback")
        code = 0
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None  # Typer makes an exit 1 of it
        code = end.code if isinstance(end.code, int) else 0
    sys.stdout.flush()  # here, where a full disk can still be told
    return code


def _told(error: Exception) -> int:
    from biofeedback.errors import BiofeedbackError

    if isinstance(error, BiofeedbackError):
        notice(str(error))
        return error.exit_code
    try:
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0  # the reader of our output has gone away, as `| head` does
    notice(
        f"Something unexpected happened ({type(error).__name__}: {error}). "
        "The same command with --debug shows where."
    )
    return 1
