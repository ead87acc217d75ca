"""Sends a recording by LSL, as `biofeedback replay --lsl` does, when told to on stdin.

python -m tests.session.lsl_sender FILE SPEED
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from biofeedback.cli.lsl import replay_by_lsl
from biofeedback.recording.reader import open_recording


def main(path: str, speed: str) -> None:
    recording = open_recording(Path(path))
    sys.stdin.readline()
    sent = asyncio.run(replay_by_lsl(recording, speed=float(speed), wait_s=20))
    sys.stdout.write(f"{sent.n_beats} {sent.n_lost}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
