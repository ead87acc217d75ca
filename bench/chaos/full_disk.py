"""A hub whose disk is full for a while."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.chaos.clinic import Clinic, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S
from bench.chaos.result import Notes, Result
from bench.chaos.service import Service
from bench.chaos.watching import Viewer, check

DISK_BYTES = 96 << 20
LEFT_BYTES = 16 << 10
BALLAST = "ballast"
PIECE = b"\xa5" * (1 << 20)


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Mount a small disk that outlives the processes on it.

    Yields how it is seen from here, and what runs a process where it is ``folder``.
    """
    folder.mkdir(parents=True)
    mount = f"mount -t tmpfs -o size={DISK_BYTES} none '{folder}'"
    keeper = subprocess.Popen(
        [
            *("unshare", "--user", "--map-root-user", "--mount"),
            *("sh", "-c", f"{mount} && echo ready && read _"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert keeper.stdout is not None
    try:
        assert keeper.stdout.readline() == b"ready\n", "no disk can be mounted here"
        inside = ("nsenter", f"--target={keeper.pid}", "--user", "--mount")
        seen = Path(f"/proc/{keeper.pid}/root{folder}")
        yield seen, (*inside, "--preserve-credentials", "--")
    finally:
        keeper.kill()
        keeper.communicate()


def fill(disk: Path) -> None:
    """Leave next to nothing free."""
    with (disk / BALLAST).open("wb", buffering=0) as ballast:
        while (free := shutil.disk_usage(disk).free) > LEFT_BYTES:
            ballast.write(PIECE[: max(min(len(PIECE), free - LEFT_BYTES), 4096)])


async def full_disk(clinic: Clinic, times: int, seed: int) -> Result:
    """Fill the disk of the only hub while homes practise; then make room."""
    notes = Notes("full disk", "the hub's disk full while homes practise", seed)
    first = clinic.hub
    await asyncio.to_thread(first.stop)
    with small_disk(clinic.folder / "small") as (seen, inside):
        hub = clinic.node("hub", "--hub", "all", data="small", inside=inside, disk=seen)
        await asyncio.to_thread(hub.start)
        try:
            for number in range(max(times // 10, 1)):
                with notes.attempt(str(number)):
                    await _filled(clinic, hub, notes)
        finally:
            await asyncio.to_thread(hub.kill)
            clinic.nodes["hub"] = first
    await asyncio.to_thread(first.start)
    return notes.result()


async def _filled(clinic: Clinic, hub: Service, notes: Notes) -> None:
    (home,) = clinic.homes
    begun = await asyncio.to_thread(home.begin, shared=True)
    viewer = Viewer(begun, clinic.therapist, lambda: [hub])
    await viewer.find()
    watching = asyncio.create_task(viewer.stay())
    try:
        await asyncio.sleep(PRACTICE_S / 2)
        await asyncio.to_thread(fill, hub.disk)
        await until(lambda: not hub.checks()["copies"]["ok"], "it says so", limit_s=30)
        checks = hub.checks()
        assert "room" in checks["copies"]["sentence"], checks["copies"]
        assert not checks["disk"]["ok"], checks["disk"]
        assert checks["store"]["ok"], checks["store"]
        n_seen = len(viewer.seen)
        await asyncio.sleep(PRACTICE_S / 2)
        assert len(viewer.seen) > n_seen, "the therapist sees nothing any more"
        await asyncio.to_thread(home.stop, begun)
        other = await asyncio.to_thread(home.begin)
        await asyncio.sleep(PRACTICE_S / 2)
        await asyncio.to_thread(home.stop, other)
        os.unlink(hub.disk / BALLAST)
        await until(lambda: hub.checks()["copies"]["ok"], "it goes on", limit_s=60)
        for id in (begun, other):
            await clinic.wait_for_copy(home, id)
            notes.same(await asyncio.to_thread(compare, clinic, home, id))
        await asyncio.wait_for(watching, 60)
        notes.saw(await asyncio.to_thread(check, viewer, home.recording(begun)))
    finally:
        watching.cancel()
        (hub.disk / BALLAST).unlink(missing_ok=True)
