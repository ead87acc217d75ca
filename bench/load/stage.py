"""The service in a process of its own, with straps that send as fast as is asked.

``python -m bench.load.stage --data FOLDER --rate 20 --frames 0`` is all of the service
that ``biofeedback run`` starts, with a strap that sends ``--rate`` packets a second.
Every viewer that asks for ECG gets ``--rate`` frames of ``--frames`` bytes beside (a
real strap's have some 300). Ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from biofeedback.model import (
    FoundStrap,
    LinkChange,
    LinkState,
    LinkStep,
    Notification,
    Signal,
)
from biofeedback.service.composition import create_context
from biofeedback.service.context import Context
from biofeedback.service.server import _Server, listen
from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.session.driver import Emit, Watch
from biofeedback.session.referee import Referee
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.session.transcript import Message
from biofeedback.settings import Settings
from biofeedback.store import Store
from biofeedback.wire import HeartRateMeasurement

HEART_RATE = "2a37"
TOKEN = "a-token-of-the-benchmark-0123456"


class Metronome(SimulatedDriver):
    """A driver whose strap sends evenly and says nothing but a heart rate."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__()
        self._rate_hz = rate_hz

    def open(self, strap: FoundStrap) -> _Even:  # type: ignore[override]
        """Return the strap as a source."""
        return _Even(self._rate_hz)


class _Even:
    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz

    async def run(self, *, clock: Clock, emit: Emit, watch: Watch) -> None:
        start_ns = clock.now_ns()
        emit(
            LinkChange(
                t_ns=start_ns,
                source="strap",
                state=LinkState.STREAMING,
                step=LinkStep.STREAMING,
            )
        )
        number = 0
        while True:
            number += 1
            await clock.sleep_until(start_ns + round(number * NS_PER_S / self._rate_hz))
            packet = bytes(HeartRateMeasurement(hr_bpm=60 + number % 30, rr_1024=()))
            emit(
                Notification(
                    t_ns=clock.now_ns(),
                    source="strap",
                    characteristic=HEART_RATE,
                    data=packet,
                )
            )


async def _send_frames(context: Context, rate_hz: float, size: int) -> None:
    while True:
        await asyncio.sleep(1 / rate_hz)
        for live in context.conductor.going_on:
            made = time.monotonic_ns().to_bytes(8, "little")
            live.hub.publish(
                Message(
                    seq=live.hub.last_seq,
                    kind="samples",
                    t_ms=live.hub.last_t_ms,
                    data=bytes(size - 8) + made,
                    signal=Signal.ECG,
                )
            )


async def _serve(options: argparse.Namespace, settings: Settings) -> None:
    listener = listen(settings)
    settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
    store = Store(settings.data)
    referee = Referee()
    await referee.close()  # NeuroKit2 would take a core of its own for seconds
    context = create_context(
        settings,
        store=store,
        drivers=(Metronome(options.rate),),
        referee=referee,
    )

    def ready(_url: str) -> None:
        sys.stdout.write(json.dumps({"address": settings.authority}) + "\n")
        sys.stdout.flush()

    server = _Server(context, on_ready=ready, on_notice=lambda _text: None)
    serving = asyncio.create_task(server.serve_all(listener))
    if options.frames:
        frames = asyncio.create_task(
            _send_frames(context, options.rate, options.frames)
        )
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    if options.frames:
        frames.cancel()
    server.end()
    await serving
    store.close()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="bench.load.stage", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--frames", type=int, default=0, help="bytes of a frame")
    options = parser.parse_args()
    settings = Settings.of(data=options.data, port=0, token=TOKEN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, settings))


if __name__ == "__main__":
    main()
