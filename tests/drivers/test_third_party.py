"""What drivers/README.md promises to those who write their own driver."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from biofeedback.model import AnyRecord, LinkChange, LinkState, Notification
from biofeedback.session.clock import ManualClock
from biofeedback.wire import HeartRateMeasurement

README = Path(__file__).parents[2] / "drivers" / "README.md"


async def test_the_driver_of_the_readme_works(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    names: dict[str, Any] = {}
    exec(compile(code, str(README), "exec"), names)

    lines = tmp_path / "rr.txt"
    lines.write_text("1000\n500\n")
    driver = names["LineDriver"](str(lines))
    assert (await driver.status()).available
    (strap,) = await driver.scan(0.1)
    clock, records = ManualClock(), list[AnyRecord]()
    running = asyncio.create_task(
        driver.open(strap).run(clock=clock, emit=records.append, watch=lambda: ())
    )
    await clock.advance(10)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    change, *notifications = records
    assert isinstance(change, LinkChange)
    assert change.state is LinkState.STREAMING
    heard = [
        (each.t_ns, HeartRateMeasurement.from_bytes(each.data).rr_1024)
        for each in notifications
        if isinstance(each, Notification)
    ]
    assert heard == [(1_000_000_000, (1024,)), (1_500_000_000, (512,))]


def test_the_ble_driver_loads_without_loading_bleak() -> None:
    # The command line looks drivers up for its help, and that must be quick.
    code = (
        "import sys; from biofeedback_drivers.ble import BleDriver; BleDriver(); "
        "sys.exit(any(name.startswith(('bleak', 'dbus')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_entry_point_names_the_driver() -> None:
    entry = EntryPoint(
        "ble", "biofeedback_drivers.ble:BleDriver", "biofeedback.drivers"
    )
    assert entry.load().name == "ble"
