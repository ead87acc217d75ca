"""What is usual for a person is their own week, and nobody else's."""

from __future__ import annotations

from biofeedback.service.usual import NS_PER_DAY, UsualShape, week_of
from biofeedback.store import PractisedRow, SessionRow, Store
from tests.service.conftest import BEARER, House

NOW_NS = 1_800_000_000 * 1_000_000_000


def practise(
    store: Store,
    name: str,
    rsa_bpm: float | None,
    *,
    person: str,
    days_ago: float = 1.0,
    simulated: bool = False,
    replay_of: str | None = None,
) -> None:
    store.add_session(
        SessionRow(
            id=name,
            person_id=person,
            plan="practice",
            source="strap",
            simulated=simulated,
            strap_name="A strap",
            started_at_utc_ns=NOW_NS - round(days_ago * NS_PER_DAY),
            replay_of=replay_of,
        )
    )
    store.keep_practised(
        PractisedRow(session_id=name, practice=None, minutes=3.0, rsa_bpm=rsa_bpm)
    )


async def test_the_usual_is_the_middle_of_the_own_week(house: House) -> None:
    store = house.store
    me = store.person().id
    other = store.person_called("P-002").id

    def week(*, simulated: bool = False) -> UsualShape:
        return week_of(store, me, simulated=simulated, now_utc_ns=NOW_NS)

    assert week() == UsualShape(n=0, rsa_bpm=None, spread_bpm=None)
    practise(store, "one", 4.0, person=me)
    assert week() == UsualShape(n=1, rsa_bpm=4.0, spread_bpm=0.0)
    for name, rsa_bpm in {"two": 6.0, "three": 9.0, "unknown": None}.items():
        practise(store, name, rsa_bpm, person=me, days_ago=6.9)
    # None of these is the person's own heart in this week.
    practise(store, "old", 30.0, person=me, days_ago=7.1)
    practise(store, "theirs", 30.0, person=other)
    practise(store, "made up", 12.0, person=me, simulated=True)
    practise(store, "again", 30.0, person=me, replay_of="one")
    assert week() == UsualShape(n=3, rsa_bpm=6.0, spread_bpm=1.25)
    assert week(simulated=True).rsa_bpm == 12.0


async def test_the_page_asks_for_it(house: House) -> None:
    answer = await house.anyone.get("/api/v1/usual", headers=BEARER)
    assert answer.status_code == 200
    assert answer.json() == {
        "days": 7,
        "n": 0,
        "rsa_bpm": None,
        "spread_bpm": None,
    }
    assert (await house.anyone.get("/api/v1/usual")).status_code == 401
