"""The worker that holds NeuroKit2: a line of JSON in, a line of JSON out.

Run as ``python -m biofeedback.session.referee_worker``; ends when its input ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from biofeedback.session.analysis import full_analysis
from biofeedback.signal import neurokit


class Judge(msgspec.Struct, frozen=True, tag_field="question", tag="judge"):
    """Asks for NeuroKit2's values. ``t_s`` is the beat clock, never arrival times."""

    rr_ms: tuple[float, ...]
    t_s: tuple[float, ...]


class Summarise(msgspec.Struct, frozen=True, tag_field="question", tag="summarise"):
    """Asks for everything there is to say of a recording."""

    path: str


_questions: msgspec.json.Decoder[Judge | Summarise] = msgspec.json.Decoder(
    Judge | Summarise
)


def answer(line: bytes) -> bytes:
    """Return the answer to one question; a failure is an answer too."""
    try:
        match _questions.decode(line):
            case Judge(rr_ms=rr_ms, t_s=t_s):
                return msgspec.json.encode(neurokit.referee(rr_ms, t_s))
            case Summarise(path=path):
                return msgspec.json.encode(full_analysis(Path(path)))
    except Exception as error:
        return msgspec.json.encode({"error": f"{type(error).__name__}: {error}"})


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more questions."""
    for line in questions:
        answers.write(answer(line) + b"\n")
        answers.flush()


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # the live loop comes first
    # Whatever a library prints must not be taken for an answer.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)
