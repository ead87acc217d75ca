"""Runs a service as a process of its own: ``serving.py DATA PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

from biofeedback.errors import BiofeedbackError
from biofeedback.service.server import serve
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.settings import Settings


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    settings = Settings.of(
        data=Path(sys.argv[1]),
        port=int(sys.argv[2]),
        token="a-token-for-programs-0123456789",
    )
    try:
        serve(
            settings,
            drivers=(SimulatedDriver(),),
            on_ready=lambda url: say(f"ready: {url}"),
            on_notice=say,
        )
    except BiofeedbackError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
