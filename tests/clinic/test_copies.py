"""A hub's copies: exact or asked for again, whatever comes, whenever it is killed."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.clinic.copy_writer import CopyWriter, Taken, check_entries
from biofeedback.clinic.fates import TOO_LATE
from biofeedback.clinic.hub.copy import Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.rounds import TOGETHER, Rounds
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.hub.tidying import IDLE_S, QUIET_S, let_go
from biofeedback.clinic.hub.trouble import WaitsError
from biofeedback.clinic.hub.unsynced import UNSYNCED_BYTES
from biofeedback.clinic.parcels import Begun, Ended, Entries
from biofeedback.clinic.positions import Positions
from biofeedback.clinic.threads import Threads
from biofeedback.errors import RecordingError
from biofeedback.recording.reader import open_recording
from biofeedback.service.finishing import Finisher
from biofeedback.session.clock import ManualClock
from biofeedback.session.referee import Referee
from biofeedback.store import SessionState
from tests.bus.conditions import eventually
from tests.clinic.conftest import Clinic
from tests.clinic.small_home import (
    SmallHome,
    changed,
    parcels_of,
    sha256_of,
    write_session,
)
from tests.service.conftest import nothing_can_be_written

HOME = "H-7Q2M9K"
CONSENT = "01KB0000000000000000000001"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("home"), seconds=20)


# --- One copy: any order, any repetition, any cut -----------------------------------


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """What happens: pieces of a recording of 60 entries arrive; the hub is killed."""
    steps = st.one_of(
        st.tuples(st.just("piece"), st.integers(1, 60), st.integers(1, 25)),
        st.tuples(st.just("sync"), st.just(0), st.just(0)),
        st.tuples(st.just("kill"), st.integers(0, 3), st.just(0)),
    )
    return draw(st.lists(steps, max_size=40))


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=deliveries())
def test_whatever_comes_the_copy_is_a_beginning_of_the_recording(
    original: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int]],
) -> None:
    entries = list(open_recording(original).all())
    begun, *_, ended = parcels_of(original, CONSENT)
    assert isinstance(begun, Begun)
    assert isinstance(ended, Ended)
    path = tmp_path_factory.mktemp("hub") / "copy.mcap.part"
    copy = CopyWriter.begin(path, begun, "P-CLINIC")
    safe = 0

    def take(start: int, n: int) -> Taken:
        parcel = Entries(
            session=begun.session,
            consent=CONSENT,
            after=start - 1,
            entries=tuple(entries[start - 1 : start - 1 + n]),
        )
        check_entries(parcel)
        before = copy.last
        taken = copy.take(parcel)
        if start > before + 1:
            assert (taken, copy.last) == (Taken.HOLE, before)
        else:
            assert copy.last == max(before, min(start - 1 + n, len(entries)))
        return taken

    for step, number, n in steps:
        if step == "piece":
            take(number, n)
        elif step == "sync":
            safe = copy.sync()
            assert safe == copy.last
        else:  # what was not synced is gone, and something torn is there
            copy.rest()
            with path.open("ab") as file:
                file.write(b"\x06\x01torn"[: 2 * number])
            copy = CopyWriter.going_on(path)
            assert safe == copy.safe == copy.last
    assert list(open_recording(path).all()) == entries[:safe]
    while copy.last < ended.last:  # the rest, from where the hub says it is
        assert take(copy.last + 1, 9) is Taken.NEW
    copy.close()
    assert sha256_of(path) == ended.content_sha256
    assert open_recording(path).info.person == "P-CLINIC"


def test_a_contradiction_changes_nothing(original: Path, tmp_path: Path) -> None:
    begun, first, second, *_ = parcels_of(original, CONSENT)
    assert isinstance(begun, Begun)
    assert isinstance(first, Entries)
    assert isinstance(second, Entries)
    path = tmp_path / "copy.mcap.part"
    copy = CopyWriter.begin(path, begun, "P-CLINIC")
    assert copy.take(first) is Taken.NEW
    forged = msgspec.structs.replace(
        first, entries=(*first.entries[:-1], changed(first.entries[-1]))
    )
    both = (*forged.entries, *second.entries)
    for parcel in (forged, msgspec.structs.replace(forged, entries=both)):
        assert copy.take(parcel) is Taken.CONTRADICTION
    copy.sync()
    copy.rest()
    copy = CopyWriter.going_on(path)  # it is known after a restart as well
    assert copy.take(forged) is Taken.CONTRADICTION
    assert copy.take(first) is Taken.KNOWN
    assert list(open_recording(path).all()) == list(first.entries)


def test_what_was_lost_at_home_is_missing_in_the_copy(
    original: Path, tmp_path: Path
) -> None:
    begun, first, second, third, *_ = parcels_of(original, CONSENT)
    assert isinstance(begun, Begun)
    assert isinstance(first, Entries)
    assert isinstance(third, Entries)
    copy = CopyWriter.begin(tmp_path / "c.mcap.part", begun, "P")
    copy.take(first)
    after_loss = msgspec.structs.replace(third, after=first.entries[-1].sequence)
    assert copy.take(after_loss) is Taken.NEW
    assert copy.take(after_loss) is Taken.KNOWN
    assert isinstance(second, Entries)
    assert copy.take(second) is Taken.CONTRADICTION  # it was said to be lost
    copy.close()
    survey = open_recording(copy.path).survey(salvage=True)
    assert survey.missing == ((8, 14),)


@pytest.mark.parametrize(
    "change",
    [
        {"after": -1},
        {"after": 3},
        {"entries": "backwards"},
        {"entries": "far"},
        {"entries": "large"},
        {"entries": "early"},
        {"entries": "nameless"},
    ],
    ids=str,
)
def test_what_can_be_no_entries_is_refused(
    original: Path, change: dict[str, object]
) -> None:
    first = parcels_of(original, CONSENT)[1]
    assert isinstance(first, Entries)
    one = first.entries[0]
    replace = msgspec.structs.replace
    entries = {
        "backwards": tuple(reversed(first.entries)),
        "far": (one, replace(one, sequence=3_000_000_000)),
        "large": (replace(one, data=b"x" * ((1 << 20) + 1)),),
        "early": (replace(one, t_ns=-1),),
        "nameless": (replace(one, channel=replace(one.channel, topic="")),),
    }
    if isinstance(named := change.get("entries"), str):
        change = {"entries": entries[named]}
    with pytest.raises(ValueError, match=r"entries|entry|topic"):
        check_entries(replace(first, **change))


# --- A hub ----------------------------------------------------------------------------


async def test_a_copy_is_what_was_recorded(clinic: Clinic, tmp_path: Path) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    session = await home.send(write_session(tmp_path, 30))
    await clinic.gets(home, session)
    copy = open_recording(clinic.copy_of(session))
    source = open_recording(home.sessions[session])
    assert copy.info.person == "P-CLIN00"
    assert {**copy.session, "person": ""} == {**source.session, "person": ""}
    assert copy.software == source.software
    row = clinic.store.session(session)
    assert (row.person_id, row.node) == (home.row.person_id, f"home.{home.row.id}")
    assert home.asked == []


async def test_parcels_doubled_and_out_of_order_make_the_same_copy(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    begun, *rest = home.has(write_session(tmp_path, 30))
    await home.post([rest[3], begun, begun, *rest[:5], *rest[2:8], *reversed(rest)])
    await clinic.gets(home, begun.session)
    assert home.asked


async def test_what_is_missing_is_asked_for(clinic: Clinic, tmp_path: Path) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    begun, first, _lost, *rest = home.has(write_session(tmp_path, 10))
    await home.post([begun, first, *rest])
    await clinic.gets(home, begun.session)
    assert [again.start for again in home.asked] == [8]


async def test_a_session_whose_beginning_is_lost_is_asked_for_from_there(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    _lost, *rest = home.has(write_session(tmp_path, 10))
    await home.post(rest)
    await clinic.gets(home, rest[0].session)
    assert home.asked[0].start == 1


async def test_a_hub_that_is_closed_goes_on_where_it_was(
    clinic: Clinic, tmp_path: Path
) -> None:
    home = await clinic.home()
    these = home.has(write_session(tmp_path, 60))
    session = these[0].session
    for at in range(0, len(these), 6):
        hub = await clinic.open_hub()
        await home.post(these[at : at + 6])
        n = sum(isinstance(one, Entries) for one in these[: at + 6])
        last = min(7 * n, 180)
        while (await home.kept(session)).last < last:
            pass
        await hub.close()
    await clinic.open_hub()
    await clinic.gets(home, session)
    assert home.asked == []
    assert clinic.counted("copy_parcels", "hole") == 0


async def sent_otherwise(home: SmallHome, path: Path) -> None:
    """Send a recording with other entries in it, which the hub asks for again."""
    begun, first, *rest = home.has(path)
    assert isinstance(first, Entries)
    wrong = tuple(map(changed, first.entries))
    home.answers = False
    await home.post([begun, msgspec.structs.replace(first, entries=wrong), *rest])
    await eventually(lambda: home.asked, "the home is asked again")


async def test_a_hash_that_disagrees_has_all_of_it_sent_again(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    path = write_session(tmp_path, 10)
    begun, *_ = home.has(path)
    await sent_otherwise(home, path)
    assert home.asked[0].start == 1
    journals = clinic.store.data.glob("copies/*/*.mcap.part")
    assert len(list(journals)) == 1  # the old one stays until the new one agrees
    home.answers = True
    await home.send(path)
    await clinic.gets(home, begun.session)
    assert not list(clinic.store.data.glob("copies/*/*.part"))


async def test_a_damaged_journal_is_set_aside_and_asked_for_again(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    home = await clinic.home()
    *these, ended = home.has(write_session(tmp_path, 30))
    session = ended.session
    for parcel in these:
        await home.post([parcel])
        while clinic.log.kept[-1].position > sum(
            figure.value
            for figure in hub.figures()
            if figure.name == "copy_parcels" and hasattr(figure, "value")
        ):
            await home.kept(session)
    await eventually(lambda: clinic.counted("copy_parcels", "new") >= 10, "taken")
    await hub.close()
    (journal,) = clinic.store.data.glob("copies/*/*.mcap.part")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0xFF
    journal.write_bytes(data)
    try:
        CopyWriter.going_on(journal).close()
        within = False  # one chunk alone: its end was torn
    except RecordingError:
        within = True
    await clinic.open_hub()
    await home.post([ended])
    await clinic.gets(home, session)
    assert bool(list(clinic.store.data.glob("copies/*/*.damaged"))) is within


async def test_two_homes_cannot_have_one_session(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home, thief = await clinic.home(), await clinic.home(1)
    session = await home.send(write_session(tmp_path, 10))
    await clinic.gets(home, session)
    await thief.send(home.sessions[session])
    await clinic.counts("foreign")
    assert (await thief.kept(session)).state == "open"
    assert clinic.store.session(session).person_id == home.row.person_id


async def test_what_is_no_parcel_is_counted_and_nothing_else(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    path = write_session(tmp_path, 10)
    begun, first, *_ = parcels_of(path, home.consent.id)
    session = begun.session
    assert isinstance(begun, Begun)
    assert isinstance(first, Entries)
    replace = msgspec.structs.replace
    bomb = zstandard.compress(bytes(64 << 20))
    for data in (b"", b"\x00" * 100, b"\xff" * 1000, bomb, bytes(3 << 20)):
        await home.post_bytes(session, data)
    await home.post_bytes("not-a-session", b"")
    wrong_metadata = {**begun.metadata, "plan": "another"}
    elsewhere = replace(begun, session="01KB0000000000000000000009")
    await home.post(
        [
            replace(begun, metadata=wrong_metadata),
            replace(begun, info=replace(begun.info, started_at_utc_ns=1)),
            replace(begun, metadata={}),
            elsewhere,
            replace(first, after=77),
        ]
    )
    await clinic.counts("malformed", 11)
    assert not list(clinic.store.data.glob("copies/H-*"))
    await home.send(path)
    await clinic.gets(home, session)


async def test_without_its_database_a_hub_waits_and_loses_nothing(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    home = await clinic.home()
    await eventually(lambda: hub.check().ok, "it reads")
    with nothing_can_be_written(clinic.store):
        session = await home.send(write_session(tmp_path, 10))
        await eventually(lambda: not hub.check().ok, "it waits")
        assert "the log keeps what comes" in hub.check().sentence
    await clinic.gets(home, session)
    assert hub.check().ok
    assert home.asked == []


async def test_a_service_that_starts_leaves_sessions_of_homes_to_the_hub(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    home = await clinic.home()
    *these, ended = home.has(write_session(tmp_path, 10))
    await home.post(these)
    await eventually(lambda: clinic.store.sessions(), "it is listed")
    await hub.close()
    left = Finisher(clinic.store, Referee()).left_behind()
    assert (left.sessions, left.parts) == ((), ())
    assert clinic.store.session(ended.session).state is SessionState.LIVE
    await clinic.open_hub()
    await home.post([ended])
    await clinic.gets(home, ended.session)


async def test_another_clinics_copies_are_left_alone(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    await eventually(lambda: hub.check().ok, "it reads")
    await hub.close()
    (clinic.store.data / "copies" / "clinic").write_text("C-OTHER1")
    hub = await clinic.open_hub()
    await eventually(lambda: "another clinic's" in hub.check().sentence, "it waits")


async def test_a_home_silent_for_a_month_has_what_came_finished(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    home = await clinic.home()
    *these, ended = home.has(write_session(tmp_path, 10))
    await home.post(these[:3])
    await clinic.counts("new", 3)
    await hub.close()
    day_ns = 86_400 * 10**9
    now_ns = clinic.store.now_ns()
    clinic.store.now_ns = lambda: now_ns + 31 * day_ns
    await clinic.open_hub()
    await eventually(lambda: clinic.finished, "it is finished")
    kept = await home.until(ended.session, "refused")
    assert (kept.last, kept.why) == (14, TOO_LATE)
    await eventually(lambda: clinic.counted("copy_finished", "silent"), "finished")
    copy = open_recording(clinic.copy_of(ended.session))
    assert copy.recovery is not None
    assert copy.survey().n_records == 14


async def test_what_comes_anew_is_not_given_up_with_what_disagreed(
    clinic: Clinic, tmp_path: Path
) -> None:
    hub = await clinic.open_hub()
    home = await clinic.home()
    path = write_session(tmp_path, 10)
    begun, *entries, _ended = home.has(path)
    await sent_otherwise(home, path)
    await home.post([begun, *entries[:2]])  # and comes, a month later
    await eventually(
        lambda: list(clinic.store.data.glob("copies/H-*/*.anew.mcap.part")), "it comes"
    )
    await hub.close()
    (journal,) = clinic.store.data.glob(f"copies/H-*/{begun.session}.mcap.part")
    os.utime(journal, (0, clinic.store.now_ns() / 1e9 - 31 * 86_400))
    await clinic.open_hub()
    await home.post(entries[2:3])
    await clinic.counts("new")
    home.answers = True
    await home.send(path)
    await clinic.gets(home, begun.session)
    assert clinic.counted("copy_finished", "silent") == 0


async def test_a_copy_that_stands_still_is_asked_for(
    clinic: Clinic, tmp_path: Path
) -> None:
    """The log lost the rest, and the home believes that all is there."""
    hub = await clinic.open_hub()
    home = await clinic.home()
    these = home.has(write_session(tmp_path, 10))
    await home.post(these[:3])
    await clinic.counts("new", 3)
    await hub.close()
    (journal,) = clinic.store.data.glob("copies/H-*/*.part")
    os.utime(journal, (0, clinic.store.now_ns() / 1e9 - QUIET_S - 1))
    await clinic.open_hub(speed=1000)
    await eventually(lambda: home.asked, "the home is asked")
    await clinic.gets(home, these[0].session)
    assert [again.start for again in home.asked] == [15]


# --- The rounds of a hub, by themselves ---------------------------------------------


class Bench:
    """A shelf and its rounds, without anything that reads a log."""

    def __init__(self, folder: Path) -> None:
        (folder / HOME).mkdir()
        self.clock, self.threads, counted = ManualClock(), Threads(4, "test"), Counted()
        self.shelf = Shelf(
            folder,
            threads=self.threads,
            counted=counted,
            clock=self.clock,
            min_free_bytes=0,
        )
        self.positions = Positions(folder)
        self.rounds = Rounds(
            shelf=self.shelf,
            positions=self.positions,
            threads=self.threads,
            counted=counted,
            clock=self.clock,
        )

    async def read(self, original: Path, session: str, *, n_bytes: int = 1) -> Copy:
        """Take the beginning of a recording into a copy, from position 7 of the log."""
        begun, first, *_ = parcels_of(original, CONSENT)
        assert isinstance(begun, Begun)
        assert isinstance(first, Entries)
        copy = self.shelf.copy(HOME, session)
        copy.writer = CopyWriter.begin(copy.journal, begun, "P-CLINIC")
        copy.writer.take(first)
        self.shelf.unsynced.add(copy, n_bytes)
        self.rounds.note(3, 7)
        return copy


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.shelf.close_all()
    bench.threads.close()


@pytest.mark.parametrize("when", ["before the round", "in the round"])
async def test_what_a_full_disk_lost_is_not_remembered_as_read(
    original: Path, bench: Bench, when: str
) -> None:
    bench.rounds.begin()
    copy = await bench.read(original, "1")
    making = asyncio.create_task(bench.rounds.make())
    if when == "in the round":
        await asyncio.sleep(0)
    with pytest.raises(WaitsError):
        bench.shelf.failed(copy, OSError(errno.ENOSPC, "full"))
    with pytest.raises(WaitsError):
        await making
    assert bench.positions.of(3) == 0
    copy.journal.unlink()
    bench.rounds.begin()  # there is room again
    await bench.read(original, "1")
    await bench.rounds.make()
    assert bench.positions.of(3) == 7


async def test_a_round_brings_a_few_copies_at_a_time_to_the_disk(
    original: Path, bench: Bench
) -> None:
    bench.rounds.begin()
    copies = [
        await bench.read(original, str(n)) for n in range(2 * TOGETHER + TOGETHER // 2)
    ]

    def n_safe() -> int:
        return sum(copy.writer is not None and copy.writer.safe > 0 for copy in copies)

    async def safe(n: int) -> None:
        await eventually(lambda: n_safe() == n, f"{n} are on the disk")

    making = asyncio.create_task(bench.rounds.make(spread_s=1.0))
    for n in (TOGETHER, 2 * TOGETHER):
        await safe(n)
        await bench.clock.advance(0.25)
        assert n_safe() == n
        assert bench.positions.of(3) == 0
        await bench.clock.advance(0.25)
    await making
    assert n_safe() == len(copies)
    assert bench.positions.of(3) == 7


async def test_a_round_does_not_wait_while_too_much_is_in_memory(
    original: Path, bench: Bench
) -> None:
    bench.rounds.begin()
    for n in range(TOGETHER):
        await bench.read(original, str(n))
    await bench.read(original, "last", n_bytes=UNSYNCED_BYTES + 1)
    await bench.rounds.make(spread_s=1.0)
    assert bench.positions.of(3) == 7


async def test_whoever_waits_for_a_copy_that_is_let_go_has_it(
    tmp_path: Path, bench: Bench
) -> None:
    path = write_session(tmp_path, 3)
    session = path.name.partition(".")[0]
    path.rename(tmp_path / HOME / path.name)
    shelf, clock = bench.shelf, bench.clock
    copy = shelf.copy(HOME, session)
    await shelf.look(copy)
    await clock.advance(IDLE_S + 1)
    letting_go = asyncio.create_task(let_go(shelf, copy, clock))
    await asyncio.sleep(0)
    assert copy.turn.locked()
    same = shelf.copy(HOME, session)  # a parcel comes meanwhile
    async with same.turn:
        await shelf.look(same)
    await letting_go
    assert same is copy
    assert shelf.holds(same)
    assert same.writer is not None
