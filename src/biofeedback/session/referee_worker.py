"""The worker that holds NeuroKit2: a line of JSON in, a line of JSON out.

Run as ``python -m biofeedback.session.referee_worker``; ends when its input ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from biofeedback.model import Value
from biofeedback.signal import neurokit


class Question(Value):
    """What the service asks. ``t_s`` is the beat clock, never arrival times."""

    question: str
    rr_ms: tuple[float, ...]
    t_s: tuple[float, ...]


def answer(line: bytes) -> bytes:
    """Return the answer to one question; a failure is an answer too."""
    try:
        question = msgspec.json.decode(line, type=Question)
        ask: Callable[..., object] = {
            "judge": neurokit.referee,
            "analysis": neurokit.full_analysis,
        }[question.question]
        return msgspec.json.encode(ask(question.rr_ms, question.t_s))
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
