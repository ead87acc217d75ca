"""A home and its clinic: what travels, when it stops, and practice without either."""

from __future__ import annotations

from pathlib import Path

from biofeedback.store import Store
from tests.clinic.home_disk import HOME
from tests.clinic.pair import Pair, join_as
from tests.clinic.paper_clinic import ADA, CLINIC, KIM, paper_clinic
from tests.clinic.small_home import sha256_of
from tests.service.conftest import Start


async def test_a_home_stays_one_persons_own_and_knows_its_clinic(pair: Pair) -> None:
    me = await pair.ask("GET", "/me")
    assert (me["role"], me["shared"], me["joined"]) == ("owner", False, True)
    card = await pair.card()
    assert (card["name"], card["home"], card["connected"]) == (CLINIC.name, HOME, True)
    assert card["copies"] is None
    grantees = (await pair.ask("GET", "/consents/grantees"))["grantees"]
    assert {one["display"] for one in grantees} == {"Kim", "Ada"}
    people = (await pair.ask("GET", "/people"))["people"]
    assert len(people) == 1
    answer = await pair.house.anyone.post(
        "/api/v1/sign-in/password",
        json={"name": f"{CLINIC.id}:{KIM.code}", "password": "x" * 12},
    )
    assert answer.status_code == 401


async def test_consents_travel_and_end_on_both_sides(pair: Pair) -> None:
    (id,) = await pair.consent()
    await pair.comes_true(lambda: [row.id for row in pair.clinic.consents.consents])
    (row,) = pair.clinic.consents.consents
    assert (row.id, row.account_id, row.revoked_at_utc_ns) == (id, KIM.account, None)
    assert (await pair.ask("GET", "/me"))["shares"]
    # Taken back at the clinic: it holds here no longer.
    await pair.clinic.revoke(id)
    await pair.comes_true(
        lambda: not pair.house.context.consents.of_account(KIM.account)
    )
    # Taken back here: the clinic is told.
    (id,) = await pair.consent()
    await pair.ask("POST", "/consents/revoke", {"account": KIM.account})
    await pair.comes_true(
        lambda: any(
            row.id == id and row.revoked_at_utc_ns is not None
            for row in pair.clinic.consents.consents
        )
    )


async def test_what_was_never_given_here_is_ended_and_shown(pair: Pair) -> None:
    (id,) = await pair.consent()
    assert not (await pair.card())["misused"]
    forged = "01KB00000000000000000000F1"
    pair.clinic.holds |= {id, forged}  # by another who has the ticket
    (other,) = await pair.consent("report")  # so that it is told again
    await pair.comes_true(lambda: forged not in pair.clinic.holds)
    assert id in pair.clinic.holds
    assert (await pair.card())["misused"]
    assert "consent.never_given" in {
        row.action for row in pair.house.store.audit.newest(20)
    }
    n_told = pair.clinic.n_told
    await pair.ask("POST", "/consents/revoke", {"id": other})
    await pair.comes_true(lambda: pair.clinic.n_told > n_told)
    assert pair.clinic.consents.never == ()  # it knows by now


async def test_a_ticket_of_another_home_opens_no_link(pair: Pair) -> None:
    at_home, clinics = pair.house.context.at_home, pair.house.store.clinics
    clinics.join(id=CLINIC.id, name=CLINIC.name, home_id="H-2NDHME")
    await pair.comes_true(lambda: at_home.now and at_home.now.trouble)
    assert at_home.copying is None
    clinics.join(id=CLINIC.id, name=CLINIC.name, home_id=HOME)
    await pair.comes_true(lambda: at_home.now and at_home.now.connected)
    assert at_home.now is not None
    assert at_home.now.trouble == ""


async def test_who_leaves_the_clinic_may_see_nothing_any_more(pair: Pair) -> None:
    await pair.consent()
    pair.clinic.people = (ADA,)
    await pair.clinic.tell_accounts()
    await pair.comes_true(
        lambda: not pair.house.context.consents.of_account(KIM.account)
    )
    grantees = (await pair.ask("GET", "/consents/grantees"))["grantees"]
    assert [one["display"] for one in grantees] == ["Ada"]


async def test_a_practice_is_copied_while_it_may_be(pair: Pair) -> None:
    before = await pair.practise()
    await pair.allow_copies()
    id = await pair.practise()
    await pair.comes_true(lambda: pair.has(id))
    assert pair.clinic.copies[id].sha256 == sha256_of(pair.path(id))
    assert before not in pair.clinic.copies
    assert (await pair.card())["sent_at"] is not None
    await pair.comes_true(
        lambda: (now := pair.house.context.at_home.now) and not now.progress.n_waiting
    )
    # Taken back in the middle of a session: nothing of it goes on its way any more.
    live = (await pair.house.begin())["id"]
    await pair.comes_true(
        lambda: live in pair.clinic.copies and pair.clinic.copies[live].last > 0
    )
    card = (await pair.ask("PUT", "/clinic/copy", {"days": None}))["clinic"]
    assert card["copies"] is None
    last = pair.clinic.copies[live].last
    await pair.house.pass_time(5)
    await pair.ask("POST", f"/sessions/{live}/stop")
    await pair.comes_true(
        lambda: all(row.revoked_at_utc_ns for row in pair.clinic.consents.copies)
    )
    assert pair.clinic.copies[live].last == last


async def test_a_server_that_is_killed_loses_nothing(pair: Pair) -> None:
    await pair.allow_copies()
    id = (await pair.house.begin())["id"]
    await pair.comes_true(lambda: id in pair.clinic.copies)
    pair.clinic.server.kill()
    await pair.house.pass_time(3)
    pair.clinic.server.start_again()
    await pair.house.pass_time(2)
    await pair.ask("POST", f"/sessions/{id}/stop")
    await pair.comes_true(lambda: pair.has(id))
    assert pair.clinic.copies[id].sha256 == sha256_of(pair.path(id))


async def test_without_its_clinic_a_home_goes_on_as_before(
    tmp_path: Path, new_database: Path, start_house: Start
) -> None:
    async with paper_clinic(tmp_path / "clinic") as clinic:
        join_as(tmp_path, new_database, clinic)
        async with start_house() as house:
            pair = Pair(house, clinic)
            await pair.linked()
            await pair.consent()
            await pair.allow_copies()
        # The service starts without the clinic, which comes back later.
        clinic.server.kill()
        async with start_house() as house:
            pair = Pair(house, clinic)
            assert not (await pair.card())["connected"]
            id = await pair.practise()
            await pair.ask("POST", "/consents/revoke", {"account": KIM.account})
            assert house.context.consents.of_account(KIM.account) == ()
            await pair.comes_true(lambda: pair.path(id).exists())
            clinic.server.start_again()
            await pair.comes_true(lambda: pair.has(id))
            await pair.comes_true(
                lambda: all(row.revoked_at_utc_ns for row in clinic.consents.consents)
            )


async def test_leaving_ends_all_and_says_goodbye(pair: Pair, tmp_path: Path) -> None:
    await pair.consent()
    await pair.allow_copies()
    store = Store(tmp_path / "data")  # as the command line has it, beside the service
    store.clinics.leave(CLINIC.id)
    store.close()
    await pair.comes_true(lambda: not pair.house.context.at_home.joined)
    await pair.comes_true(
        lambda: (
            all(row.revoked_at_utc_ns for row in pair.clinic.consents.consents)
            and all(row.revoked_at_utc_ns for row in pair.clinic.consents.copies)
        )
    )
    await pair.comes_true(
        lambda: not (tmp_path / "data" / "clinic" / "ticket.json").exists()
    )
    assert (await pair.ask("GET", "/clinic"))["clinic"] is None
    assert (await pair.ask("GET", "/consents/grantees"))["grantees"] == []
