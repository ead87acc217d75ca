"""The audit can only be added to, and a changed byte is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from biofeedback.store import Store, StoreError
from biofeedback.store.audit import BEFORE_THE_FIRST
from biofeedback.store.engine import DATABASE_NAME
from biofeedback.store.erasing import erase
from tests.store.conftest import Place


@pytest.fixture
def store(place: Place) -> Store:
    return place.store(lambda: 1_700_000_000_000_000_000)


def _some(store: Store, n: int = 5) -> str:
    person = store.person()
    for index in range(n):
        store.audit.add(
            actor="T-7Q2M9K",
            role="therapist",
            action="watch",
            person_id=person.id,
            object_id=f"session-{index}",
            origin="192.168.1.20",
        )
    return person.id


def test_rows_are_a_chain(store: Store) -> None:
    _some(store)
    rows = store.audit.newest(10)[::-1]
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.prev_sha256 for row in rows] == [
        BEFORE_THE_FIRST,
        *(row.sha256 for row in rows[:-1]),
    ]
    verdict = store.audit.verify()
    assert verdict.whole
    assert (verdict.n_rows, verdict.head) == (5, rows[-1].sha256)


def test_an_empty_one_is_whole(store: Store) -> None:
    assert store.audit.verify() == store.audit.verify(BEFORE_THE_FIRST)
    assert store.audit.verify().whole


@pytest.mark.parametrize(
    "what", ["UPDATE audit SET action='x'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_the_database_itself_refuses_to_change_one(
    store: Store, place: Place, what: str
) -> None:
    if what.startswith("TRUNCATE") and not place.is_shared:
        pytest.skip("SQLite has no TRUNCATE.")
    _some(store)
    with pytest.raises(DBAPIError, match="only ever added to"):
        place.run(what)
    assert store.audit.verify().n_rows == 5
    assert store.audit.verify().whole


COLUMNS = (
    *("at_utc_ns", "actor", "role", "action", "subject", "object", "origin"),
    *("outcome", "prev_sha256", "sha256"),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seq=st.integers(1, 5), column=st.sampled_from(COLUMNS), data=st.data())
def test_a_flipped_byte_is_found(
    store: Store, place: Place, seq: int, column: str, data: st.DataObject
) -> None:
    """Whoever owns the database can drop the triggers: the chain is what tells."""
    if not store.audit.newest(1):
        _some(store)
        place.without_triggers()
    ((was,),) = place.run(f"SELECT {column} FROM audit WHERE seq={seq}")
    if isinstance(was, int):
        now: int | str = was ^ (1 << data.draw(st.integers(0, 60)))
    else:
        where = data.draw(st.integers(0, len(was) - 1))
        sign = chr(ord(was[where]) ^ (1 << data.draw(st.integers(0, 6))))
        assume(sign != "\0")  # which PostgreSQL does not hold
        now = was[:where] + sign + was[where + 1 :]
    change = f"UPDATE audit SET {column}=:to WHERE seq={seq}"
    try:
        place.run(change, to=now)
        verdict = store.audit.verify()
        assert not verdict.whole
        assert verdict.broken_seq == seq
        assert verdict.n_rows == seq - 1
    finally:
        place.run(change, to=was)
    assert store.audit.verify().whole


def test_a_row_taken_out_or_cut_off_is_found(store: Store, place: Place) -> None:
    _some(store)
    head = store.audit.verify().head
    place.without_triggers()
    place.run("DELETE FROM audit WHERE seq=5")
    cut = store.audit.verify(head)
    # The rest is a chain; only a hash that was written down elsewhere tells.
    assert (cut.broken_seq, cut.holds, cut.whole) == (None, False, False)
    place.run("DELETE FROM audit WHERE seq=3")
    assert store.audit.verify().broken_seq == 3


def test_it_is_checked_on_from_where_it_was_whole(store: Store, place: Place) -> None:
    _some(store)
    first = store.audit.verify()
    assert store.audit.verify(after=first) == first
    assert store.audit.verify(after=store.audit.verify(after=None)).whole
    _some(store)
    whole = store.audit.verify(after=first)
    assert whole == store.audit.verify()
    place.without_triggers()
    n = whole.n_rows
    place.run(f"UPDATE audit SET action='x' WHERE seq={n - 1}")
    assert store.audit.verify(after=first).broken_seq == n - 1
    assert store.audit.verify(after=whole).whole, "it was looked at before"
    place.run(f"DELETE FROM audit WHERE seq={n}")
    assert store.audit.verify(after=whole).broken_seq == n, "it was cut off since"


def test_people_stand_in_it_by_keyed_hashes(store: Store) -> None:
    person_id = _some(store)
    store.audit.add(
        actor="",
        role="patient",
        action="consent",
        actor_person_id=person_id,
        person_id=person_id,
    )
    row, *others = store.audit.about(person_id, 10)
    assert row.actor == row.subject
    assert {one.subject for one in others} == {row.subject}
    told = str(store.audit.newest(10))
    assert person_id not in told
    assert store.person().pseudonym not in told
    assert "session-0" not in told
    assert len({one.object for one in others}) == 5


def test_the_erased_are_not_in_it_and_the_chain_holds(
    store: Store, place: Place
) -> None:
    person_id = _some(store)
    other = store.person_called("P-OTHER1")
    store.audit.add(
        actor="owner", role="owner", action="look", person_id=other.id, object_id="x"
    )
    subject = store.audit.newest(5)[-1].subject
    key = store.audit.key_of(person_id)
    assert key is not None
    head = store.audit.verify().head
    erase(store, person_id)
    assert store.audit.verify(head).whole
    assert store.audit.key_of(person_id) is None
    assert store.audit.about(person_id, 10) == ()
    assert len(store.audit.about(other.id, 10)) == 1
    everything = place.everything()
    assert key.encode() not in everything
    assert person_id.encode() not in everything
    assert subject is not None
    assert subject.encode() in everything  # it stays, and leads to nobody


def test_what_comes_late_about_the_erased_leads_to_nobody(store: Store) -> None:
    person_id = _some(store)
    erase(store, person_id)
    late = store.audit.add(
        actor="T-7Q2M9K",
        role="therapist",
        action="watch.end",
        person_id=person_id,
        object_id="session-1",
    )
    assert (late.actor, late.subject, late.object) == ("T-7Q2M9K", None, None)
    own = store.audit.add(
        actor="", role="patient", action="sign_out", actor_person_id=person_id
    )
    assert own.actor == "erased"
    assert store.audit.key_of(person_id) is None
    assert store.audit.verify().whole


def test_it_is_added_to_from_many_threads_of_two_nodes(
    store: Store, place: Place
) -> None:
    nodes = (store, place.store())
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda index: nodes[index % 2].audit.add(
                    actor="system", role="system", action=f"a{index}"
                ),
                range(40),
            )
        )
    verdict = store.audit.verify()
    assert verdict.whole
    assert verdict.n_rows == 40


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _some(store, 200)
    store.close()
    path = tmp_path / DATABASE_NAME
    content = bytearray(path.read_bytes())
    at = content.rindex(b"T-7Q2M9K")
    page = at // 4096 * 4096
    content[page : page + 64] = bytes(64)
    path.write_bytes(content)
    again = Store(tmp_path)
    try:
        whole = again.audit.verify().whole
    except StoreError:
        whole = False
    finally:
        again.close()
    assert not whole
