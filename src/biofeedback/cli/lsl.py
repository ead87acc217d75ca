"""The option `--lsl`: a session on the Lab Streaming Layer, beside everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biofeedback.recording.reader import Recording
    from biofeedback.session.lsl.sender import Sent

Lsl = Annotated[
    bool,
    typer.Option("--lsl", help="Send it by LSL too: anybody on the network can read."),
]
LslWait = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        max=3600,
        help="With --lsl: wait this long at most until every stream is received.",
    ),
]


def check_lsl(wanted: bool) -> bool:
    """Refuse at once what could not be sent; return ``wanted``.

    Raises
    ------
    SettingsError
        When ``pylsl`` cannot be used.
    """
    from biofeedback.cli.terminal import notice

    if wanted:
        from biofeedback.session.lsl.outlets import load

        load()
        notice("Sending by LSL: everybody on this network can receive it.")
    return wanted


async def replay_by_lsl(
    recording: Recording, *, speed: float | None, wait_s: float
) -> Sent:
    """Send a recording again, from its start to its end.

    Parameters
    ----------
    recording
        What to send.
    speed
        How many times real time; there is no LSL clock for 'max' (``None``).
    wait_s
        How long to wait at most, in seconds, until every stream is received: LSL
        keeps nothing for those who come later.

    Raises
    ------
    SettingsError
        When ``pylsl`` is not installed, or for the speed 'max'.
    """
    import asyncio

    from biofeedback.cli.terminal import notice
    from biofeedback.errors import SettingsError
    from biofeedback.service.replays import open_replay
    from biofeedback.session.clock import WallClock
    from biofeedback.session.lsl.outlets import Outlets
    from biofeedback.session.lsl.sender import send
    from biofeedback.session.lsl.streams import STREAMS, about_replay, streams_in
    from biofeedback.session.replay_clock import ReplayClock

    if speed is None:
        raise SettingsError(
            "LSL cannot follow '--speed max'.", "Choose a number from 0.25 to 64."
        )
    about = about_replay(recording.info, speed)
    found = (*STREAMS, *await asyncio.to_thread(streams_in, recording))
    outlets = await asyncio.to_thread(Outlets, about, found)
    try:
        if wait_s and not await outlets.wait_for_inlets(wait_s):
            notice("Not every stream is received; the replay begins without.")
        # Its clock starts when it is made: not before somebody listens.
        clock = ReplayClock(WallClock(), speed)
        session, _ = await asyncio.to_thread(
            open_replay, recording, person=recording.info.person, clock=clock
        )
        session.start()
        try:
            return await send(session, outlets=outlets)
        finally:
            await session.stop()
    finally:
        await outlets.close()
