"""A hub as a process of its own, so that it can be killed, and have a disk of its own.

It says in a line whenever it begins or ceases to take what homes send::

    ready
    waits No copies are kept now; ...

Told ``room`` it makes room on its small disk, told ``end`` it ends in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from biofeedback.bus.nats import NatsBus
from biofeedback.clinic.hub.shelf import FOLDER
from biofeedback.service.keeping_copies import KeepingCopies
from biofeedback.session.clock import WallClock
from biofeedback.session.referee import Referee
from biofeedback.settings import Share
from biofeedback.store import Store
from tests.recording.faults import kernel
from tests.recording.faults.nursery import say

ME = __name__
BALLAST = "ballast"
FAST = 20.0
"""Of the hub's clock: it forces to the disk every 50 ms."""


def main(data: str, url: str, small_disk_bytes: str = "0", speed: str = "20") -> None:
    """Be a hub until killed or told to end."""
    n_bytes = int(small_disk_bytes)
    if n_bytes:
        folder = Path(data) / FOLDER
        folder.mkdir(exist_ok=True)
        try:
            kernel.small_disk(folder, n_bytes)
        except kernel.CannotError as error:
            say(f"cannot {error}")
            return
        (folder / BALLAST).write_bytes(os.urandom(n_bytes // 2))
    asyncio.run(_hub(Path(data), url, float(speed), min_free_bytes=n_bytes // 8))


async def _hub(data: Path, url: str, speed: float, *, min_free_bytes: int) -> None:
    store = Store(data)
    referee = Referee()
    await referee.close()  # NeuroKit2 takes seconds, and is not what is looked at
    bus = NatsBus(url, name="hub")
    await bus.open()
    hub = KeepingCopies(
        store=store,
        bus=bus,
        share=Share(),
        referee=referee,
        node="node.N-HUB000",
        clock=WallClock(speed),
        min_free_bytes=min_free_bytes,
    )
    await hub.open()
    said = asyncio.create_task(_tell(hub))
    told = asyncio.create_task(_listen(data))
    await told
    said.cancel()
    await hub.close()
    await bus.close()
    store.close()
    say("ended")


async def _tell(hub: KeepingCopies) -> None:
    last = ""
    while True:
        check = hub.check()
        now = "ready" if check.ok else f"waits {check.sentence}"
        if now != last and "not begun" not in now:
            last = now
            say(now)
        await asyncio.sleep(0.005)


async def _listen(data: Path) -> None:
    # A named pipe: the nursery's own input is for the nursery.
    commands = data / "commands"
    with contextlib.suppress(FileExistsError):
        os.mkfifo(commands)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(os.open(commands, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    while True:
        match (await reader.readline()).strip():
            case b"room":
                (data / FOLDER / BALLAST).unlink(missing_ok=True)
            case b"end":
                return


def tell(data: Path, command: str) -> None:
    """Tell the hub on this folder something."""
    with (data / "commands").open("wb", buffering=0) as pipe:
        pipe.write(f"{command}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
