"""A house full of people: patients who practise, therapists who watch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from bench.load.clinic import cookie, practise, prepare
from bench.load.processes import Figures, house, measured
from bench.load.viewers import Job, Place

LIVE, ROOM = "/api/v1/live", "/api/v1/room"


def watched(
    *,
    patients: int,
    viewers: int,
    rooms: int,
    seconds: float,
    settle_s: float = 5.0,
    tell: Callable[[str], None] = lambda _text: None,
) -> Figures:
    """Let ``patients`` practise while others watch; return what came of it.

    Parameters
    ----------
    viewers
        How many look at one session each: every patient's own page, and therapists.
    rooms
        How many therapists have the room open, each with a tile for every patient.
    """
    therapists = max(rooms, viewers - patients, 1)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        clinic = prepare(data, patients=patients, therapists=therapists)
        with house(data) as (server, address):
            sessions = practise(address, clinic)
            own = [
                Place(path=f"{LIVE}/{id}", headers=cookie(address, token), is_own=True)
                for id, token in zip(sessions, clinic.patients, strict=True)
            ]
            details = [
                Place(path=f"{LIVE}/{id}", headers=cookie(address, token))
                for id, token in zip(cycle(sessions), clinic.therapists, strict=False)
            ]
            grids = [
                Place(path=ROOM, headers=cookie(address, token))
                for token in clinic.therapists[:rooms]
            ]
            places = [*islice([*own, *details], viewers), *grids]
            job = Job(
                address=address,
                places=tuple(places),
                clocks=tuple(own),
                seconds=seconds,
                settle_s=settle_s,
            )
            found = measured(job, server, tell=tell)
    return {"patients": patients, "viewers": viewers, "rooms": rooms, **found}
