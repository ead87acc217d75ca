"""A real home and a real clinic with a hub, on a server by its own configuration."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.cli import main
from biofeedback.clinic import nats_config
from biofeedback.recording.reader import open_recording
from biofeedback.service.at_home.joining import join
from biofeedback.settings import Share
from biofeedback.store import AccountRow, HomeRow, Purpose, Role, SessionState, Store
from biofeedback.store.erasing import erase
from tests.clinic.clinic_server import ClinicServer
from tests.clinic.small_home import sha256_of
from tests.service.conftest import House, Start, comes_true, until

PERSON = "P-ANNA01"


@dataclass
class Both:
    """The home of a patient, and the clinic that has let it in."""

    home: House
    clinic: House
    row: HomeRow
    kim: AccountRow

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the home's own page."""
        answer = await self.home.browser.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def comes_true(self, question: Callable[[], object]) -> None:
        """Let the clocks of both go on until the answer is true."""
        for _ in range(2000):
            if question():
                return
            await self.home.pass_time(0.5)
            await self.clinic.pass_time(0.5)
            with contextlib.suppress(TimeoutError):
                await comes_true(question, seconds=0.02)
        raise AssertionError("it did not come true")

    async def allow_copies(self) -> str:
        self.home.utc_ns[0] = time.time_ns()  # sessions begin by this clock
        card = (await self.ask("PUT", "/clinic/copy", {"days": 30}))["clinic"]
        id: str = card["copies"]["id"]
        await self.comes_true(
            lambda: id in {row.id for row in self.clinic.store.homes.copy_consents()}
        )
        return id

    async def consent(self) -> str:
        body = {
            "account": self.kim.id,
            "grants": [{"stream": "heart", "purpose": "live"}],
            "days": 30,
        }
        given = await self.ask("POST", "/consents", body)
        id: str = given["consents"][0]["id"]
        return id

    async def practise(self, seconds: float = 5) -> str:
        id: str = (await self.home.begin())["id"]
        await self.home.pass_time(seconds)
        body = {"type": "pain_intensity", "value": 3, "moment": "before"}
        await self.ask("POST", f"/sessions/{id}/ratings", body)
        await self.ask("POST", f"/sessions/{id}/stop")
        return id

    @contextlib.asynccontextmanager
    async def room(self) -> AsyncIterator[ClientConnection]:
        """Open Kim's room at the clinic."""
        here = self.clinic.context
        cookie = f"{here.cookie}={here.sign_ins.enter(self.kim)}"
        async with connect(
            f"ws://{self.clinic.address}/api/v1/room",
            compression=None,
            max_queue=None,
            additional_headers={"Cookie": cookie},
        ) as socket:
            yield socket

    def is_copied(self, id: str) -> bool:
        row = self.clinic.store.find_session(id)
        return row is not None and row.state is SessionState.COMPLETE


@pytest.fixture
async def both(
    tmp_path: Path, new_database: Path, start_house: Start
) -> AsyncIterator[Both]:
    data = {name: tmp_path / name for name in ("clinic", "home")}
    for folder in data.values():
        folder.mkdir()
        shutil.copy(new_database, folder)
    _type("hub", "config", "--clinic", "By the lake", data=data["clinic"])
    store = Store(data["clinic"])
    store.person_called(PERSON)
    store.accounts.add(name="admin", display="Admin", role=Role.ADMIN)
    kim = store.accounts.add(name="kim", display="Kim", role=Role.THERAPIST)
    folder = data["clinic"] / nats_config.FOLDER
    with ClinicServer(folder, data["clinic"] / "tls" / "ca.crt") as server:
        ticket = tmp_path / "ticket.json"
        _type(
            *("home", "add", "--person", PERSON, "--label", "Kitchen"),
            *("--out", ticket, "--servers", server.url, "--ca", server.ca),
            data=data["clinic"],
        )
        (row,) = store.homes.all()
        store.close()
        home_store = Store(data["home"])
        join(home_store, ticket)
        home_store.close()
        async with (
            start_house(data="clinic", bus=server.node(), hub=Share()) as clinic,
            start_house(data="home") as home,
        ):
            both = Both(home, clinic, row, kim)
            await both.comes_true(
                lambda: any(
                    one.clinic and one.code == kim.code
                    for one in home.store.accounts.all()
                )
            )
            yield both


def _type(*arguments: str | Path, data: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments), "--data", str(data)])
    assert ended.value.code == 0


async def test_what_is_practised_at_home_is_at_the_clinic(both: Both) -> None:
    await both.allow_copies()
    id = await both.practise()
    await both.comes_true(lambda: both.is_copied(id))
    known = both.clinic.store.recording(id)
    at_home = both.home.store.recording(id)
    assert known is not None
    assert at_home is not None
    copy = both.clinic.store.data / known.path
    original = both.home.store.data / at_home.path
    assert sha256_of(copy) == sha256_of(original)
    assert open_recording(copy).info.person == PERSON
    row = both.clinic.store.session(id)
    assert (row.person_id, row.node) == (both.row.person_id, f"home.{both.row.id}")
    assert known.n_records == at_home.n_records
    (told,) = both.home.store.ratings(id)
    (rating,) = both.clinic.store.ratings(id)
    assert (rating.id, rating.value, rating.t_ms) == (told.id, 3.0, told.t_ms)
    assert both.clinic.store.practised(row.person_id).keys() == (
        both.home.store.practised(both.home.store.person().id).keys()
    )
    keeping = both.clinic.context.beside[-2]
    assert [part for part in both.clinic.context.parts if part is keeping]


async def test_consents_made_at_home_hold_at_the_clinic_and_end_on_both(
    both: Both,
) -> None:
    id = await both.consent()
    consents = both.clinic.context.consents

    def held() -> object:
        return consents.streams(both.kim.id, both.row.person_id, Purpose.LIVE)

    await both.comes_true(held)
    (row,) = both.clinic.store.consents.of_person(both.row.person_id)
    assert (row.id, row.account_id) == (id, both.kim.id)
    await both.ask("POST", "/consents/revoke", {"id": id})
    await both.comes_true(lambda: not held())

    await both.consent()
    await both.comes_true(held)
    await consents.revoke(both.row.person_id)  # by their own account at the clinic
    at_home = both.home.context.consents
    await both.comes_true(lambda: not at_home.of_account(both.kim.id))
    assert not held()


async def test_whoever_leaves_the_clinic_is_nobody_at_home(both: Both) -> None:
    await both.consent()
    at_home = both.home.context.consents
    assert at_home.of_account(both.kim.id)
    _type("user", "revoke", "kim", data=both.clinic.store.data)
    await both.comes_true(lambda: not at_home.of_account(both.kim.id))
    await both.comes_true(lambda: both.home.store.accounts.revoked())
    grantees = (await both.ask("GET", "/consents/grantees"))["grantees"]
    assert grantees == []


async def test_a_shared_session_is_known_to_be_this_persons(both: Both) -> None:
    await both.consent()
    id = (await both.home.begin())["id"]
    await both.home.pass_time(3)
    await both.ask("PUT", f"/sessions/{id}/sharing", {"state": "on"})
    neighbours = both.clinic.context.neighbours
    await both.comes_true(lambda: neighbours.neighbour(id))
    found = neighbours.neighbour(id)
    assert found is not None
    assert (found.origin, found.person_id) == (
        f"home.{both.row.id}",
        both.row.person_id,
    )
    assert found.ad.info.person == ""  # the home does not say
    async with both.room() as room:
        tiles: list[dict[str, Any]] = []
        while not tiles:
            tiles = (await until(room, "room"))["tiles"]
        assert [(tile["session"], tile["alias"]) for tile in tiles] == [(id, PERSON)]
    _type("home", "revoke", both.row.id, data=both.clinic.store.data)
    await both.comes_true(lambda: neighbours.neighbour(id) is None)
    await both.ask("POST", f"/sessions/{id}/stop")


async def test_copies_that_are_taken_back_come_no_more(both: Both) -> None:
    id = await both.allow_copies()
    first = await both.practise()
    await both.comes_true(lambda: both.is_copied(first))
    await both.ask("PUT", "/clinic/copy", {"days": None})
    await both.comes_true(lambda: id in both.clinic.store.homes.ended(both.row))
    second = await both.practise()
    await both.comes_true(
        lambda: both.home.store.session(second).state is SessionState.COMPLETE
    )
    await both.home.pass_time(120)
    await both.clinic.pass_time(120)
    assert both.clinic.store.find_session(second) is None
    assert both.is_copied(first)  # what was taken before stays until it is erased
    assert not list(both.clinic.store.data.glob("copies/*/*.part"))


async def test_a_revoked_home_sends_nothing_any_more(both: Both) -> None:
    await both.allow_copies()
    first = await both.practise()
    await both.comes_true(lambda: both.is_copied(first))
    _type("home", "revoke", both.row.id, data=both.clinic.store.data)
    at_home = both.home.context.at_home
    await both.comes_true(lambda: at_home.now and not at_home.now.is_let_in)
    card = (await both.ask("GET", "/clinic"))["clinic"]
    assert (card["connected"], card["let_in"]) == (False, False)
    second = await both.practise()
    await both.comes_true(
        lambda: both.home.store.session(second).state is SessionState.COMPLETE
    )
    await both.home.pass_time(30)
    assert [row.id for row in both.clinic.store.sessions()] == [first]


async def test_who_is_erased_at_home_has_taken_all_back_at_the_clinic(
    both: Both,
) -> None:
    given = {await both.allow_copies(), await both.consent()}
    held = both.clinic.context.consents
    await both.comes_true(lambda: held.of_account(both.kim.id))
    await both.ask("POST", "/my-data/erase", {"confirm": "erase"})
    assert given <= both.clinic.store.homes.ended(both.row).keys()
    assert not held.of_account(both.kim.id)


async def test_who_is_erased_at_the_clinic_is_gone_from_the_hub(both: Both) -> None:
    await both.allow_copies()
    first = await both.practise()
    await both.comes_true(lambda: both.is_copied(first))
    second = str((await both.home.begin())["id"])
    await both.home.pass_time(3)
    await both.comes_true(lambda: both.clinic.store.find_session(second))
    data = both.clinic.store.data
    assert list(data.glob("copies/*/*.mcap.part"))
    await asyncio.to_thread(erase, both.clinic.store, both.row.person_id)
    assert both.clinic.store.homes.all() == ()
    conf = data / nats_config.FOLDER / nats_config.HOMES
    await both.comes_true(lambda: both.row.id not in conf.read_text())
    assert both.clinic.store.homes.copy_consents() == ()
    assert both.clinic.store.sessions() == ()
    # What comes after it is nobody's, and what the hub held open goes as well.
    await both.home.pass_time(5)
    await both.comes_true(lambda: not list(data.glob("copies/H-*")))
    await both.clinic.pass_time(130)
    left = [path for path in data.rglob("*.mcap*") if "nats" not in path.parts]
    assert left == []
    bus = both.clinic.context.bus
    assert isinstance(bus, NatsBus)
    log = JetStreamLog(bus)
    names: frozenset[str] = frozenset("?")
    for _ in range(100):  # once more an hour later, for what came until it was cut off
        names = await log.names("records.>")
        if not names:
            break
        await both.clinic.pass_time(60)
    assert names == frozenset()
    assert not list(data.glob("copies/H-*"))
