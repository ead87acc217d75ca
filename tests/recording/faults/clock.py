"""Clocks that are set while a session runs: corrected, to summer time, after a sleep.

The session runs in a process of its own whose clocks answer through ``clock.c``, which
a C compiler makes here and the loader puts before libc.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from biofeedback.model import FoundStrap, Value
from biofeedback.session.clock import WallClock
from biofeedback.session.opening import open_session
from biofeedback.session.simulated import SimulatedDriver
from tests.recording.faults.kernel import CannotError

ME = __name__
SOURCE = Path(__file__).with_name("clock.c")
HOUR_NS = 3_600_000_000_000
SPEED = 20
BEFORE_S, AFTER_S = 6, 12
"""Seconds of the session before and after the clock is set, at ``SPEED``."""

SUMMER_TIME_ENDS_UTC_S = 1_792_890_000
"""2026-10-25 at 3 in Berlin, from where it is 2 again."""


class Step(Value, frozen=True, kw_only=True):
    """How the clocks are set, or which moment passes in which zone."""

    wall_ns: int = 0
    monotonic_ns: int = 0
    zone: str = "UTC"
    passes_utc_s: int | None = None


STEPS: Mapping[str, Step] = {
    "set back 1 h": Step(wall_ns=-HOUR_NS),
    "set on 1 h": Step(wall_ns=HOUR_NS),
    "summer time ends": Step(zone="Europe/Berlin", passes_utc_s=SUMMER_TIME_ENDS_UTC_S),
    # Linux: the monotonic clock stands still while the machine sleeps, ...
    "asleep 2 h, Linux": Step(wall_ns=2 * HOUR_NS),
    # ... elsewhere it may go on.
    "asleep 1 min, elsewhere": Step(wall_ns=HOUR_NS // 60, monotonic_ns=HOUR_NS // 60),
}


def built(folder: Path) -> Path:
    """Compile the clocks.

    Raises
    ------
    CannotError
        Where there is no compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        raise CannotError("there is no C compiler")
    library = folder / "clock.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return library


def record(library: Path, name: str, part: Path) -> None:
    """Record a session into ``part`` during which the clock is set so."""
    environment = os.environ | {"LD_PRELOAD": str(library), "TZ": STEPS[name].zone}
    command = [sys.executable, "-m", ME, name, str(part)]
    subprocess.run(command, check=True, env=environment, timeout=60)


async def _record(step: Step, part: Path) -> None:
    clocks = ctypes.CDLL(None)  # the loader put ours first
    for setter in (clocks.set_wall_ns, clocks.set_monotonic_ns):
        setter.argtypes = [ctypes.c_longlong]
        setter.restype = None
    if step.passes_utc_s is not None:
        before_ns = (step.passes_utc_s - 2) * 1_000_000_000
        clocks.set_wall_ns(before_ns - time.time_ns())
    driver = SimulatedDriver()
    strap = FoundStrap(id="simulated:heart", name="heart", address="")
    clock = WallClock(SPEED)
    session = open_session(driver, strap, part=part, clock=clock)
    session.start()
    await clock.sleep_until(BEFORE_S * 1_000_000_000)
    await session.enter(type="mark", by="patient", text="before")
    clocks.set_wall_ns(step.wall_ns)
    clocks.set_monotonic_ns(step.monotonic_ns)
    await session.enter(type="mark", by="patient", text="after")
    while step.passes_utc_s is not None and time.time() < step.passes_utc_s:
        await clock.sleep_until(clock.now_ns() + 1_000_000_000)
    await clock.sleep_until(clock.now_ns() + AFTER_S * 1_000_000_000)
    await session.stop()


def main(name: str, part: str) -> None:
    asyncio.run(_record(STEPS[name], Path(part)))


if __name__ == "__main__":
    main(*sys.argv[1:])
