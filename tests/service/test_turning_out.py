"""Whose account ends: nobody goes on watching somebody who cannot stop it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from biofeedback.service.turning_out import sweep
from biofeedback.store import SessionState
from tests.service.conftest import comes_true, nothing_can_be_written, until
from tests.service.ward import EVERYTHING, Ward, goodbye

End = Callable[[Ward, str], Awaitable[None]]


async def by_the_page(ward: Ward, who: str) -> None:
    await ward.done("root", "POST", f"/accounts/{ward.accounts[who].id}/revoke")


async def on_the_command_line(ward: Ward, who: str) -> None:
    ward.house.store.accounts.revoke(ward.accounts[who].id)
    await sweep(ward.house.context)


@pytest.mark.parametrize("end", [by_the_page, on_the_command_line])
async def test_what_a_revoked_person_shares_ends(ward: Ward, end: End) -> None:
    id = await ward.shared()
    other = await ward.begin("tom")
    here = ward.house.context
    async with ward.watch("kim", id) as detail, ward.room() as room:
        await until(detail, "hello")
        await until(room, "tile")
        await end(ward, "mira")
        assert (await goodbye(detail))[0] in (1000, 4403)
        while (await until(room, "room"))["tiles"]:
            pass
    assert here.store.session(id).state is not SessionState.LIVE, "it is kept"
    assert [live.info.id for live in here.conductor.going_on] == [other]
    mira = ward.accounts["mira"].person_id
    assert here.consents.of_person(mira) == ()
    assert here.store.consents.holding() == ()
    assert (await ward.get("kim", "/room/people"))["people"] == []


@pytest.mark.parametrize("end", [by_the_page, on_the_command_line])
async def test_who_watched_is_turned_out_and_the_practice_goes_on(
    ward: Ward, end: End
) -> None:
    id = await ward.shared()
    await ward.consent(EVERYTHING, to="lee")
    async with ward.watch("kim", id) as detail:
        await until(detail, "hello")
        await end(ward, "kim")
        assert (await goodbye(detail))[0] in (4401, 4403)
    (live,) = ward.house.context.conductor.going_on
    assert live.info.id == id
    rows = ward.house.context.consents.holding()
    assert {row.account_id for row in rows} == {ward.accounts["lee"].id}


@pytest.mark.parametrize("path", ["/sign-out", "/sign-out-everywhere"])
async def test_a_full_disk_keeps_nobody_in(ward: Ward, path: str) -> None:
    id = await ward.begin()
    here = ward.house.context
    async with ward.watch("mira", id) as own:
        await until(own, "hello")
        with nothing_can_be_written(here.store):
            answer = await ward.ask("mira", "POST", path)
            assert answer.status_code == 204
            assert "Max-Age=0" in answer.headers["set-cookie"]
            assert (await goodbye(own))[0] == 4401
            assert (await ward.ask("mira", "GET", "/me")).status_code == 401
            await sweep(here)
            assert (await ward.ask("mira", "GET", "/me")).status_code == 401
    await sweep(here)
    kept = here.store.sign_ins_of(ward.accounts["mira"].person_id)
    assert all(row.revoked_at_utc_ns is not None for row in kept)
    assert (await ward.ask("mira", "GET", "/me")).status_code == 401
    await comes_true(lambda: not here.sign_ins._left)


async def test_a_session_is_described_while_it_is_shared(ward: Ward) -> None:
    await ward.consent()
    id = await ward.begin()

    async def status() -> int:
        return (await ward.ask("kim", "GET", f"/sessions/{id}")).status_code

    def reads() -> int:
        rows = ward.house.store.audit.newest(100)
        return sum(row.action == "session.read" for row in rows)

    assert (await status(), reads()) == (404, 0)
    await ward.share(id)
    assert (await status(), reads()) == (200, 1)
    await ward.share(id, "off")
    assert (await status(), reads()) == (404, 1)
    await ward.share(id)
    await ward.done("mira", "POST", f"/sessions/{id}/stop")
    assert (await status(), reads()) == (404, 1)
    await ward.consent(("ratings",), purpose="report")
    assert (await status(), reads()) == (200, 2)
    assert (await ward.ask("mira", "GET", f"/sessions/{id}")).status_code == 200
    assert reads() == 2, "one's own is no look"
    await ward.get("kim", "/room/people")
    newest = ward.house.store.audit.newest(1)[0]
    assert (newest.action, newest.subject) == ("people.list", None)
