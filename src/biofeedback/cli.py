"""The command line: puts the parts together and speaks to the person at the terminal.

Nothing heavy is imported at the top, so that ``--help`` answers at once; each
command brings in what it needs.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO

import typer

from biofeedback import __version__

if TYPE_CHECKING:
    from biofeedback.errors import BiofeedbackError, NotSoError
    from biofeedback.model import FoundStrap
    from biofeedback.session.driver import Driver
    from biofeedback.session.simulated import SimulatedDriver

app = typer.Typer(
    name="biofeedback",
    help="An open companion for practising with a chest strap.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _duration(seconds: float | None) -> float | None:
    # Not 'min' alone: it lets 'nan' and 'inf' through.
    if seconds is not None and not 0 < seconds < float("inf"):
        raise typer.BadParameter("Give a number of seconds above 0.")
    return seconds


Simulate = Annotated[
    bool, typer.Option("--simulate", help="Use the simulated strap, at once.")
]
StrapName = Annotated[
    str | None,
    typer.Option("--strap", metavar="NAME|ADDRESS", help="Use this strap, at once."),
]
Profile = Annotated[
    str, typer.Option(help="Simulated heart: calm, anxious, ectopic, dropouts ...")
]
Seed = Annotated[int, typer.Option(help="Seed of the simulated heart.")]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


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


@app.command()
def run(
    simulate: Simulate = False,
    strap: StrapName = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8765,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
    profile: Profile = "calm",
    seed: Seed = 1,
) -> None:
    """Start the service and open the dashboard."""
    from biofeedback.service.server import serve
    from biofeedback.session.simulated import SIMULATED_ID
    from biofeedback.settings import Settings

    _say_what_is_logged()
    simulated, others = _drivers(profile, seed)
    settings = Settings.of(
        data=data,
        host=host,
        port=port,
        token=os.environ.get("BIOFEEDBACK_TOKEN"),
        begin=SIMULATED_ID if simulate else strap,
    )
    serve(
        settings,
        drivers=(simulated, *others),
        on_ready=lambda url: _ready(url, open_browser=not no_browser),
        on_notice=_notice,
    )


def _ready(url: str, *, open_browser: bool) -> None:
    print(f"ready: {url}", flush=True)
    if open_browser:
        import threading
        import webbrowser

        # Where there is no browser this does nothing, and the link is printed above.
        # A browser of the terminal may stay for as long as it is used.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


@app.command()
def scan(
    seconds: Annotated[float, typer.Option(min=0.5, max=60, callback=_duration)] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the straps in reach."""
    import asyncio

    from biofeedback.errors import LinkError
    from biofeedback.model import LinkReason

    _, radios = _drivers()

    async def look() -> list[FoundStrap]:
        found: list[FoundStrap] = []
        for driver in radios:
            try:
                found.extend(await driver.scan(seconds))
            finally:
                await driver.close()
        return found

    straps = asyncio.run(look())
    if as_json:
        keys = ("name", "address", "rssi_dbm", "profile")
        _print_json([{key: getattr(strap, key) for key in keys} for strap in straps])
    else:
        for strap in straps:
            signal = "" if strap.rssi_dbm is None else f"{strap.rssi_dbm} dBm"
            print(f"{strap.name}\t{strap.address}\t{signal}\t{strap.profile}")
    if not straps:
        raise LinkError(LinkReason.NOT_FOUND)


@app.command()
def record(
    out: Annotated[Path, typer.Option(metavar="FILE.mcap", help="The new recording.")],
    simulate: Simulate = False,
    strap: StrapName = None,
    seconds: Annotated[
        float | None,
        typer.Option(callback=_duration, help="How long; else until Ctrl-C."),
    ] = None,
    profile: Profile = "calm",
    seed: Seed = 1,
) -> None:
    """Record without a dashboard."""
    import asyncio

    from biofeedback.errors import SettingsError
    from biofeedback.session.driver import named
    from biofeedback.session.recorder import record_to

    if simulate == (strap is not None):
        raise SettingsError(
            "A recording needs one source.", "Give either --simulate or --strap NAME."
        )
    simulated, radios = _drivers(profile, seed)
    driver: Driver = simulated if strap is None else _first(radios)
    finished = asyncio.run(
        record_to(
            out,
            driver=driver,
            strap=simulated.found if strap is None else named(strap),
            seconds=seconds,
            tell=_notice,
        )
    )
    label = " (simulated)" if simulate else ""
    print(
        f"{finished.path}{label}: {finished.n_records} records, "
        f"{finished.size_bytes} bytes"
    )


@app.command()
def replay(
    file: File,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="1 is real time; max, at once.")
    ] = "1",
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="PATH|-", help="Write the live messages here."),
    ] = None,
    serve_it: Annotated[
        bool, typer.Option("--serve", help="Show it in the dashboard.")
    ] = False,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8765,
    no_browser: Annotated[bool, typer.Option("--no-browser")] = False,
) -> None:
    """Play a recording through the same code again."""
    import asyncio

    from biofeedback.errors import SettingsError
    from biofeedback.recording.reader import open_recording

    factor = _speed(speed)
    recording = open_recording(file)
    if serve_it:
        if factor is None:
            raise SettingsError(
                "A dashboard cannot follow '--speed max'.",
                "Choose a number from 0.25 to 64.",
            )
        _serve_replay(file, factor, host, port, open_browser=not no_browser)
        return
    from biofeedback.session.clock import WallClock
    from biofeedback.session.player import play

    with _lines(jsonl or "-", file) as out:
        clock = None if factor is None else WallClock(factor)
        asyncio.run(play(recording, clock=clock, out=out))


def _serve_replay(
    file: Path, speed: float, host: str, port: int, *, open_browser: bool
) -> None:
    import tempfile

    from biofeedback.service.server import serve
    from biofeedback.settings import Settings

    _say_what_is_logged()
    # A replay keeps nothing, so it gets a data folder that goes away with it and
    # does not disturb a service that is running.
    with tempfile.TemporaryDirectory(prefix="biofeedback-replay-") as folder:
        serve(
            Settings.of(
                data=Path(folder),
                host=host,
                port=port,
                token=os.environ.get("BIOFEEDBACK_TOKEN"),
                replay=file.resolve(),
                replay_speed=speed,
            ),
            drivers=(_drivers()[0],),
            on_ready=lambda url: _ready(url, open_browser=open_browser),
            on_notice=_notice,
        )


@app.command()
def verify(file: File) -> None:
    """Prove a recording whole, and its metrics the same when played again."""
    from biofeedback.errors import NotSoError
    from biofeedback.session.replay import verify as prove

    verdict = prove(file)
    if not verdict.ok:
        raise NotSoError(verdict.sentence, verdict.advice)
    print(verdict.sentence)


@app.command()
def recover(
    file: File,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The new recording.")
    ] = None,
) -> None:
    """Salvage a damaged or unfinished recording, and say what was lost."""
    from biofeedback.recording.recover import recover_file
    from biofeedback.tables import check_target

    if out is not None:
        check_target(out, [file])
    recovered = recover_file(file, out)
    print(recovered.sentence)
    if recovered.path != file:
        print(f"{recovered.path}: {recovered.n_records} records")


@app.command()
def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR ...")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="PATH")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="PATH")] = None,
    window: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", callback=_duration, help="Also by windows."),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", callback=_duration, help="From window to window."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = 1,
    column: Annotated[
        str | None, typer.Option(help="The RR column of a text file: name or number.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="ms|s", help="Unit of the RR column.")
    ] = None,
) -> None:
    """Compute HRV from recordings and plain RR text."""
    from biofeedback.errors import BiofeedbackError, SettingsError

    if parquet is not None:
        _later("analyze --parquet")
    if step is not None and window is None:
        raise SettingsError("--step needs --window.", "Give both, in seconds.")
    if unit not in (None, "ms", "s"):
        raise SettingsError(f"There is no unit '{unit}' of RR.", "Give ms or s.")
    from biofeedback.tables import check_target, files_in, lines, write_csv

    found = files_in(files)
    if csv is not None:
        check_target(csv, [one for one in found if isinstance(one, Path)])
    results, refused = [], 0
    for outcome in _analyses(found, jobs, window, step, column, unit):
        if isinstance(outcome, BiofeedbackError):
            refused += 1
            _notice(str(outcome))
        else:
            results.append(outcome)
    if csv is not None:
        write_csv(csv, results)
    if as_json:
        _print_json(results)
    elif csv is None:
        for result in results:
            print("\n".join(lines(result)))
    raise typer.Exit(1 if refused else 0)


def _analyses(
    paths: list[Path | NotSoError],
    jobs: int,
    window_s: float | None,
    step_s: float | None,
    column: str | None,
    unit: str | None,
) -> Iterator[dict[str, Any] | BiofeedbackError]:
    from functools import partial

    one = partial(_analysis, window_s=window_s, step_s=step_s, column=column, unit=unit)
    if jobs == 1 or len(paths) == 1:
        yield from map(one, paths)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, paths)


def _analysis(
    path: Path | NotSoError,
    *,
    window_s: float | None,
    step_s: float | None,
    column: str | None,
    unit: str | None,
) -> dict[str, Any] | BiofeedbackError:
    from biofeedback.errors import RecordingError
    from biofeedback.session.analysis import analyze_file

    if not isinstance(path, Path):
        return path
    try:
        return analyze_file(path, window_s, step_s, column=column, unit=unit)
    except RecordingError as error:
        return error  # the other files are analyzed all the same


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look at Bluetooth, disk, browser and versions, and say what to do."""
    import asyncio

    import msgspec

    from biofeedback.service.pages import dashboard_folder
    from biofeedback.session.doctor import examine
    from biofeedback.settings import Settings

    findings = asyncio.run(
        examine(_drivers()[1], data=Settings.of().data, dashboard=dashboard_folder())
    )
    if as_json:
        _print_json(msgspec.to_builtins(findings))
        return
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'note'}  {finding.name}: {finding.text}")
        if not finding.ok and finding.advice:
            print(f"      {finding.advice}")


def _later(what: str) -> None:
    from biofeedback.errors import NotSoError

    raise NotSoError(f"'{what}' is not there yet.", "See CHANGELOG.md for what is.")


for _name, _help in {
    "import": "Turn foreign formats into recordings (not there yet).",
    "export": "Write a recording in another format (not there yet).",
    "user": "Accounts of a shared installation (not there yet).",
    "token": "Access tokens for programs (not there yet).",
    "bench": "The benchmarks (not there yet; 'make bench' in a checkout).",
}.items():

    def _command(
        context: typer.Context,
        _arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    ) -> None:
        _later(str(context.info_name))

    app.command(
        _name,
        help=_help,
        context_settings={"ignore_unknown_options": True},
    )(_command)


def _drivers(
    profile: str = "calm", seed: int = 1
) -> tuple[SimulatedDriver, tuple[Driver, ...]]:
    """Return the simulated driver and all installed radios."""
    from importlib.metadata import entry_points

    from biofeedback.session.simulated import SimulatedDriver

    found = entry_points(group="biofeedback.drivers")
    radios: list[Any] = []
    for entry in found:
        try:
            radios.append(entry.load()())
        except Exception as error:  # a third party's mistake ends nothing else
            _notice(f"The driver '{entry.name}' could not be loaded: {error}.")
    return SimulatedDriver(profile, seed), tuple(radios)


def _first(radios: tuple[Driver, ...]) -> Driver:
    from biofeedback.errors import LinkError
    from biofeedback.model import LinkReason

    if not radios:
        raise LinkError(LinkReason.NO_ADAPTER)
    return radios[0]


def _notice(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # A terminal that has gone away must not end what is being recorded, and
        # Python must not try once more at the end, and fail.
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let what is still buffered, and all that follows, go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))


@contextmanager
def _lines(target: str, source: Path) -> Iterator[BinaryIO]:
    if target == "-":
        yield sys.stdout.buffer
        return
    from biofeedback.recording.durable import explained
    from biofeedback.tables import check_target

    path = Path(target)
    check_target(path, [source])
    try:
        with path.open("wb") as out:
            yield out
    except OSError as error:
        raise explained(f"{path.name} could not be written.", error) from error


def _speed(text: str) -> float | None:
    from biofeedback.errors import SettingsError

    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = -1
    if not 0.25 <= speed <= 64:
        raise SettingsError(
            f"A speed of '{text}' is not offered.", "Give 0.25 to 64, or 'max'."
        )
    return speed


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


class _Sentences(logging.Handler):
    """Says what a service logs, one line each: nobody else would tell it."""

    def emit(self, record: logging.LogRecord) -> None:
        _notice(record.getMessage())


def _say_what_is_logged() -> None:
    root = logging.getLogger()
    if all(isinstance(handler, logging.NullHandler) for handler in root.handlers):
        root.addHandler(_Sentences(logging.WARNING))


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
        _notice(str(error))
        return error.exit_code
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0  # the reader of our output has gone away, as `| head` does
    _notice(
        f"Something unexpected happened ({type(error).__name__}: {error}). "
        "The same command with --debug shows where."
    )
    return 1


if __name__ == "__main__":
    main()
