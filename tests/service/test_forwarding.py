"""What lies on another node is asked of it: the same checks, and no circles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from biofeedback.bus import Bus, Delivery
from biofeedback.bus.nats import NatsBus
from biofeedback.service.answering import Answering, subject_of
from biofeedback.service.deidentified import Codes, codes_of
from biofeedback.service.forwarded import (
    PIECE_BYTES,
    Ask,
    Has,
    Leave,
    More,
    Piece,
    Question,
    encode,
    ids_of,
    piece_of,
)
from biofeedback.service.my_data_elsewhere import kept_elsewhere
from biofeedback.session.simulated import SIMULATED_ID
from tests.nats_server import NatsServer
from tests.postgres import PostgresServer
from tests.service.conftest import BEARER, House, Start, comes_true
from tests.service.nodes import Nodes, in_one_file, in_postgres, lossy, two_nodes
from tests.service.test_access import (
    ACTORS,
    ENDS,
    MAY,
    Clinic,
    _consents,
    _in,
    _path,
    _role,
)

MIB = 1 << 20


@pytest.fixture
async def nodes(start_house: Start, shared_store: Path) -> AsyncIterator[Nodes]:
    async with two_nodes(start_house, in_one_file(shared_store)) as nodes:
        yield nodes


async def asked(house: House, origin: str, question: Question) -> Piece:
    bus = house.context.bus
    return piece_of(await bus.request(subject_of(origin), encode(question)))


# --- Every kind of route ------------------------------------------------------------


async def test_a_session_of_one_node_is_there_on_the_other(nodes: Nodes) -> None:
    await _is_there(nodes)


async def test_it_is_so_with_the_engines_of_a_clinic(
    start_house: Start, postgres: PostgresServer
) -> None:
    store = in_postgres(postgres.fresh())
    with NatsServer() as nats:

        def new_bus() -> Bus:
            return NatsBus(nats.url, name="test")

        async with two_nodes(start_house, store, new_bus=new_bus) as nodes:
            await _is_there(nodes)
            id = await nodes.ended(nodes.a, "tom")
            content = os.urandom(5 * MIB)
            nodes.file_of(nodes.a, id).write_bytes(content)
            path = f"/sessions/{id}/recording"
            answer = await nodes.ask(nodes.b, "tom", "GET", path)
            assert answer.content == content
            # Nobody says goodbye: the server that carries all of it is gone.
            nats.kill()
            await comes_true(lambda: not nodes.b.context.bus.connected)
            answer = await nodes.ask(nodes.b, "tom", "GET", path)
            assert answer.status_code == 503


async def _is_there(nodes: Nodes) -> None:
    a, b = nodes.a, nodes.b
    id = await nodes.begin(a)
    assert b.context.conductor.session(id) is None
    at = f"/sessions/{id}"

    async def done(method: str, path: str, body: object = None) -> httpx.Response:
        answer = await nodes.ask(b, "mira", method, path, body)
        assert answer.status_code < 300, (path, answer.text)
        return answer

    told = (await done("GET", at)).json()
    assert told["state"] == "live"
    rating = {"type": "arousal", "value": 3, "moment": "during", "prompt": "How awake?"}
    await done("POST", f"{at}/ratings", rating)
    assert len((await done("GET", f"{at}/ratings")).json()["ratings"]) == 1
    await done("POST", f"{at}/events", {"type": "cough"})
    await done("PUT", f"{at}/pacer", {"rate_bpm": 5.5})
    await done("PUT", f"{at}/adaptive", {"on": False})
    large = await nodes.ask(b, "mira", "POST", f"{at}/events", {"text": "x" * 65_536})
    assert large.status_code == 413
    await done("PUT", f"{at}/sharing", {"state": "on"})
    live = a.context.conductor.session(id)
    assert live is not None
    assert a.context.rooms.state(live).sharing == "on"
    assert (await done("GET", f"{at}/sharing")).json()["state"] == "on"
    for path in ("plan", "assessment"):
        here = await nodes.ask(b, "mira", "GET", f"{at}/{path}")
        there = await nodes.ask(a, "mira", "GET", f"{at}/{path}")
        assert (here.status_code, here.json()) == (there.status_code, there.json())
    await nodes.pass_time(4)
    stopped = (await done("POST", f"{at}/stop")).json()
    assert stopped["ended_at"] is not None
    await nodes.finished(a)
    assert not (b.store.data / "recordings").exists()

    for path in (
        f"{at}/files",
        f"{at}/recording",
        f"{at}/report",
        f"/recordings/{id}/series",
    ):
        here = await done("GET", path)
        there = await nodes.ask(a, "mira", "GET", path)
        assert here.content == there.content, path
        assert here.headers["content-type"] == there.headers["content-type"]
        assert "set-cookie" not in here.headers
        assert here.headers["cache-control"] == "no-store"
    export = await done("GET", f"/recordings/{id}/exports/csv?free_text=true")
    assert "attachment" in export.headers["content-disposition"]
    label = {"index": 1, "label": "extra", "comment": "grün"}
    assert (await done("POST", f"/recordings/{id}/labels", label)).status_code == 201
    await done("GET", f"{at}/changes")
    (row,) = (await done("GET", "/recordings")).json()["recordings"]
    assert row["id"] == id
    listed = (await done("GET", "/sessions")).json()["sessions"]
    assert [one["summary_ready"] for one in listed] == [True]
    replay = (await done("POST", f"{at}/replay", {"speed": 1})).json()
    assert a.context.conductor.session(replay["id"]) is not None
    wrong = await nodes.ask(b, "mira", "POST", f"{at}/replay", {"speed": "fast"})
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"
    await comes_true(lambda: a.context.answering.n_open == 0)


async def test_a_recording_of_20_mib_is_the_same_byte_for_byte(nodes: Nodes) -> None:
    id = await nodes.ended(nodes.a)
    content = os.urandom(20 * MIB + 1)
    nodes.file_of(nodes.a, id).write_bytes(content)
    answer = await nodes.ask(nodes.b, "mira", "GET", f"/sessions/{id}/recording")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-length"] == str(len(content))


async def test_whoever_takes_their_time_holds_one_piece_and_leaves_none(
    nodes: Nodes,
) -> None:
    id = await nodes.ended(nodes.a)
    nodes.file_of(nodes.a, id).write_bytes(bytes(64 * MIB))
    answering = nodes.a.context.answering
    reader = socket.create_connection(("127.0.0.1", nodes.b.context.settings.port))
    reader.sendall(
        f"GET /api/v1/sessions/{id}/recording HTTP/1.1\r\nHost: {nodes.b.address}\r\n"
        f"Cookie: {nodes.cookies['mira']['Cookie']}\r\n\r\n".encode()
    )
    try:
        await comes_true(lambda: answering.n_open == 1)
        (answer,) = answering._answers.values()
        await comes_true(lambda: len(answer._held) == PIECE_BYTES)
    finally:
        reader.close()
    await comes_true(lambda: answering.n_open == 0)


# --- The same checks ----------------------------------------------------------------


class Elsewhere(Clinic):
    """The people of the table of access, who all come in at the other node."""

    node: House

    async def ask(
        self, actor: str, method: str, path: str, body: object = None
    ) -> httpx.Response:
        headers = self.headers[actor]
        json = None if method in ("GET", "DELETE") else body
        return await self.node.anyone.request(method, path, json=json, headers=headers)

    @property
    def codes(self) -> Codes:
        return codes_of(self.node.context, self.accounts["researcher"])


async def test_nobody_may_more_on_another_node(
    start_house: Start, shared_store: Path
) -> None:
    nodes = Nodes(start_house, in_one_file(shared_store))
    async with nodes.node("a") as a, nodes.node("b") as b:
        clinic = await _clinic(nodes, a)
        await b.context.consents.refresh()
        routes = [one for one in MAY if "/sessions/{id}" in one[1]]
        routes += [one for one in MAY if "/recordings/{id}" in one[1]]
        assert len(routes) >= 18
        wrong = []
        for method, path in sorted({*routes} - ENDS):
            for actor in ACTORS:
                at = _path(clinic, actor, path)
                body = {"this": "is no body of any route"}
                clinic.node = a
                there = await clinic.ask(actor, method, at, body)
                clinic.node = b
                here = await clinic.ask(actor, method, at, body)
                same = here.status_code == there.status_code
                if here.headers["content-type"].endswith("json") and same:
                    same = here.json() == there.json() or here.status_code == 200
                if not same or _in(here) is not (actor in MAY[method, path]):
                    wrong.append((method, path, actor, there.text, here.text))
        assert not wrong, "\n".join(map(str, wrong))
        # Who looked stands in the audit once, with where they asked from.
        looks = a.store.audit.newest(1000)
        assert {row.origin for row in looks if row.action == "report"} == {"127.0.0.1"}
        assert await _gone(clinic, nodes, b)


async def _clinic(nodes: Nodes, a: House) -> Elsewhere:
    accounts = {
        actor: a.store.accounts.add(
            name=actor, display=actor.title(), role=_role(actor), password_hash="none"
        )
        for actor in ACTORS
        if actor not in ("nobody", "program")
    }
    for node in nodes.running.values():
        node.context.sign_ins.become_shared()
        node.anyone.cookies.clear()
    spare = next(iter(accounts.values()))
    headers = {"nobody": {}, "program": dict(BEARER)}
    clinic = Elsewhere(a, accounts, headers, spare)
    clinic.node = a
    for actor in accounts:
        clinic.headers[actor] = clinic.cookie(actor)
    await _consents(clinic)
    begin = ("patient", "POST", "/api/v1/sessions", {"strap": SIMULATED_ID})
    clinic.ended_id = (await clinic.ask(*begin)).json()["id"]
    await nodes.pass_time(2)
    await clinic.ask("patient", "POST", f"/api/v1/sessions/{clinic.ended_id}/stop")
    await a.context.conductor._tasks.wait(30)
    clinic.live_id = (await clinic.ask(*begin)).json()["id"]
    return clinic


async def _gone(clinic: Elsewhere, nodes: Nodes, b: House) -> bool:
    """Cut the other node off, and ask everybody's questions again."""
    await nodes.a.context.bus.close()
    for actor in ACTORS:
        for path in (
            f"/api/v1/sessions/{clinic.live_id}/sharing",
            f"/api/v1/recordings/{clinic.ended_id}/series",
        ):
            answer = await clinic.ask(actor, "GET", path)
            knows = actor in ("patient", "therapist")
            expected = {503} if knows else {401, 403, 404}
            assert answer.status_code in expected, (actor, path, answer.text)
    return True


async def test_a_node_that_is_gone_is_said_at_once(nodes: Nodes) -> None:
    b = nodes.b
    async with nodes.node("c") as c:
        ended, live = await nodes.ended(c), await nodes.begin(c)
        row = b.store.find_session(live)
        assert row is not None
        assert row.node == c.context.origin
    began = time.monotonic()
    answer = await nodes.ask(b, "mira", "GET", f"/sessions/{ended}/recording")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cannot be reached" in answer.json()["detail"]
    assert time.monotonic() - began < 1
    assert (await nodes.ask(b, "mira", "GET", f"/sessions/{ended}")).status_code == 200
    assert (await nodes.ask(b, "tom", "GET", f"/sessions/{ended}")).status_code == 404
    ratings = await nodes.ask(b, "mira", "GET", f"/sessions/{live}/ratings")
    assert ratings.status_code == 200


async def test_what_may_have_arrived_is_not_said_to_be_lost(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await nodes.begin(nodes.a)
        buses[1].loses_answer = lambda asked: asked.subject.startswith("http.")
        path = f"/sessions/{id}/events"
        told = await nodes.ask(nodes.b, "mira", "POST", path, {"type": "cough"})
        assert (told.status_code, told.json()["reason"]) == (503, "unknown")
        assert "may have arrived" in told.json()["detail"]
        live = nodes.a.context.conductor.session(id)
        assert live is not None
        await comes_true(lambda: [e.type for e in live.pipeline.entries] == ["cough"])
        buses[1].is_cut = True
        told = await nodes.ask(nodes.b, "mira", "POST", path, {"type": "cough"})
        assert "cannot be reached" in told.json()["detail"]


async def test_all_that_one_has_elsewhere_is_asked_for_at_once(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        a, asked = nodes.a, list[Delivery]()
        ids = [await nodes.ended(a), await nodes.ended(a)]

        def is_lost(delivery: Delivery) -> bool:
            asked.append(delivery)
            return False

        buses[1].loses_answer = is_lost
        mira = nodes.b.store.person(nodes.accounts["mira"].person_id)
        kept = await kept_elsewhere(nodes.b.context, mira)
        assert kept == dict.fromkeys(ids, a.context.origin)
        assert len(asked) == 1


async def test_a_download_that_breaks_off_is_no_whole_file(nodes: Nodes) -> None:
    id = await nodes.ended(nodes.a)
    nodes.file_of(nodes.a, id).write_bytes(bytes(32 * MIB))
    path = f"/api/v1/sessions/{id}/recording"
    headers = nodes.cookies["mira"]
    async with nodes.b.anyone.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        await nodes.a.context.bus.close()
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()


async def test_any_node_with_the_file_will_do(nodes: Nodes) -> None:
    async with nodes.node("c") as c:
        id = await nodes.ended(c)
        copy = nodes.file_of(nodes.a, id)
        copy.parent.mkdir(parents=True)
        shutil.copy(nodes.file_of(c, id), copy)
        content = copy.read_bytes()
    answer = await nodes.ask(nodes.b, "mira", "GET", f"/sessions/{id}/recording")
    assert answer.content == content
    assert nodes.a.context.conductor.session(id) is None


# --- Never in a circle, and nothing hidden in it ------------------------------------


async def test_what_arrived_goes_no_further(nodes: Nodes) -> None:
    id = await nodes.ended(nodes.a)
    path, cookie = f"/api/v1/sessions/{id}/recording", cookie_of(nodes, "mira")
    ask = Ask(method="GET", path=path, cookie=cookie)
    # A third one asks B for what lies at A: B says what it has, and asks nobody.
    b = nodes.b.context
    piece = await asked(nodes.a, b.origin, ask)
    assert piece.status == 404
    there = await asked(nodes.b, nodes.a.context.origin, ask)
    assert there.status == 200
    has = await asked(nodes.a, b.origin, Has(sessions=(id,)))
    assert (has.status, ids_of(has.data)) == (200, frozenset())
    # Whoever ran it and has lost the file says so.
    nodes.file_of(nodes.a, id).unlink()
    answer = await nodes.ask(nodes.b, "mira", "GET", f"/sessions/{id}/recording")
    assert answer.status_code == 404
    assert "has no recording" in answer.json()["detail"]


SOUND = Ask(method="GET", path=f"/api/v1/sessions/{'A' * 26}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "/api/v1/sign-in/password", "method": "POST"},
        {"path": "/api/v1/my-data"},
        {"path": f"/api/v1/sessions/{'A' * 26}/../../audit"},
        {"path": f"/api/v1/sessions/{'A' * 26}\n"},
        {"method": "TRACE"},
        {"query": "a=1 HTTP/1.1\r\nX: y"},
        {"cookie": "a; b=c"},
        {"cookie": "a\r\nx: y"},
        {"headers": (("host", "evil.example"),)},
        {"headers": (("cookie", "a=b"),)},
        {"headers": (("accept", "a\r\nx: y"),)},
        {"headers": (("x-forwarded-for", "10.0.0.1"),)},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_only_what_is_about_one_session_travels(wrong: dict[str, Any]) -> None:
    assert SOUND.is_sound()
    fields = {name: getattr(SOUND, name) for name in SOUND.__struct_fields__}
    assert not Ask(**{**fields, **wrong}).is_sound()


async def test_nothing_else_is_answered_on_the_bus(nodes: Nodes) -> None:
    a = nodes.a.context
    wrong = await asked(nodes.b, a.origin, Ask(method="GET", path="/api/v1/audit"))
    assert wrong.status == 400
    data = await nodes.b.context.bus.request(subject_of(a.origin), b"\xc1")
    assert piece_of(data).status == 400
    unknown = await asked(nodes.b, a.origin, More(id="nobody's"))
    assert unknown.broken
    assert not (await asked(nodes.b, a.origin, Leave(id="nobody's"))).more
    nobody = await asked(nodes.b, a.origin, SOUND)
    assert nobody.status == 401


async def test_an_answer_signs_nobody_in_and_hides_no_header(nodes: Nodes) -> None:
    b = nodes.b
    id = await nodes.ended(nodes.a)
    row = b.store.find_session(id)
    assert row is not None
    bus = nodes.wires.another()
    answers = [
        Piece(status=404),  # it has no file
        Piece(
            status=200,
            headers=(
                ("content-type", "text/plain\r\nset-cookie: a=b"),
                ("content-disposition", "attachment\n"),
                ("set-cookie", "a=b"),
                ("location", "https://evil.example"),
                ("etag", '"7"'),
            ),
            data=b"hello",
        ),
    ]

    async def answer(_: Delivery) -> bytes:
        return encode(answers.pop(0))

    origin = nodes.a.context.origin
    await nodes.a.context.answering.close()
    await bus.answer(subject_of(origin), answer)
    got = await nodes.ask(b, "mira", "GET", f"/sessions/{id}/recording")
    assert (got.status_code, got.content) == (200, b"hello")
    assert got.headers["etag"] == '"7"'
    for name in ("content-type", "content-disposition", "set-cookie", "location"):
        assert name not in got.headers

    for data in (encode(Piece(status=404)), b"\xc1"):
        answers[:] = [Piece(status=404)]

        async def garbled(delivery: Delivery, data: bytes = data) -> bytes:
            return data if not answers else encode(answers.pop())

        await bus.close()
        bus = nodes.wires.another()
        await bus.answer(subject_of(origin), garbled)
        got = await nodes.ask(b, "mira", "GET", f"/sessions/{id}/recording")
        assert got.status_code == (404 if data != b"\xc1" else 503)
    await bus.close()


OTHER = "node.N-000000"


@contextlib.asynccontextmanager
async def answered_by(
    nodes: Nodes, app: FastAPI | None = None, **limits: float
) -> AsyncIterator[Answering]:
    """Let a third name answer: for a node with other limits, or with another app."""
    a = nodes.a.context
    answering = Answering(
        a.bus,
        OTHER,
        settings=a.settings,
        conductor=a.conductor,
        store=a.store,
        **limits,
    )
    app = app or a.answering._app
    assert app is not None
    answering.serve(app)
    await answering.open()
    yield answering
    await answering.close()


def cookie_of(nodes: Nodes, who: str) -> str:
    return nodes.cookies[who]["Cookie"].partition("=")[2]


async def test_an_answer_that_nobody_asks_for_is_let_go(nodes: Nodes) -> None:
    id = await nodes.ended(nodes.a)
    nodes.file_of(nodes.a, id).write_bytes(bytes(MIB))
    path, cookie = f"/api/v1/sessions/{id}/recording", cookie_of(nodes, "mira")
    async with answered_by(nodes, within_s=30.0, idle_s=0.05) as answering:
        ask = Ask(method="GET", path=path, cookie=cookie)
        piece = await asked(nodes.b, OTHER, ask)
        assert piece.status == 200
        assert len(piece.data) == PIECE_BYTES
        assert piece.more
        await comes_true(lambda: answering.n_open == 0)
        assert (await asked(nodes.b, OTHER, More(id=piece.id))).broken


async def test_an_answer_that_takes_its_time_is_waited_for(nodes: Nodes) -> None:
    app, done = FastAPI(), asyncio.Event()

    @app.get("/api/v1/sessions/{id}")
    async def session(id: str) -> str:
        await done.wait()
        return id

    async with answered_by(nodes, app, within_s=0.01) as answering:
        piece = await asked(nodes.b, OTHER, SOUND)
        assert (piece.status, piece.more) == (None, True)
        piece = await asked(nodes.b, OTHER, More(id=piece.id))
        assert (piece.status, piece.more) == (None, True)
        done.set()
        while piece.status is None:
            piece = await asked(nodes.b, OTHER, More(id=piece.id))
        assert piece.status == 200
        assert not piece.more
        assert piece.data == b'"' + b"A" * 26 + b'"'
        await comes_true(lambda: answering.n_open == 0)


async def test_an_answer_that_fails_in_its_middle_says_so(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()

    @app.get("/api/v1/sessions/{id}")
    async def session(id: str) -> StreamingResponse:
        def some() -> Iterator[bytes]:
            yield b"half"
            raise OSError(f"the disk of {id}")

        return StreamingResponse(some(), headers={"content-length": "8"})

    async with answered_by(nodes, app):
        piece = await asked(nodes.b, OTHER, SOUND)
        assert (piece.status, piece.data) == (200, b"half")
        assert piece.broken
        assert not piece.more
    assert "could not be answered" in caplog.text
