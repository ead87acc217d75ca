"""Plays a recording's live messages to a file: `biofeedback replay --jsonl`."""

from __future__ import annotations

from typing import BinaryIO

from biofeedback.recording.format import SAMPLES_KIND, Role
from biofeedback.recording.reader import Recording
from biofeedback.session.replay_clock import ReplayClock
from biofeedback.session.replay_state import state_message
from biofeedback.session.transcript import Message, Transcript


async def play(
    recording: Recording,
    *,
    clock: ReplayClock | None,
    out: BinaryIO,
    as_recorded: bool = False,
) -> None:
    """Write the live messages to ``out``, one JSON object a line; no samples.

    Parameters
    ----------
    recording
        What to play.
    clock
        Each message is written when its record is due on this clock; ``None`` writes
        all of them at once.
    out
        Receives the lines, after one that says that this is a replay.
    as_recorded
        The messages as they were told at the time, whatever version computed them;
        else they are computed anew from what came in.
    """
    speed = None if clock is None else clock.speed
    _write(
        state_message(
            seq=0, state="playing", speed=speed, position_ms=0.0, duration_ms=None
        ),
        out,
    )
    if as_recorded:
        await _play_as_recorded(recording, clock, out)
    elif clock is None:
        # What computes takes longer to import than an hour takes to be read.
        from biofeedback.session.replay import replay_messages

        for message in replay_messages(recording):
            _write(message, out)
    else:
        from biofeedback.pipeline import Pipeline

        transcript = Transcript(Pipeline())
        for _, record in recording.inputs():
            await clock.sleep_until(record.t_ns)
            for message in transcript.feed(record):
                _write(message, out)
            out.flush()


async def _play_as_recorded(
    recording: Recording, clock: ReplayClock | None, out: BinaryIO
) -> None:
    for stored in recording.all():
        if stored.channel.role is Role.INPUT or stored.channel.kind == SAMPLES_KIND:
            continue
        if clock is not None:
            await clock.sleep_until(stored.t_ns)
        out.write(stored.data + b"\n")
        if clock is not None:
            out.flush()


def _write(message: Message, out: BinaryIO) -> None:
    if message.signal is None:
        out.write(message.data + b"\n")
