"""Whose parcels are taken, and which consents: by the clinic's own judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from ulid import ULID

from biofeedback.clinic import subjects
from biofeedback.clinic.messages import Accounts, Revoked, of_json, to_json
from biofeedback.clinic.messages import Consents as Told
from biofeedback.service.consenting import Consents
from biofeedback.service.homes_door import MOST_CONSENTS, HomesDoor
from biofeedback.service.known_homes import KnownHomes
from biofeedback.session.clock import NS_PER_S, ManualClock
from biofeedback.store import (
    AccountRow,
    ConsentRow,
    CopyConsentRow,
    HomeRow,
    Purpose,
    Role,
    Store,
    Stream,
)
from tests.bus.conditions import eventually
from tests.clinic.conftest import Clinic
from tests.clinic.small_home import YEAR_NS, SmallHome, parcels_of, write_session

HOUR_NS = 3600 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S
replace = msgspec.structs.replace


def agreed(home: SmallHome, store: Store, **changes: int | None) -> str:
    """Let a home agree once more, in another way; return the id of that."""
    id = str(ULID())
    row = replace(home.consent, id=id, **changes)
    store.homes.take_consents(home.row, (), (row,), given_to=())
    return id


# --- Parcels --------------------------------------------------------------------------


@pytest.mark.parametrize("hour_ns", [-HOUR_NS, HOUR_NS], ids=["behind", "ahead"])
async def test_an_hour_between_the_clocks_refuses_nothing(
    clinic: Clinic, tmp_path: Path, hour_ns: int
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    now_ns = clinic.store.now_ns() + hour_ns  # as the home's clock has it
    home.consent = replace(
        home.consent,
        id=agreed(
            home,
            clinic.store,
            granted_at_utc_ns=now_ns - MINUTE_NS,
            expires_at_utc_ns=now_ns + MINUTE_NS,
        ),
    )
    session = await home.send(write_session(tmp_path, 5))
    await clinic.gets(home, session)


@pytest.mark.parametrize("why", ["over", "taken back", "unknown", "another's"])
async def test_nothing_is_taken_without_a_consent_that_holds(
    clinic: Clinic, tmp_path: Path, why: str
) -> None:
    await clinic.open_hub()
    home, other = await clinic.home(), await clinic.home(1)
    now_ns = clinic.store.now_ns()
    match why:
        case "over":
            id = agreed(home, clinic.store, expires_at_utc_ns=now_ns - 2 * HOUR_NS)
        case "taken back":  # after it was recorded: it stays out all the same
            id = agreed(home, clinic.store, revoked_at_utc_ns=now_ns)
        case "unknown":
            id = str(ULID())
        case _:
            id = other.consent.id
    good, home.consent = home.consent, replace(home.consent, id=id)
    home.answers = False
    path = write_session(tmp_path, 5)
    session = await home.send(path)
    await clinic.counts("consent", 3)
    assert clinic.store.find_session(session) is None
    assert not list(clinic.store.data.glob("copies/H-*"))
    kept = await home.kept(session)
    assert kept.state == ("refused" if why in ("over", "taken back") else "open")
    # Under a consent that holds, the same session is taken after all.
    home.consent, home.answers = good, True
    await home.send(path)
    await clinic.gets(home, session)


async def test_what_is_taken_back_stops_a_session_that_comes_in(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    these = parcels_of(write_session(tmp_path, 20), home.consent.id)
    await home.post(these[:3])
    await clinic.counts("new", 3)
    row = replace(home.consent, revoked_at_utc_ns=clinic.store.now_ns())
    clinic.store.homes.take_consents(home.row, (), (row,), given_to=())
    await clinic.bus.publish("homes.changed", home.row.id.encode())
    await home.post(these[3:])
    await clinic.counts("consent", len(these) - 3)
    async with asyncio.timeout(30):
        while (kept := await home.kept(these[0].session)).last < 14:
            pass
    assert (kept.last, kept.state) == (14, "refused")


async def test_a_home_that_is_revoked_or_not_known_is_refused(
    clinic: Clinic, tmp_path: Path
) -> None:
    await clinic.open_hub()
    home = await clinic.home()
    path = write_session(tmp_path, 5)
    assert clinic.store.homes.revoke(home.row.id)
    await clinic.bus.publish("homes.changed", home.row.id.encode())
    await home.send(path)
    await clinic.counts("home", 3)
    home.row = replace(home.row, id="H-NOBODY")
    await home.send(path)
    await clinic.counts("home", 6)
    assert clinic.store.sessions() == ()


# --- What homes tell ------------------------------------------------------------------


class Desk:
    """A clinic whose homes may knock."""

    def __init__(self, clinic: Clinic) -> None:
        self.store = clinic.store
        self.bus = clinic.bus
        self.clock = ManualClock()
        self.consents = Consents(self.store, self.clock)
        self.known = KnownHomes()
        self.door = HomesDoor(
            store=self.store,
            bus=self.bus,
            consents=self.consents,
            known=self.known,
            clock=self.clock,
        )
        add = self.store.accounts.add
        self.admin = add(name="ad", display="Ad", role=Role.ADMIN)
        self.kim = add(name="kim", display="Kim", role=Role.THERAPIST)
        self.ada = add(name="ada", display="Ada", role=Role.RESEARCHER)
        self.anna = add(name="anna", display="Anna", role=Role.PATIENT)
        self.home = self.store.homes.add(
            person_id=self.anna.person_id, label="Kitchen", public_key="U1"
        )

    def row(self, account: AccountRow, **changes: object) -> ConsentRow:
        now_ns = self.store.now_ns()
        row = ConsentRow(
            id=str(ULID()),
            receipt_id=str(ULID()),
            person_id=str(ULID()),  # as the home knows its person
            account_id=account.id,
            stream=Stream.HEART,
            purpose=Purpose.LIVE,
            granted_at_utc_ns=now_ns,
            expires_at_utc_ns=now_ns + YEAR_NS,
            text_version="1",
        )
        return replace(row, **changes)

    async def tell(
        self, *rows: ConsentRow | CopyConsentRow, never: tuple[str, ...] = ()
    ) -> Revoked:
        """Tell, as this home would, all that was consented to."""
        told = Told(
            consents=tuple(row for row in rows if isinstance(row, ConsentRow)),
            copies=tuple(row for row in rows if isinstance(row, CopyConsentRow)),
            never=never,
        )
        answer = await self.bus.request(
            subjects.tell_consents(self.home.id), to_json(told)
        )
        return of_json(Revoked, answer)

    @property
    def may_see(self) -> frozenset[Stream]:
        return self.consents.streams(self.kim.id, self.anna.person_id, Purpose.LIVE)

    async def time_passes(self, until: Callable[[], object]) -> None:
        for _ in range(1000):
            if until():
                return
            await self.clock.advance(5)
            await asyncio.sleep(0.002)  # the store is asked in a thread
        raise AssertionError("it did not come true")

    def copy_of(self, home: HomeRow) -> CopyConsentRow:
        now_ns = self.store.now_ns()
        return CopyConsentRow(
            id=str(ULID()),
            person_id=str(ULID()),
            home_id=home.id,
            granted_at_utc_ns=now_ns,
            expires_at_utc_ns=now_ns + YEAR_NS,
            text_version="1",
        )


@pytest.fixture
async def desk(clinic: Clinic) -> Desk:
    desk = Desk(clinic)
    await desk.consents.open()
    await desk.door.open()
    return desk


async def test_a_home_hears_who_can_be_given_something(desk: Desk) -> None:
    answer = await desk.bus.request(subjects.ask_accounts(desk.home.id), b"")
    accounts = of_json(Accounts, answer)
    assert accounts.clinic == "Pain clinic"
    assert {one.code for one in accounts.people} == {desk.kim.code, desk.ada.code}
    told: list[Accounts] = []
    await desk.bus.subscribe(
        subjects.new_accounts(desk.home.id),
        lambda delivery: told.append(of_json(Accounts, delivery.data)),
    )
    await eventually(lambda: desk.door._people is not None, "it has looked")
    desk.store.accounts.revoke(desk.ada.id)
    await desk.time_passes(lambda: told)
    (ada,) = [one for one in told[0].people if one.account == desk.ada.id]
    assert ada.revoked
    await desk.door.close()


async def test_a_consent_made_at_home_holds_here_and_ends_once(desk: Desk) -> None:
    row = desk.row(desk.kim)
    held = Revoked(ends={}, holds=(row.id,))
    assert await desk.tell(row) == held
    assert await desk.tell(row) == held  # said twice is said once
    assert desk.may_see == {Stream.HEART}
    (kept,) = desk.store.consents.of_person(desk.anna.person_id)
    person_id = desk.anna.person_id
    assert kept == replace(row, person_id=person_id, home_id=desk.home.id)
    ended = replace(row, revoked_at_utc_ns=desk.store.now_ns())
    assert (await desk.tell(ended)).ends == {row.id: ended.revoked_at_utc_ns}
    assert not desk.may_see
    # An old state that comes late brings nothing back.
    assert row.id in (await desk.tell(row)).ends
    assert not desk.may_see
    earlier_ns = (ended.revoked_at_utc_ns or 0) - 1
    earlier = replace(ended, revoked_at_utc_ns=earlier_ns)
    assert (await desk.tell(earlier)).ends == {row.id: earlier_ns}
    assert (await desk.tell(ended)).ends == {row.id: earlier_ns}
    await desk.door.close()


async def test_what_ends_here_is_told_to_the_home(desk: Desk) -> None:
    row, copy = desk.row(desk.kim), desk.copy_of(desk.home)
    await desk.tell(row, copy)
    told: list[Revoked] = []
    await desk.bus.subscribe(
        subjects.ended_consents(desk.home.id),
        lambda delivery: told.append(of_json(Revoked, delivery.data)),
    )
    await desk.consents.revoke(desk.anna.person_id)
    await eventually(lambda: any(row.id in one.ends for one in told), "it is told")
    await eventually(lambda: desk.door._ended is not None, "it has looked")
    desk.store.accounts.revoke(desk.anna.id)  # and with it what may be copied
    await desk.time_passes(lambda: any(copy.id in one.ends for one in told))
    await desk.door.close()


async def test_a_home_ends_what_it_never_gave_and_nothing_else(desk: Desk) -> None:
    (own,) = desk.store.consents.grant(  # on the clinic's own pages
        person_id=desk.anna.person_id,
        account_id=desk.kim.id,
        grants=[(Stream.BREATHING, Purpose.LIVE)],
        expires_at_utc_ns=desk.store.now_ns() + YEAR_NS,
        text_version="1",
    )
    other = desk.store.homes.add(
        person_id=desk.anna.person_id, label="Other", public_key="U2"
    )
    theirs = desk.copy_of(other)
    desk.store.homes.take_consents(other, (), (theirs,), given_to=())
    mine, forged, copied = (
        desk.row(desk.kim), desk.row(desk.kim), desk.copy_of(desk.home)
    )  # fmt: skip
    answer = await desk.tell(mine, forged, copied)
    assert {*answer.holds} == {mine.id, forged.id, copied.id}
    answer = await desk.tell(mine, never=(forged.id, copied.id, own.id, theirs.id))
    assert answer.holds == (mine.id,)
    assert answer.ends.keys() == {forged.id, copied.id}
    held = desk.store.consents.holding()
    assert {row.id for row in held} == {own.id, mine.id}
    # With the home ends what came by it, and not what was said on the clinic's pages.
    desk.store.homes.revoke(desk.home.id)
    assert desk.store.consents.holding() == (own,)
    assert desk.store.homes.holds(other) == (theirs.id,)
    await desk.door.close()


async def test_who_joins_anew_keeps_what_was_given(desk: Desk) -> None:
    row = desk.row(desk.kim)
    await desk.tell(row)
    old, desk.home = (
        desk.home,
        desk.store.homes.add(
            person_id=desk.anna.person_id, label="Again", public_key="U2"
        ),
    )
    assert (await desk.tell(row)).holds == (row.id,)
    desk.store.homes.revoke(old.id)
    assert desk.may_see == {Stream.HEART}
    await desk.door.close()


async def test_what_a_home_tells_is_in_the_audit_as_its_persons(desk: Desk) -> None:
    row, copy = desk.row(desk.kim), desk.copy_of(desk.home)
    at_ns = desk.store.now_ns()
    gone = replace(row, revoked_at_utc_ns=at_ns)
    gone_copy = replace(copy, revoked_at_utc_ns=at_ns)
    for _ in range(2):  # said twice is written once
        await desk.tell(row, copy)
    await desk.tell(gone, gone_copy)
    written = desk.store.audit.newest(10)[::-1]
    assert [one.action for one in written] == [
        *("consent.grant", "copy.grant", "consent.revoke", "copy.revoke"),
    ]
    assert written[0].subject is not None
    assert {(one.role, one.actor) for one in written} == {
        ("patient", written[0].subject)
    }
    await desk.door.close()


async def test_the_newest_consents_count_where_there_are_too_many(desk: Desk) -> None:
    now_ns = desk.store.now_ns()
    old = desk.row(desk.anna, granted_at_utc_ns=now_ns - 1, revoked_at_utc_ns=now_ns)
    new = desk.row(desk.kim)
    assert (await desk.tell(*[old] * MOST_CONSENTS, new)).holds == (new.id,)
    await desk.door.close()


BAD: dict[str, Callable[[Desk], ConsentRow]] = {
    "a patient": lambda desk: desk.row(desk.anna),
    "an administrator": lambda desk: desk.row(desk.admin),
    "nobody": lambda desk: desk.row(desk.kim, account_id=str(ULID())),
    "what a role may not": lambda desk: desk.row(desk.kim, purpose=Purpose.RESEARCH),
    "no id": lambda desk: desk.row(desk.kim, id="../../etc"),
    "no receipt": lambda desk: desk.row(desk.kim, receipt_id=""),
    "for ever": lambda desk: desk.row(desk.kim, expires_at_utc_ns=1 << 61),
    "backwards": lambda desk: desk.row(desk.kim, granted_at_utc_ns=1 << 62),
    "too large": lambda desk: desk.row(desk.kim, revoked_at_utc_ns=1 << 63),
    "long words": lambda desk: desk.row(desk.kim, text_version="x" * 1000),
    "odd words": lambda desk: desk.row(desk.kim, text_version="1\0"),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_can_be_no_consent_here_is_refused(desk: Desk, what: str) -> None:
    bad, good = BAD[what](desk), desk.row(desk.kim)
    answer = await desk.tell(bad, good)
    assert set(answer.refused) == {bad.id}
    assert answer.refused[bad.id].endswith(".")
    rows = desk.store.consents.of_person(desk.anna.person_id)
    assert [row.id for row in rows] == [good.id]
    await desk.door.close()


async def test_a_home_cannot_change_what_others_consented_to(desk: Desk) -> None:
    (theirs,) = desk.store.consents.grant(
        person_id=desk.kim.person_id,
        account_id=desk.ada.id,
        grants=[(Stream.HEART, Purpose.RESEARCH)],
        expires_at_utc_ns=desk.store.now_ns() + YEAR_NS,
        text_version="1",
    )
    now_ns = desk.store.now_ns()
    answer = await desk.tell(replace(theirs, revoked_at_utc_ns=now_ns))
    assert set(answer.refused) == {theirs.id}
    assert desk.store.consents.of_person(desk.kim.person_id) == (theirs,)
    other = desk.store.homes.add(
        person_id=desk.kim.person_id, label="Other", public_key="U2"
    )
    copy = desk.copy_of(other)
    desk.store.homes.take_consents(other, (), (copy,), given_to=())
    answer = await desk.tell(replace(copy, revoked_at_utc_ns=now_ns))
    assert set(answer.refused) == {copy.id}
    (kept,) = desk.store.homes.copy_consents()
    assert (kept.home_id, kept.revoked_at_utc_ns) == (other.id, None)
    await desk.door.close()


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"consents":[{"id":1}]}'])
async def test_what_cannot_be_read_changes_nothing(desk: Desk, data: bytes) -> None:
    at = subjects.tell_consents(desk.home.id)
    assert await desk.bus.request(at, data) == b""
    desk.store.homes.revoke(desk.home.id)
    told = to_json(Told(consents=(desk.row(desk.kim),), copies=()))
    assert await desk.bus.request(at, told) == b""  # a revoked home says nothing
    assert desk.store.consents.of_person(desk.anna.person_id) == ()
    await desk.door.close()
