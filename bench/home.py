"""A home that is killed while it sends, again and again: ``python -m bench.home``.

A real ``biofeedback run`` that has joined a clinic on a real ``nats-server`` (TLS, a
credential of its own). In each round a session begins, and at a random moment the home,
the server, or both are killed (SIGKILL); then all is started again. Ends with 1 unless
every recording at the clinic is the home's, by the SHA-256 over sequence, topic, time
and data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bench.chaos.service import Service
from biofeedback.recording.reader import open_recording
from biofeedback.recording.sealed import recordings_in
from biofeedback.service.at_home.joining import join
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import Store
from tests.clinic.paper_clinic import PaperClinic, paper_clinic

LIMIT_S = 120.0


async def rounds(n: int, chance: random.Random) -> dict[str, float]:
    """Kill ``n`` times; return what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        async with paper_clinic(Path(folder) / "clinic") as clinic:
            ticket = Path(folder) / "home.ticket"
            ticket.write_bytes(clinic.ticket.to_json())
            ticket.chmod(0o600)
            with closing(Store(data)) as store:
                join(store, ticket)
            home = Service(data)
            await asyncio.to_thread(home.start)
            body = {"days": 30}
            await asyncio.to_thread(home.done, "PUT", "clinic/copy", body)
            for _ in range(n):
                begun = {"strap": SIMULATED_ID}
                await asyncio.to_thread(home.done, "POST", "sessions", begun)
                await asyncio.sleep(chance.uniform(0.2, 4.0))
                what = chance.choice(("home", "server", "both"))
                if what != "home":
                    clinic.server.kill()
                    await asyncio.sleep(chance.uniform(0.0, 1.5))
                if what == "server":
                    clinic.server.start_again()
                    await asyncio.sleep(chance.uniform(0.0, 1.5))
                home.kill()
                if what == "both":
                    clinic.server.start_again()
                await asyncio.to_thread(home.start)
            found = await _compared(clinic, data)
            await asyncio.to_thread(home.stop)
    return {"kills": n, **found}


async def _compared(clinic: PaperClinic, data: Path) -> dict[str, float]:
    began_s = time.monotonic()
    while True:
        finished = recordings_in(data / "recordings")
        there = {path.name.partition(".")[0]: path for path in finished}
        whole = [
            id
            for id in there
            if (copy := clinic.copies.get(id)) is not None and copy.complete
        ]
        recovered = not any((data / "recordings").rglob("*.part"))
        if (
            recovered and len(whole) == len(there)
        ) or time.monotonic() - began_s > LIMIT_S:
            break
        await asyncio.sleep(0.5)
    surveys = {id: open_recording(path).survey() for id, path in there.items()}
    same = [
        id
        for id, survey in surveys.items()
        if id in clinic.copies and clinic.copies[id].sha256 == survey.content_sha256
    ]
    return {
        "recordings": len(there),
        "same": len(same),
        "records": sum(survey.n_records for survey in surveys.values()),
        "more_at_the_clinic": sum(
            clinic.copies[id].last > (survey.last or 0)
            for id, survey in surveys.items()
            if id in clinic.copies
        ),
        "caught_up_s": round(time.monotonic() - began_s, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it, print it, and end with 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="bench.home", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    found = asyncio.run(rounds(options.kills, random.Random(options.seed)))
    print(json.dumps(found))
    if found["same"] != found["recordings"] or found["more_at_the_clinic"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
