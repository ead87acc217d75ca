"""Is what a hub keeps what the home has recorded? Entry by entry, and by its hash."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from bench.chaos.clinic import Clinic, Home
from bench.chaos.service import Service
from biofeedback.model import Value
from biofeedback.recording.format import Stored
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify


class Compared(Value, frozen=True):
    """So many records are the same here and there; their hash."""

    n_records: int
    sha256: str


def compare(
    clinic: Clinic, home: Home, id: str, hub: Service | None = None
) -> Compared:
    """Compare the copy of a finished session with what was recorded at home. Blocks.

    Raises
    ------
    AssertionError
        When anything is otherwise.
    """
    at_home, copy = home.recording(id), clinic.copy_of(id, hub)
    compared = same(at_home, copy)
    row = clinic.store.session(id)
    known = clinic.store.recording(id)
    assert known is not None, "the catalogue does not know the copy"
    assert row.person_id == home.row.person_id, "it is listed under another person"
    assert row.node == f"home.{home.row.id}", "it is listed as another's"
    info = open_recording(at_home).info
    assert row.started_at_utc_ns == info.started_at_utc_ns
    assert known.n_records == compared.n_records, "the catalogue counts otherwise"
    assert copy.as_posix().endswith(known.path), "the catalogue names another file"
    told = {
        (one["id"], one["value"])
        for one in home.service.done("GET", f"sessions/{id}/ratings")["ratings"]
        if one["in_recording"]  # what is answered later stays at home
    }
    kept = {(one.id, one.value) for one in clinic.store.ratings(id)}
    assert kept == told, "other answers are listed"
    return compared


def same(at_home: Path, copy: Path) -> Compared:
    """Compare two recordings, entry by entry and by their hash. Blocks.

    Raises
    ------
    AssertionError
        When anything is otherwise.
    """
    here, there = open_recording(at_home), open_recording(copy)
    n = 0
    before = 0
    for one, other in zip_longest(here.all(), there.all()):
        assert one is not None, f"{copy.name} has an entry too many"
        assert other is not None, f"{copy.name} lacks entry {one.sequence}"
        assert _key(one) == _key(other), f"{copy.name} differs at {one.sequence}"
        assert other.sequence > before, "an entry twice, or out of its order"
        before = other.sequence
        n += 1
    survey, copied = here.survey(), there.survey()
    assert survey.content_sha256 == copied.content_sha256
    assert survey.missing == copied.missing
    verdicts = verify(at_home), verify(copy)
    assert verdicts[0].ok == verdicts[1].ok, verdicts
    if not survey.missing:
        assert verdicts[1].ok, verdicts[1]
    return Compared(n_records=n, sha256=copied.content_sha256)


def _key(stored: Stored) -> tuple[int, str, int, bytes]:
    return stored.sequence, stored.channel.topic, stored.t_ns, stored.data
