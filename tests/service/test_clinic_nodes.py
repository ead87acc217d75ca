"""What the nodes of one clinic agree on: consents, sign-ins, sessions, erasing."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from biofeedback.bus import NoAnswerError
from biofeedback.service.agreeing import Agreeing
from biofeedback.service.cataloguing import rebuild
from biofeedback.service.consenting import NOTHING
from biofeedback.service.deidentified import codes_of
from biofeedback.service.erasing_all import others_held
from biofeedback.service.leaving import RESTS
from biofeedback.service.passkeys import Challenges, maker_of
from biofeedback.service.problems import Problem
from biofeedback.service.turning_out import DOUBTED_AFTER_NS, sweep
from biofeedback.session.clock import NS_PER_S
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import Lan, Settings
from biofeedback.store import (
    Purpose,
    RecordingRow,
    Role,
    SessionRow,
    SessionState,
    Store,
    StoreError,
    Stream,
)
from tests.postgres import PostgresServer
from tests.service.conftest import House, Start, comes_true, until
from tests.service.device import Device
from tests.service.nodes import (
    Nodes,
    in_one_file,
    in_postgres,
    is_away,
    lossy,
    stands_still,
    two_nodes,
)
from tests.service.ward import goodbye


@pytest.fixture
async def nodes(start_house: Start, shared_store: Path) -> AsyncIterator[Nodes]:
    async with two_nodes(start_house, in_one_file(shared_store)) as nodes:
        yield nodes


def streams(nodes: Nodes, node: House, who: str = "kim") -> frozenset[Stream]:
    """Return what a node lets somebody see of mira."""
    mira = nodes.accounts["mira"].person_id
    return node.context.consents.streams(nodes.accounts[who].id, mira, Purpose.LIVE)


def agreeing(node: House) -> Agreeing:
    (found,) = [one for one in node.context.beside if isinstance(one, Agreeing)]
    return found


async def hears_nothing(node: House) -> None:
    """Let a node hear nothing of what others tell, as if the bus lost it."""
    for subscription in agreeing(node)._subscriptions:
        await subscription.close()


# --- Whose a session is -------------------------------------------------------------


def left_behind(node: str | None, nodes: Nodes, id: str) -> SessionRow:
    """Keep a session that says to be live, and whose process is gone."""
    row = SessionRow(
        id=id.ljust(26, "0"),
        person_id=nodes.accounts["mira"].person_id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="x",
        started_at_utc_ns=1,
        node=node,
    )
    nodes.a.store.add_session(row, f"recordings/2026/01/{row.id}.mcap")
    return row


async def test_a_node_that_starts_anew_finishes_its_own_alone(nodes: Nodes) -> None:
    state = nodes.a.store.session
    live = await nodes.begin(nodes.a)
    async with nodes.node("c") as c:
        mine = left_behind(c.context.origin, nodes, "C")
        gone = left_behind("node.N-000000", nodes, "D")
        home = left_behind("home.H-000000", nodes, "E")
        older = left_behind(None, nodes, "F")
    async with nodes.node("c") as again:
        assert again.context.origin == mine.node, "its name is kept"
        kept = again.store.data / "node"
        assert f"node.{kept.read_text().strip()}" == mine.node
        assert kept.stat().st_mode & 0o777 == 0o600
        await comes_true(lambda: again.context.conductor._recovered.is_set())
        assert state(mine.id).state is SessionState.FAILED
        for row in (gone, home, older):
            assert state(row.id).state is SessionState.LIVE, row.node
        assert state(live).state is SessionState.LIVE
        assert nodes.a.context.conductor.session(live) is not None


async def test_a_list_made_anew_leaves_what_others_have(nodes: Nodes) -> None:
    theirs, mine = await nodes.ended(nodes.a), await nodes.ended(nodes.b)
    lost = await nodes.ended(nodes.b)
    nodes.file_of(nodes.b, lost).unlink()
    found = rebuild(nodes.b.store)
    assert (found.n_recordings, found.missing) == (1, (lost,))
    store = nodes.a.store
    assert store.session(theirs).state is SessionState.COMPLETE
    assert store.session(theirs).node == nodes.a.context.origin
    assert store.session(mine).node == nodes.b.context.origin
    assert store.session(lost).state is SessionState.FAILED


async def test_what_lies_elsewhere_is_listed_and_said_to(nodes: Nodes) -> None:
    id = await nodes.ended(nodes.a)
    row = nodes.a.store.recording(id)
    assert row is not None
    bare = RecordingRow(session_id=id, path=row.path, state=row.state)
    nodes.a.store.finish_session(id, SessionState.COMPLETE, recording=bare)
    told = await nodes.done(nodes.b, "mira", "GET", "/recordings")
    assert told["n_pending"] == 0
    (one,) = told["recordings"]
    assert one["trouble"] == "It is kept on another machine."


# --- Consents -----------------------------------------------------------------------


async def test_a_consent_holds_and_ends_on_every_node(nodes: Nodes) -> None:
    a, b = nodes.a, nodes.b
    assert streams(nodes, b) == NOTHING
    await nodes.consent(a)
    await comes_true(lambda: streams(nodes, b) == frozenset(Stream))
    id = await nodes.begin(b)
    await nodes.done(b, "mira", "PUT", f"/sessions/{id}/sharing", {"state": "on"})
    async with b.watch(id, headers=nodes.cookies["kim"]) as socket:
        await until(socket, "link")
        await nodes.done(a, "mira", "POST", "/consents/revoke", {})
        code, _, _ = await goodbye(socket)
    assert code == 4403
    assert streams(nodes, b) == NOTHING


async def test_a_message_that_is_lost_is_made_up_for(nodes: Nodes) -> None:
    await nodes.consent(nodes.a)
    await comes_true(lambda: streams(nodes, nodes.b) != NOTHING)
    await hears_nothing(nodes.b)
    await nodes.done(nodes.a, "mira", "POST", "/consents/revoke", {})
    assert streams(nodes, nodes.b) != NOTHING
    await sweep(nodes.b.context)
    assert streams(nodes, nodes.b) == NOTHING


async def test_what_cannot_be_read_does_not_hold(nodes: Nodes) -> None:
    b = nodes.b.context
    await nodes.consent(nodes.a)
    await comes_true(lambda: streams(nodes, nodes.b) != NOTHING)
    mira = nodes.accounts["mira"].person_id
    with is_away(b.store):
        await b.consents.heard("of somebody else")
        assert streams(nodes, nodes.b) != NOTHING
        await b.consents.heard(mira)
        assert streams(nodes, nodes.b) == NOTHING
    await sweep(b)
    assert streams(nodes, nodes.b) == frozenset(Stream), "it was only not known"
    with is_away(b.store):
        with pytest.raises(StoreError):
            await sweep(b)
        assert streams(nodes, nodes.b) != NOTHING, "a database may be away for a moment"
        nodes.b.utc_ns[0] -= 10 * DOUBTED_AFTER_NS  # no time of day counts
        await nodes.b.pass_time(DOUBTED_AFTER_NS / NS_PER_S)
        with pytest.raises(StoreError):
            await sweep(b)
        assert streams(nodes, nodes.b) == NOTHING


async def test_what_cannot_be_asked_does_not_hold(nodes: Nodes) -> None:
    b = nodes.b.context
    await nodes.consent(nodes.a)
    await comes_true(lambda: streams(nodes, nodes.b) != NOTHING)
    await nodes.b.pass_time(DOUBTED_AFTER_NS / NS_PER_S)
    with stands_still(b.store):
        with pytest.raises(StoreError, match="does not answer"):
            await sweep(b, limit_s=0.1)
    assert streams(nodes, nodes.b) == NOTHING
    await sweep(b)
    assert streams(nodes, nodes.b) == frozenset(Stream)


@contextlib.contextmanager
def read_no_more(store: Store) -> Iterator[None]:
    """Let no consents be read once some were written, as if a disk failed just then."""
    written: list[str] = []

    def refuse(_connection: object, _cursor: object, said: str, *_: object) -> None:
        if said.startswith("INSERT INTO consents"):
            written.append(said)
        elif written and "FROM consents" in said:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR"
            raise error

    event.listen(store._engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(store._engine, "before_cursor_execute", refuse)


async def test_what_was_written_is_told_though_it_cannot_be_read(nodes: Nodes) -> None:
    a, told = nodes.a.context, list[str]()
    a.consents.on_written(told.append)
    grants = [{"stream": "heart", "purpose": "live"}]
    body = {"account": nodes.accounts["kim"].id, "grants": grants, "days": 30}
    with read_no_more(a.store):
        answer = await nodes.ask(nodes.a, "mira", "POST", "/consents", body)
    assert answer.status_code == 503
    assert told == [nodes.accounts["mira"].person_id]


# --- Signing out --------------------------------------------------------------------


async def test_signing_out_closes_what_is_open_on_every_node(nodes: Nodes) -> None:
    a, b = nodes.a, nodes.b
    id = await nodes.begin(b)
    await nodes.done(b, "mira", "PUT", f"/sessions/{id}/sharing", {"state": "on"})
    live = b.context.conductor.session(id)
    assert live is not None
    async with b.watch(id, headers=nodes.cookies["mira"]) as socket:
        await until(socket, "link")
        await nodes.done(a, "mira", "POST", "/sign-out")
        code, _, _ = await goodbye(socket)
    assert code == 4401
    assert (await nodes.ask(b, "mira", "GET", "/me")).status_code == 401
    # They cannot take it back any more: what they share rests there.
    await comes_true(lambda: b.context.rooms.state(live).sharing == "paused")


async def test_who_signs_out_at_a_node_that_is_cut_off(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        a, b = nodes.a, nodes.b
        id = await nodes.begin(a)
        live = a.context.conductor.session(id)
        assert live is not None

        async def share() -> None:
            path = f"/sessions/{id}/sharing"
            await nodes.done(a, "mira", "PUT", path, {"state": "on"})

        def sharing() -> str:
            return a.context.rooms.state(live).sharing

        await share()
        phone = nodes.cookies["mira"]
        nodes.sign_in("mira")
        buses[1].is_cut = True
        await nodes.done(b, "mira", "POST", "/sign-out")
        await sweep(a.context)
        assert sharing() == "on", "they are signed in with their phone"
        buses[1].is_cut = False
        agreeing(b)._on_link(True)
        await comes_true(lambda: sharing() == "paused")
        nodes.cookies["mira"] = phone
        await share()
        buses[1].is_cut = True
        await nodes.done(b, "mira", "POST", "/sign-out")
        await sweep(a.context)
        assert sharing() == "paused", "nothing lets them in any more"


async def test_what_is_said_of_sign_ins_is_looked_up(nodes: Nodes) -> None:
    b = nodes.b
    id = await nodes.begin(b)
    async with b.watch(id, headers=nodes.cookies["mira"]) as socket:
        await until(socket, "link")
        (credential,) = b.context.sign_ins._watchers
        await b.context.sign_ins.heard([credential])
        assert credential in b.context.sign_ins._watchers, "they are signed in"
        with is_away(b.store), pytest.raises(StoreError):
            await b.context.sign_ins.heard([credential])
        code, _, _ = await goodbye(socket)
    assert code == 4401


async def test_an_account_that_ends_ends_on_every_node(nodes: Nodes) -> None:
    id = await nodes.begin(nodes.b)
    mira = nodes.accounts["mira"].id
    await nodes.done(nodes.a, "root", "POST", f"/accounts/{mira}/revoke")
    state = nodes.b.store.session
    await comes_true(lambda: state(id).state is not SessionState.LIVE)


async def test_garbage_on_the_bus_ends_nothing(nodes: Nodes) -> None:
    bus = nodes.a.context.bus
    for subject in ("signins.changed", RESTS, "consents.changed"):
        await bus.publish(subject, b"\xc1\xff")
    for subject in ("challenge", "erase"):
        with pytest.raises(NoAnswerError):
            await bus.request(f"{subject}.{nodes.b.context.origin}", b"\xc1")
    assert (await nodes.ask(nodes.b, "mira", "GET", "/me")).status_code == 200


async def test_the_first_account_closes_the_links_of_every_node(
    start_house: Start, shared_store: Path
) -> None:
    nodes = Nodes(start_house, in_one_file(shared_store))
    async with nodes.node("a") as a, nodes.node("b") as b:
        link = b.context.sign_ins.new_link_token()
        assert not b.context.sign_ins.shared
        a.store.accounts.add(name="root", display="Root", role=Role.ADMIN)
        a.context.sign_ins.become_shared()
        await comes_true(lambda: b.context.sign_ins.shared)
        answer = await b.anyone.post("/api/v1/sign-in", json={"token": link})
        assert answer.status_code == 401


async def test_one_cookie_opens_every_node(nodes: Nodes) -> None:
    assert nodes.a.context.cookie == nodes.b.context.cookie == "biofeedback_session"
    for node in (nodes.a, nodes.b):
        assert (await nodes.ask(node, "mira", "GET", "/me")).status_code == 200


# --- Passkeys and codes -------------------------------------------------------------


async def test_a_passkey_answers_on_another_node(nodes: Nodes) -> None:
    # One name for both, as behind a balancer.
    name = f"localhost:{nodes.a.context.settings.port}"
    answered_at = f"localhost:{nodes.b.context.settings.port}"

    async def posted(node: House, path: str, body: object, **more: str) -> object:
        host = name if node is nodes.a else answered_at
        answer = await node.anyone.post(
            f"/api/v1/{path}", json=body, headers={"host": host, **more}
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    device = Device(f"http://{answered_at}")
    cookie = nodes.cookies["mira"]
    made: dict[str, object] = await posted(nodes.a, "passkeys/options", {}, **cookie)  # type: ignore[assignment]
    body = {"credential": device.create(made["options"]), "label": None}  # type: ignore[arg-type]
    await posted(nodes.b, "passkeys", body, **cookie)
    asked: dict[str, object] = await posted(nodes.a, "sign-in/passkey/options", {})  # type: ignore[assignment]
    credential = device.get(asked["options"])  # type: ignore[arg-type]
    body = {"credential": credential}
    me: dict[str, object] = await posted(nodes.b, "sign-in/passkey", body)  # type: ignore[assignment]
    assert me["name"] == "mira"
    again = await nodes.b.anyone.post(
        "/api/v1/sign-in/passkey", json=body, headers={"host": answered_at}
    )
    assert again.status_code == 401, "a challenge is good once"


def test_a_challenge_says_who_made_it() -> None:
    challenge = Challenges(maker="node.N-7Q2M9K").make(now_s=0)
    assert maker_of(challenge) == "node.N-7Q2M9K"
    assert maker_of(Challenges().make(now_s=0)) is None
    assert maker_of(b"node.N-7Q2M9>" + bytes(32)) is None


async def test_a_researcher_sees_the_same_codes_on_every_node(nodes: Nodes) -> None:
    await nodes.consent(nodes.a, to="ada", purpose="research")
    id = await nodes.ended(nodes.a)
    await comes_true(lambda: nodes.b.context.consents.holding())
    ids = {
        (await nodes.done(node, "ada", "GET", "/recordings"))["recordings"][0]["id"]
        for node in (nodes.a, nodes.b)
    }
    assert ids == {codes_of(nodes.b.context, nodes.accounts["ada"]).session(id)}
    (code,) = ids
    answer = await nodes.ask(nodes.b, "ada", "GET", f"/recordings/{code}/series")
    assert answer.status_code == 200


# --- All of one's data -----------------------------------------------------------


async def test_all_ones_data_holds_what_lies_on_every_node(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/not/there")  # nothing lies outside
    a, b = nodes.a, nodes.b
    there, here = await nodes.ended(a), await nodes.ended(b)
    await nodes.ended(a, "tom")
    label = {"index": 1, "label": "extra"}
    await nodes.done(b, "mira", "POST", f"/recordings/{there}/labels", label)
    async with nodes.node("c") as c:
        gone = await nodes.ended(c)
    answer = await nodes.ask(b, "mira", "GET", "/my-data")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        kept = {name for name in archive.namelist() if name.startswith("recordings")}
        files = {
            path.relative_to(node.store.data).as_posix(): path
            for node, id in ((a, there), (b, here))
            for path in node.store.data.rglob(f"{id}*")
        }
        assert kept == {*files}
        assert len(files) == 3
        for name, path in files.items():
            assert archive.read(name) == path.read_bytes()
        readme = archive.read("README.txt").decode()
        assert "Of 1 sessions no recording" in readme
    assert b.store.find_session(gone) is not None


# --- Erasing ------------------------------------------------------------------------


@pytest.fixture
async def clinic(start_house: Start, postgres: PostgresServer) -> AsyncIterator[Nodes]:
    """Give two nodes on a real PostgreSQL: rows are erased in another way there."""
    async with two_nodes(start_house, in_postgres(postgres.fresh())) as nodes:
        yield nodes


ERASE = ("POST", "/my-data/erase", {"confirm": "erase"})


async def test_who_is_erased_is_erased_on_every_node(clinic: Nodes) -> None:
    a, b = clinic.a, clinic.b
    mine = [await clinic.ended(a), await clinic.ended(b)]
    toms = await clinic.ended(a, "tom")
    await clinic.ask(b, "mira", "GET", f"/recordings/{mine[0]}/series")
    done = await clinic.done(b, "mira", *ERASE)
    assert done == {"n_sessions": 2, "n_files": 2}
    left = [p for node in (a, b) for p in node.store.data.rglob("*.mcap*")]
    assert left == [clinic.file_of(a, toms)]
    assert a.store.find_session(mine[0]) is None
    await clinic.begin(a, "tom")  # life goes on


async def test_nothing_is_erased_while_a_node_is_away_or_a_session_goes_on(
    clinic: Nodes,
) -> None:
    async with clinic.node("c") as c:
        id = await clinic.ended(c)
    refused = await clinic.ask(clinic.a, "mira", *ERASE)
    assert refused.status_code == 503
    assert "cannot be reached" in refused.json()["detail"]
    async with clinic.node("c") as c:
        live = await clinic.begin(c)
        refused = await clinic.ask(clinic.a, "mira", *ERASE)
        assert (refused.status_code, refused.json()["reason"]) == (409, "live")
        assert clinic.file_of(c, id).exists()
        await clinic.done(c, "mira", "POST", f"/sessions/{live}/stop")
        await clinic.finished(c)
        await clinic.done(clinic.a, "mira", *ERASE)
        assert not [*c.store.data.rglob("*.mcap*")]


async def test_nothing_begins_anywhere_while_somebody_is_erased(clinic: Nodes) -> None:
    mira = clinic.accounts["mira"].person_id
    begin = ("POST", "/sessions", {"strap": SIMULATED_ID})
    async with others_held(clinic.a.context, mira):
        answer = await clinic.ask(clinic.b, "tom", *begin)
        assert answer.status_code == 409
        twice = await clinic.ask(clinic.b, "tom", *ERASE)
        assert twice.status_code == 409
    answer = await clinic.ask(clinic.b, "tom", *begin)
    assert answer.status_code == 201


async def test_a_node_that_fails_amid_it_keeps_no_other_from_erasing(
    clinic: Nodes,
) -> None:
    mira = clinic.accounts["mira"].person_id
    async with clinic.node("c") as c, clinic.node("d") as d:
        for node in (clinic.b, c, d):
            await clinic.ended(node)
        async with others_held(clinic.a.context, mira) as others:
            agreeing(clinic.b)._erasing.close()
            others._held.sort(key=lambda origin: origin != clinic.b.context.origin)
            with pytest.raises(Problem, match="Not everything was erased"):
                await others.erase_files()
        assert [*clinic.b.store.data.rglob("*.mcap*")]
        for node in (c, d):
            assert not [*node.store.data.rglob("*.mcap*")]


# --- One name before all of them ----------------------------------------------------


def test_a_name_before_all_nodes_may_have_a_port_of_its_own(tmp_path: Path) -> None:
    def hosts(lan: Lan) -> frozenset[str]:
        return Settings.of(data=tmp_path, port=8765, lan=lan).allowed_hosts

    plain = hosts(Lan(name="clinic.example"))
    assert "clinic.example" not in plain
    before = Lan(name="clinic.example", port=443)
    assert hosts(before) >= plain | {"clinic.example", "clinic.example:443"}
    settings = Settings.of(data=tmp_path, lan=before)
    assert settings.url == "https://clinic.example:443/"
