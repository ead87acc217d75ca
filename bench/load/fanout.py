"""One session, a thousand viewers: ours, the websockets library and the bare loop."""

from __future__ import annotations

from bench.load.processes import BEARER, Figures, begin, measured, stage
from bench.load.viewers import Job, Place
from bench.straps import child, said

LATER = 10**9
SERVERS = ("service", "broadcast", "raw")


def fan_out(*, viewers: int, rate_hz: float, seconds: float) -> list[Figures]:
    """Serve the same messages to as many by each server in turn."""
    size = 100
    found = []
    for what in SERVERS:
        if what == "service":
            with stage(rate=rate_hz) as (server, address):
                path = f"/api/v1/live/{begin(address)}"
                place = Place(path=path, headers=BEARER)
                # What came before is not sent again a thousand times.
                late = Place(path=f"{path}?since={LATER}", headers=BEARER)
                job = Job(
                    address=address,
                    places=(late,) * viewers,
                    clocks=(place,),
                    seconds=seconds,
                    period_ms=1000 / rate_hz,
                )
                row = measured(job, server)
            size = round(row["bytes"] / row["messages"])
        else:
            with child(
                "bench.load.peers", what, f"--rate={rate_hz}", f"--bytes={size}"
            ) as server:
                place = Place(path="/", headers={})
                job = Job(
                    address=str(said(server)["address"]),
                    places=(place,) * viewers,
                    seconds=seconds,
                    period_ms=1000 / rate_hz,
                )
                row = measured(job, server)
        found.append({"server": what, "viewers": viewers, "bytes_each": size, **row})
    return found
