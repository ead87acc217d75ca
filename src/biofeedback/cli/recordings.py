"""Commands about a recording: `replay`, `verify`, `recover`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.lsl import Lsl, LslWait, check_lsl, replay_by_lsl
from biofeedback.cli.options import File, speed_of
from biofeedback.cli.sessions import ready
from biofeedback.cli.terminal import lines_to, notice, say_what_is_logged


def replay(
    file: File,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="1 is real time; max, at once.")
    ] = "1",
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="PATH|-", help="Write the live messages here."),
    ] = None,
    as_recorded: Annotated[
        bool,
        typer.Option(
            "--as-recorded", help="As it was shown then, not as computed today."
        ),
    ] = False,
    lsl: Lsl = False,
    lsl_wait: LslWait = 0,
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

    factor = speed_of(speed)
    recording = open_recording(file)
    check_lsl(lsl)
    if serve_it:
        if as_recorded:
            raise SettingsError(
                "A dashboard shows a replay as it is computed today.",
                "Leave out --serve, or --as-recorded.",
            )
        if factor is None:
            raise SettingsError(
                "A dashboard cannot follow '--speed max'.",
                "Choose a number from 0.25 to 64.",
            )
        _serve_replay(file, factor, host, port, open_browser=not no_browser, lsl=lsl)
        return
    if lsl:
        if jsonl is not None or as_recorded:
            raise SettingsError(
                "A replay goes to one output at a time.",
                "Leave out --lsl, or the other.",
            )
        sent = asyncio.run(replay_by_lsl(recording, speed=factor, wait_s=lsl_wait))
        print(
            f"{sent.n_beats} intervals, {sent.n_markers} markers and "
            f"{sent.n_samples} samples were sent by LSL."
        )
        return
    from biofeedback.session.clock import WallClock
    from biofeedback.session.player import play
    from biofeedback.session.replay_clock import ReplayClock

    with lines_to(jsonl or "-", file) as out:
        clock = None if factor is None else ReplayClock(WallClock(), factor)
        asyncio.run(play(recording, clock=clock, out=out, as_recorded=as_recorded))


def _serve_replay(
    file: Path, speed: float, host: str, port: int, *, open_browser: bool, lsl: bool
) -> None:
    import tempfile

    from biofeedback.service.server import serve
    from biofeedback.session.simulated import SimulatedDriver
    from biofeedback.settings import Settings

    say_what_is_logged()
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
                lsl=lsl,
            ),
            drivers=(SimulatedDriver(),),
            on_ready=lambda url: ready(url, open_browser=open_browser),
            on_notice=notice,
        )


def verify(file: File) -> None:
    """Prove a recording whole, and its metrics the same when played again."""
    from biofeedback.errors import NotSoError
    from biofeedback.session.replay import verify as prove

    verdict = prove(file)
    if not verdict.ok:
        raise NotSoError(verdict.sentence, verdict.advice)
    print(verdict.sentence)


def recover(
    file: File,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The new recording.")
    ] = None,
) -> None:
    """Salvage a damaged or unfinished recording, and say what was lost."""
    from biofeedback.cli.tables import check_target
    from biofeedback.recording.recover import recover_file

    if out is not None:
        check_target(out, [file])
    recovered = recover_file(file, out)
    print(recovered.sentence)
    if recovered.path != file:
        print(f"{recovered.path}: {recovered.n_records} records")
