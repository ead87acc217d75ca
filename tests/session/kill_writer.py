"""Records as fast as it can and says what is safe, until somebody kills it.

python -m tests.session.kill_writer FILE SEED
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from biofeedback.model import AnyRecord, Config, Entry, LinkChange, LinkState, Tick
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.recording.format import as_stored
from biofeedback.session.transcript import Transcript
from biofeedback.simulator.heart import profile_named
from biofeedback.simulator.strap import Silence, SimulatedStrap
from tests.recording.samples import NS_PER_S, new_writer


def simulated_records(seed: int, seconds: int) -> Iterator[AnyRecord]:
    """Yield a session: settings, link, notifications, ticks and ratings."""
    rng = random.Random(seed)
    strap = SimulatedStrap(profile_named("calm"), seed)
    yield Config(
        t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
    )
    yield LinkChange(
        t_ns=0, source="strap", state=LinkState.STREAMING, strap=strap.strap
    )
    for second in range(1, seconds + 1):
        for happening in strap.advance(second * NS_PER_S):
            if not isinstance(happening, Silence):
                yield happening
        t_ns = second * NS_PER_S + rng.randrange(1_000_000)
        yield Tick(t_ns=t_ns)
        if rng.random() < 0.02:
            yield Entry(
                t_ns=t_ns,
                id=f"{second}",
                type="arousal",
                by="patient",
                value=rng.randint(1, 9),
            )


def main(path: str, seed: str) -> None:
    writer = new_writer(Path(path))
    transcript = Transcript(Pipeline())
    sequence = 0
    for record in map(as_stored, simulated_records(int(seed), seconds=100_000)):
        sequence += 1
        writer.record(sequence, record)
        for message in transcript.feed(record):
            sequence += 1
            writer.message(sequence, record.t_ns, message.kind, message.data)
        if isinstance(record, Tick):
            sys.stdout.write(f"{writer.sync()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
