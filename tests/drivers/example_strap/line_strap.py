import asyncio
from pathlib import Path
from typing import NamedTuple

from biofeedback.model import FoundStrap, LinkChange, LinkState, Notification
from biofeedback.session.clock import Clock
from biofeedback.session.driver import Emit, RadioStatus, Seen, Watch
from biofeedback.wire import HeartRateMeasurement


def files() -> list[str]:
    return sorted(str(path) for path in Path().glob("*rr.txt"))


class LineSource(NamedTuple):
    path: Path

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        t_ns, us = clock.now_ns(), "strap"
        emit(LinkChange(t_ns=t_ns, source=us, state=LinkState.STREAMING))
        for line in self.path.read_text().split():
            rr = round(float(line) * 1.024)
            await clock.sleep_until(t_ns + rr * 1_000_000_000 // 1024)
            t_ns = clock.now_ns()
            data = bytes(HeartRateMeasurement(hr_bpm=61440 // rr, rr_1024=(rr,)))
            emit(Notification(t_ns=t_ns, source=us, characteristic="2a37", data=data))
        await asyncio.Event().wait()  # until cancelled


class LineDriver:
    name = "line"

    async def status(self) -> RadioStatus:
        return RadioStatus(available=True)

    async def scan(
        self, seconds: float, seen: Seen | None = None
    ) -> tuple[FoundStrap, ...]:
        return tuple(FoundStrap(id=f"line:{p}", name=p, address=p) for p in files())

    def open(self, strap: FoundStrap) -> LineSource:
        return LineSource(Path(strap.id.removeprefix("line:")))

    async def close(self) -> None:
        """Nothing is held."""
