"""Every route × every role × every relation: who gets in, and who does not.

The table says for each route who may. A route that is not in it fails the test, so
nobody adds one without saying whose it is. Websocket commands are walked in
``test_room_access.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from biofeedback.service.deidentified import Codes
from biofeedback.service.sign_ins import Caller
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import AccountRow, Purpose, Role, Stream
from tests.service.conftest import BEARER, House, Start

HOUR_NS = 3600 * 1_000_000_000

ACTORS = (
    *("nobody", "program", "patient", "stranger", "admin"),
    *("therapist", "therapist_revoked", "therapist_expired", "therapist_stranger"),
    *("researcher", "researcher_revoked", "researcher_stranger"),
)
"""Relations are to ``patient``, whose sessions stand in the paths."""

ALL = frozenset(ACTORS)
KNOWN = ALL - {"nobody", "program"}
"""Whoever has an account: it is about themselves, whoever that is."""

OWN = frozenset({"patient"})
WATCHES = OWN | {"therapist"}
THERAPISTS = frozenset(name for name in ACTORS if name.startswith("therapist"))
RESEARCH = OWN | {"researcher"}
ADMINS = frozenset({"admin"})
INVITERS = ADMINS | THERAPISTS
PUBLIC = ALL

MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): ADMINS | {"program"},
    # --- Coming and going
    ("GET", "/api/v1/doors"): PUBLIC,
    ("POST", "/api/v1/sign-in"): PUBLIC,
    ("POST", "/api/v1/sign-in/password"): PUBLIC,
    ("POST", "/api/v1/sign-in/passkey/options"): PUBLIC,
    ("POST", "/api/v1/sign-in/passkey"): PUBLIC,
    ("POST", "/api/v1/invites/look"): PUBLIC,
    ("POST", "/api/v1/invites/accept"): PUBLIC,
    ("POST", "/api/v1/sign-out"): KNOWN,
    ("POST", "/api/v1/sign-out-everywhere"): KNOWN,
    ("GET", "/api/v1/me"): KNOWN,
    ("PUT", "/api/v1/password"): KNOWN,
    ("GET", "/api/v1/passkeys"): KNOWN,
    ("POST", "/api/v1/passkeys"): KNOWN,
    ("POST", "/api/v1/passkeys/options"): KNOWN,
    ("DELETE", "/api/v1/passkeys/{id}"): KNOWN,
    # --- Accounts
    ("GET", "/api/v1/accounts"): ADMINS,
    ("POST", "/api/v1/accounts/{id}/revoke"): ADMINS,
    ("POST", "/api/v1/accounts/{id}/reset"): ADMINS,
    ("GET", "/api/v1/invites"): INVITERS,
    ("POST", "/api/v1/invites"): INVITERS,
    ("POST", "/api/v1/invites/{id}/revoke"): INVITERS,
    ("GET", "/api/v1/audit"): ADMINS,
    ("GET", "/api/v1/looks"): KNOWN,
    # --- A home's clinic: where there are accounts it is no home
    ("GET", "/api/v1/clinic"): KNOWN,
    ("PUT", "/api/v1/clinic/copy"): frozenset(),
    # --- Practising, each for themselves
    ("GET", "/api/v1/straps"): KNOWN,
    ("GET", "/api/v1/practices"): KNOWN,
    ("GET", "/api/v1/plans"): KNOWN,
    ("GET", "/api/v1/plans/{id}"): KNOWN,
    ("GET", "/api/v1/assessment-plan"): KNOWN,
    ("GET", "/api/v1/estimates"): KNOWN,
    ("GET", "/api/v1/usual"): KNOWN,
    ("GET", "/api/v1/history"): KNOWN,
    ("GET", "/api/v1/diary"): KNOWN,
    ("POST", "/api/v1/diary"): KNOWN,
    ("GET", "/api/v1/people"): KNOWN,
    ("GET", "/api/v1/my-data"): KNOWN,
    ("POST", "/api/v1/my-data/erase"): KNOWN,
    ("GET", "/api/v1/sessions"): KNOWN,
    ("POST", "/api/v1/sessions"): KNOWN,
    # --- One session
    ("GET", "/api/v1/sessions/{id}"): WATCHES,
    ("POST", "/api/v1/sessions/{id}/stop"): OWN,
    ("POST", "/api/v1/sessions/{id}/ratings"): OWN,
    ("GET", "/api/v1/sessions/{id}/ratings"): OWN,
    ("POST", "/api/v1/sessions/{id}/events"): OWN,
    ("PUT", "/api/v1/sessions/{id}/pacer"): OWN,
    ("PUT", "/api/v1/sessions/{id}/adaptive"): OWN,
    ("GET", "/api/v1/sessions/{id}/changes"): OWN,
    ("GET", "/api/v1/sessions/{id}/plan"): OWN,
    ("GET", "/api/v1/sessions/{id}/assessment"): OWN,
    ("GET", "/api/v1/sessions/{id}/summary"): OWN,
    ("GET", "/api/v1/sessions/{id}/recording"): OWN,
    ("GET", "/api/v1/sessions/{id}/files"): OWN,
    ("POST", "/api/v1/sessions/{id}/replay"): OWN,
    ("GET", "/api/v1/sessions/{id}/sharing"): OWN,
    ("PUT", "/api/v1/sessions/{id}/sharing"): OWN,
    ("GET", "/api/v1/sessions/{id}/report"): WATCHES | RESEARCH,
    # --- Recordings
    ("GET", "/api/v1/recordings"): KNOWN,
    ("GET", "/api/v1/recordings/{id}/series"): RESEARCH,
    ("GET", "/api/v1/recordings/{id}/exports/{format}"): RESEARCH,
    ("POST", "/api/v1/recordings/{id}/labels"): RESEARCH,
    # --- Consent, and those it is given to
    ("GET", "/api/v1/consents"): KNOWN,
    ("GET", "/api/v1/consents/text"): KNOWN,
    ("GET", "/api/v1/consents/grantees"): KNOWN,
    ("POST", "/api/v1/consents"): KNOWN,
    ("POST", "/api/v1/consents/revoke"): KNOWN,
    ("GET", "/api/v1/room/people"): THERAPISTS,
    ("GET", "/api/v1/notes"): frozenset({"therapist"}),
    ("POST", "/api/v1/notes"): frozenset({"therapist"}),
    ("DELETE", "/api/v1/notes/{id}"): THERAPISTS,
    ("GET", "/api/v1/people/{id}/trend"): WATCHES | RESEARCH,
    ("GET", "/api/v1/people/{id}/sessions"): WATCHES | RESEARCH,
}

BODIES: dict[tuple[str, str], Any] = {
    # What is refused only once its body was read; the rest is sent one that is none.
    ("POST", "/api/v1/invites"): {"role": "patient", "person": None},
    ("PUT", "/api/v1/clinic/copy"): {"days": 30},
}

ENDS = {
    # These end what the walk stands on: they get a body that is none, or are walked
    # by callers of their own.
    ("POST", "/api/v1/sign-out"),
    ("POST", "/api/v1/sign-out-everywhere"),
    ("POST", "/api/v1/sessions/{id}/stop"),
}

HIDDEN = (
    *("There is no such session", "There is no such person"),
    "Nobody here has this id",
)


@dataclass
class Clinic:
    """A shared house, everyone in it, and sessions of ``patient``."""

    house: House
    accounts: dict[str, AccountRow]
    headers: dict[str, dict[str, str]]
    spare: AccountRow
    live_id: str = ""
    ended_id: str = ""

    async def ask(
        self, actor: str, method: str, path: str, body: object = None
    ) -> httpx.Response:
        headers = self.headers[actor]
        json = None if method in ("GET", "DELETE") else body
        return await self.house.anyone.request(method, path, json=json, headers=headers)

    @property
    def codes(self) -> Codes:
        return Codes(self.house.store.data, self.accounts["researcher"].id)

    def cookie(self, actor: str) -> dict[str, str]:
        token = self.house.context.sign_ins.enter(self.accounts[actor])
        return {"Cookie": f"{self.house.context.cookie}={token}"}


@pytest.fixture
async def clinic(start_house: Start) -> AsyncIterator[Clinic]:
    async with start_house() as house:
        store = house.store
        accounts = {
            actor: store.accounts.add(
                name=actor,
                display=actor.title(),
                role=_role(actor),
                password_hash="none",
            )
            for actor in ACTORS
            if actor not in ("nobody", "program")
        }
        house.context.sign_ins.become_shared()
        house.anyone.cookies.clear()
        spare = store.accounts.add(name="spare", display="Spare", role=Role.PATIENT)
        headers = {"nobody": {}, "program": dict(BEARER)}
        clinic = Clinic(house, accounts, headers, spare)
        for actor in accounts:
            clinic.headers[actor] = clinic.cookie(actor)
        await _consents(clinic)
        ended = await clinic.ask(
            "patient", "POST", "/api/v1/sessions", {"strap": SIMULATED_ID}
        )
        assert ended.status_code == 201, ended.text
        clinic.ended_id = ended.json()["id"]
        await house.pass_time(2)
        await clinic.ask("patient", "POST", f"/api/v1/sessions/{clinic.ended_id}/stop")
        await house.context.conductor._tasks.wait(30)
        live = await clinic.ask(
            "patient", "POST", "/api/v1/sessions", {"strap": SIMULATED_ID}
        )
        clinic.live_id = live.json()["id"]
        yield clinic


def _role(actor: str) -> Role:
    return Role.PATIENT if actor == "stranger" else Role(actor.partition("_")[0])


async def _consents(clinic: Clinic) -> None:
    store, consents = clinic.house.store, clinic.house.context.consents
    person_id = clinic.accounts["patient"].person_id
    for actor, account in clinic.accounts.items():
        if account.role not in (Role.THERAPIST, Role.RESEARCHER):
            continue
        if actor.endswith("_stranger"):
            continue
        purposes = (
            (Purpose.LIVE, Purpose.REPORT)
            if account.role is Role.THERAPIST
            else (Purpose.RESEARCH,)
        )
        expired = actor.endswith("_expired")
        await consents.grant(
            person_id=person_id,
            account_id=account.id,
            grants=[(stream, purpose) for stream in Stream for purpose in purposes],
            expires_at_utc_ns=store.now_ns() + (1 if expired else HOUR_NS),
            text_version="1",
        )
        if actor.endswith("_revoked"):
            await consents.revoke(person_id, account_id=account.id)
    clinic.house.utc_ns[0] += 2


CODED = (
    *("/api/v1/recordings/{id}/series", "/api/v1/recordings/{id}/exports/{format}"),
    *("/api/v1/recordings/{id}/labels", "/api/v1/sessions/{id}/report"),
    *("/api/v1/people/{id}/trend", "/api/v1/people/{id}/sessions"),
)
"""A researcher calls people and sessions by codes of their own."""


def _path(clinic: Clinic, actor: str, path: str) -> str:
    live = ("stop", "pacer", "adaptive", "sharing", "events", "ratings", "plan")
    if path in CODED and actor.startswith("researcher"):
        # Those without consent try the codes of the one who has it.
        codes = clinic.codes
        id = codes.session(clinic.ended_id)
        if path.startswith("/api/v1/people"):
            id = codes.person(clinic.accounts["patient"].person_id)
    elif path.startswith("/api/v1/people/{id}"):
        id = clinic.accounts["patient"].person_id
    elif path.startswith("/api/v1/accounts/{id}"):
        id = clinic.spare.id
    elif path.startswith("/api/v1/recordings/{id}"):
        id = clinic.ended_id
    elif path.startswith("/api/v1/sessions/{id}"):
        id = clinic.live_id if path.endswith(live) else clinic.ended_id
    else:
        id = "A" * 26
    path = path.replace("{id}", id).replace("{format}", "csv")
    if path == "/api/v1/notes":
        path += f"?person={clinic.accounts['patient'].person_id}"
    return path


def _in(answer: httpx.Response) -> bool:
    if answer.status_code in (401, 403):
        return False
    if answer.status_code == 404:
        return not answer.json()["detail"].startswith(HIDDEN)
    assert answer.status_code < 500, answer.text
    return True


async def test_every_route_lets_in_just_those_of_the_table(clinic: Clinic) -> None:
    described = (await clinic.ask("nobody", "GET", "/api/v1/openapi.json")).json()
    routes = {
        (method.upper(), path)
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert routes - set(MAY) == set(), "say in MAY whose these routes are"
    assert set(MAY) - routes == set(), "these are no routes any more"
    wrong = []
    for method, path in sorted(routes - ENDS):
        body = BODIES.get((method, path), {"this": "is no body of any route"})
        if path.startswith("/api/v1/notes") and method == "POST":
            body = {
                "person": clinic.accounts["patient"].person_id,
                "session": None,
                "text": "calm",
            }
        for actor in ACTORS:
            at = _path(clinic, actor, path)
            if path in ("/api/v1/sign-in/passkey/options",):
                body = None
            answer = await clinic.ask(actor, method, at, body)
            if _public(path) and answer.status_code in (401, 404):
                continue  # this says that no such secret is known, to everybody
            if _in(answer) is not (actor in MAY[method, path]):
                wrong.append((method, path, actor, answer.status_code, answer.text))
    assert not wrong, "\n".join(map(str, wrong))


def _public(path: str) -> bool:
    return path.startswith(("/api/v1/sign-in", "/api/v1/invites/look")) or path == (
        "/api/v1/invites/accept"
    )


async def test_a_researcher_knows_nobody_by_their_own_id(clinic: Clinic) -> None:
    listed = await clinic.ask("researcher", "GET", "/api/v1/recordings")
    (recording,) = listed.json()["recordings"]
    assert recording["id"] == clinic.codes.session(clinic.ended_id)
    person = clinic.accounts["patient"]
    for secret in (
        *(clinic.ended_id, clinic.live_id, person.person_id, person.code, "patient"),
        clinic.house.store.person(person.person_id).pseudonym,
    ):
        assert secret not in listed.text
    for path in CODED:
        at = path.replace("{format}", "csv").replace(
            "{id}", person.person_id if "people" in path else clinic.ended_id
        )
        method = "POST" if path.endswith("labels") else "GET"
        body = {"index": 1, "label": "normal"}
        answer = await clinic.ask("researcher", method, at, body)
        assert answer.status_code == 404, path


async def test_what_ends_things_is_refused_to_everybody_else(clinic: Clinic) -> None:
    stop = f"/api/v1/sessions/{clinic.live_id}/stop"
    for actor in ACTORS:
        if actor != "patient":
            answer = await clinic.ask(actor, "POST", stop, {})
            assert not _in(answer), actor
    assert _in(await clinic.ask("patient", "POST", stop, {}))
    for path in ("/api/v1/sign-out", "/api/v1/sign-out-everywhere"):
        for actor in ACTORS:
            answer = await clinic.ask(actor, "POST", path, {})
            assert _in(answer) is (actor in MAY["POST", path]), (actor, path)
            if actor in clinic.accounts:
                after = await clinic.ask(actor, "GET", "/api/v1/me")
                assert after.status_code == 401
                clinic.headers[actor] = clinic.cookie(actor)


async def test_nobody_is_told_who_else_there_is(clinic: Clinic) -> None:
    mine = clinic.accounts["patient"].person_id
    for actor in sorted(KNOWN - RESEARCH - WATCHES):
        for path in ("/api/v1/sessions", "/api/v1/recordings", "/api/v1/people"):
            answer = await clinic.ask(actor, "GET", path)
            assert mine not in answer.text, (actor, path)
            assert clinic.ended_id not in answer.text, (actor, path)


async def test_a_session_can_be_begun_for_oneself_alone(clinic: Clinic) -> None:
    person = clinic.accounts["patient"].person_id
    for actor in sorted(KNOWN - OWN):
        body = {"strap": SIMULATED_ID, "person": person}
        answer = await clinic.ask(actor, "POST", "/api/v1/sessions", body)
        assert answer.status_code == 404, actor


async def test_where_nobody_has_an_account_the_owner_may_everything(
    house: House,
) -> None:
    id = (await house.begin())["id"]
    await house.pass_time(2)
    answer = await house.browser.post(f"/api/v1/sessions/{id}/stop")
    assert answer.status_code == 200
    await house.context.conductor._tasks.wait(30)
    described = (await house.anyone.get("/api/v1/openapi.json")).json()
    for path, methods in described["paths"].items():
        for method in methods:
            if "sign-" in path or path.endswith(("erase", "accept", "look")):
                continue
            if path.endswith(("/room/people", "/notes", "/notes/{id}")):
                continue  # these are of a therapist's account
            at = path.replace("{id}", id).replace("{format}", "csv")
            answer = await house.browser.request(method, at, json={"no": "body"})
            assert answer.status_code not in (401, 403, 500), (method, path)


def test_roles_are_all_walked() -> None:
    assert {_role(actor) for actor in KNOWN} | {Role.OWNER, Role.PROGRAM} == set(Role)


def test_a_program_of_a_shared_house_is_nobody_in_particular(house: House) -> None:
    caller = Caller(person=house.store.person(), sign_in=None, shared=True)
    assert caller.operates
    assert not caller.everything
