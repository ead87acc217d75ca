"""Plays a recording's live messages to a file: `biofeedback replay --jsonl`."""

from __future__ import annotations

from typing import BinaryIO

from biofeedback.pipeline import Pipeline
from biofeedback.recording.reader import Recording
from biofeedback.session.clock import Clock
from biofeedback.session.replay import replay_messages
from biofeedback.session.transcript import Message, Transcript


async def play(recording: Recording, *, clock: Clock | None, out: BinaryIO) -> None:
    """Write the live messages to ``out``, one JSON object a line; no samples.

    Parameters
    ----------
    recording
        What to play.
    clock
        Each message is written when its record is due on this clock; ``None`` writes
        all of them at once.
    out
        Receives the lines.
    """
    if clock is None:
        for message in replay_messages(recording):
            _write(message, out)
        return
    transcript = Transcript(Pipeline())
    for _, record in recording.inputs():
        await clock.sleep_until(record.t_ns)
        for message in transcript.feed(record):
            _write(message, out)
        out.flush()


def _write(message: Message, out: BinaryIO) -> None:
    if message.signal is None:
        out.write(message.data + b"\n")
