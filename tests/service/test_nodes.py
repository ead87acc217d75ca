"""A viewer on one node sees, marks and steers a session on another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from biofeedback.bus import Bus, Delivery
from biofeedback.bus.nats import NatsBus
from biofeedback.model import Signal
from biofeedback.service.elsewhere.envelopes import (
    LARGEST_BYTES,
    WITHHELD,
    Ad,
    Order,
    decode_envelope,
    decode_question,
)
from biofeedback.service.elsewhere.mirror import Mirror
from biofeedback.service.elsewhere.neighbours import as_said
from biofeedback.service.elsewhere.offer import NodeOffer
from biofeedback.service.elsewhere.offering import Offering
from biofeedback.service.elsewhere.steering import Orders
from biofeedback.service.following import Following
from biofeedback.service.problems import Problem
from biofeedback.service.watchers import Watchers
from biofeedback.session.clock import ManualClock
from biofeedback.session.counts import SessionCounts
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.store import Purpose, Stream
from biofeedback.wire.samples import decode_samples
from tests.nats_server import NatsServer
from tests.service.conftest import House, Start, comes_true, message, until
from tests.service.nodes import Nodes, in_one_file, lossy, two_nodes
from tests.service.ward import RATING, event, goodbye, send, so_far


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@pytest.fixture(params=["in_process", "nats"])
def new_bus(request: pytest.FixtureRequest) -> Callable[[], Bus] | None:
    if request.param == "in_process":
        return None
    server: NatsServer = request.getfixturevalue("server")
    return lambda: NatsBus(server.url, name="node")


@pytest.fixture
async def nodes(
    start_house: Start, shared_store: Path, new_bus: Callable[[], Bus] | None
) -> AsyncIterator[Nodes]:
    """Give two nodes, on a bus of each kind."""
    opened = two_nodes(start_house, in_one_file(shared_store), new_bus=new_bus)
    async with opened as nodes:
        yield nodes


@pytest.fixture
async def near(start_house: Start, shared_store: Path) -> AsyncIterator[Nodes]:
    """Give two nodes of one process."""
    async with two_nodes(start_house, in_one_file(shared_store)) as nodes:
        yield nodes


# --- What the tests do --------------------------------------------------------------


def running(node: House, id: str) -> LiveSession:
    live = node.context.conductor.session(id)
    assert live is not None
    return live


def mirror(node: House, id: str) -> Mirror:
    (found,) = (m for m in node.context.neighbours.mirrors if m.id == id)
    return found


def offering(node: House) -> Offering:
    (found,) = (one for one in node.context.beside if isinstance(one, Offering))
    return found


@contextlib.asynccontextmanager
async def room_of(
    nodes: Nodes, node: House, who: str = "kim"
) -> AsyncIterator[ClientConnection]:
    uri = f"ws://{node.address}/api/v1/room"
    async with connect(
        uri, compression=None, max_queue=None, additional_headers=nodes.cookies[who]
    ) as socket:
        yield socket


async def share(nodes: Nodes, id: str, state: str = "on", *, by: str = "mira") -> None:
    path = f"/sessions/{id}/sharing"
    await nodes.done(nodes.a, by, "PUT", path, {"state": state})


async def known(nodes: Nodes, id: str) -> None:
    """Wait until both know that there is this session, and what is consented to."""
    b = nodes.b.context
    await comes_true(lambda: b.neighbours.neighbour(id) is not None)
    await comes_true(lambda: b.consents.holding() == nodes.a.context.consents.holding())


async def shared(nodes: Nodes) -> str:
    """Begin a session at A that mira shares with kim."""
    await nodes.consent(nodes.a)
    id = await nodes.begin(nodes.a)
    await share(nodes, id)
    await known(nodes, id)
    return id


@contextlib.asynccontextmanager
async def watch(
    nodes: Nodes, node: House, who: str, id: str, *, since: int | None = None
) -> AsyncIterator[ClientConnection]:
    headers = nodes.cookies[who]
    async with node.watch(id, headers=headers, since=since) as socket:
        yield socket


async def caught_up(nodes: Nodes, id: str) -> None:
    """Wait until B has all that A has said, and nothing waits for any viewer."""
    live, there = running(nodes.a, id), mirror(nodes.b, id)

    def nothing_waits() -> bool:
        viewers = (*live.hub._viewers, *there.hub._viewers)
        return there.hub.last_seq == live.hub.last_seq and not any(
            viewer._live or viewer._kept for viewer in viewers
        )

    await comes_true(nothing_waits)


async def seen(socket: ClientConnection) -> list[dict[str, Any]]:
    return [m for m in await so_far(socket) if m["kind"] != "hello"]


# --- Seeing -------------------------------------------------------------------------


async def test_the_same_bytes_on_both_nodes(nodes: Nodes) -> None:
    id = await shared(nodes)
    await nodes.pass_time(3)
    async with (
        watch(nodes, nodes.a, "kim", id) as at_a,
        watch(nodes, nodes.b, "kim", id) as at_b,
        watch(nodes, nodes.a, "mira", id) as own_at_a,
        watch(nodes, nodes.b, "mira", id) as own_at_b,
    ):
        await nodes.pass_time(3)
        await caught_up(nodes, id)
        shared_a, shared_b = await seen(at_a), await seen(at_b)
        assert shared_a == shared_b
        assert {"heart", "beat", "metrics", "event", "pacer"} <= {
            m["kind"] for m in shared_a
        }
        own_a, own_b = await seen(own_at_a), await seen(own_at_b)
        assert own_a == own_b
        assert [m["seq"] for m in own_a] == list(range(1, own_a[-1]["seq"] + 1))


async def test_since_on_whichever_node(near: Nodes) -> None:
    id = await shared(near)
    whole: list[dict[str, Any]] = []
    for node in (near.a, near.b, near.a, near.b, near.b):
        since = whole[-1]["seq"] if whole else None
        async with watch(near, node, "mira", id, since=since) as socket:
            await until(socket, "hello")
            await near.pass_time(1.5)
            if near.b.context.neighbours.mirrors:
                await caught_up(near, id)
            whole += await seen(socket)
    last = running(near.a, id).hub.last_seq
    async with watch(near, near.b, "mira", id, since=last) as socket:
        assert (await message(socket))["seq"] == last
        assert await seen(socket) == []
    seqs = [m["seq"] for m in whole]
    assert seqs == list(range(1, seqs[-1] + 1)), "no hole, and nothing twice"


async def test_a_node_that_told_more_than_the_other_has_yet(
    start_house: Start, shared_store: Path
) -> None:
    """The page comes from A and knows more than B: B gets that first."""
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        async with watch(nodes, nodes.b, "mira", id) as socket:
            await until(socket, "hello")
            buses[0].becomes = lambda _: iter(())  # nothing comes through any more
            await nodes.pass_time(1.5)
            last = running(nodes.a, id).hub.last_seq
            assert mirror(nodes.b, id).hub.last_seq < last
            async with watch(nodes, nodes.b, "mira", id, since=last) as hopped:
                assert await seen(hopped) == [], "what A told is not told again"
            await caught_up(nodes, id)
            seqs = [m["seq"] for m in await seen(socket)]
            assert seqs == list(range(1, last + 1))


# --- Steering -----------------------------------------------------------------------


async def test_what_a_therapist_does_at_another_node(nodes: Nodes) -> None:
    id = await shared(nodes)
    live, kim = running(nodes.a, id), nodes.accounts["kim"].code
    async with (
        watch(nodes, nodes.a, "mira", id) as hers,
        watch(nodes, nodes.b, "kim", id) as his,
    ):
        await send(his, "annotate", type="cough")
        await send(his, "say", text="slowly")
        await send(his, "pacer.propose", rate_bpm=5.5)
        proposal = await event(hers, "pacer_proposed")
        assert proposal["by"] == kim
        await send(hers, "pacer.accept", proposal=proposal["id"])
        assert (await event(his, "pacer_accepted"))["text"] == proposal["id"]
        assert live.pipeline.schedule[-1].rate_bpm == 5.5
        await send(his, "annotate", type="thought")
        error = await until(his, "error")
        assert "no mark of the room" in error["detail"]
        await send(his, "rate", **RATING)
        assert "Only the person" in (await until(his, "error"))["detail"]
        await send(his, "ping", client_time_ms=7)
        clock = await until(his, "clock")
        assert clock["session_ms"] == live.clock.now_ns() / 1e6
    written = [(e.type, e.by) for e in live.pipeline.entries if e.by == kim]
    assert written[:4] == [
        ("watching", kim),
        ("cough", kim),
        ("message", kim),
        ("pacer_proposed", kim),
    ]


async def test_ones_own_page_at_another_node(near: Nodes) -> None:
    id = await shared(near)
    live = running(near.a, id)
    async with watch(near, near.b, "mira", id) as hers:
        await send(hers, "rate", **RATING)
        assert (await event(hers, "arousal"))["by"] == "person"
        await send(hers, "hand", up=True)
        assert (await event(hers, "hand"))["text"] == "up"
        await send(hers, "pacer.set", rate_bpm=7)
        await until(hers, "pacer")
        await send(hers, "say", text="hello")
        assert "Only a therapist" in (await until(hers, "error"))["detail"]
        await send(hers, "pacer.set", rate_bpm=99)
        assert (await until(hers, "error"))["advice"]
        await send(hers, "stop")
        assert (await goodbye(hers))[0] == 1000
    assert live.ended.is_set()
    (rating,) = near.a.store.ratings(id)
    assert rating.in_recording
    async with watch(near, near.b, "mira", id) as late:
        code, _, told = await goodbye(late)
    assert code == 1000, "the last messages, for a page that comes back"
    assert told[-1]["seq"] == live.hub.last_seq


async def test_a_command_is_followed_once_and_honest_about_it(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        lost: list[bytes] = []

        def loses(times: int) -> Callable[[Delivery], bool]:
            def is_lost(delivery: Delivery) -> bool:
                if isinstance(decode_question(delivery.data), Order):
                    lost.append(delivery.data)
                    return len(lost) <= times
                return False

            lost.clear()
            return is_lost

        def marks() -> int:
            entries = running(nodes.a, id).pipeline.entries
            return sum(e.type == "cough" for e in entries)

        async with watch(nodes, nodes.b, "kim", id) as his:
            await until(his, "hello")
            buses[1].loses_answer = loses(1)
            await send(his, "annotate", type="cough")
            assert [m for m in await so_far(his) if m["kind"] == "error"] == []
            assert (len(lost), marks()) == (2, 1), "asked again, and followed once"
            buses[1].loses_answer = loses(2)
            await send(his, "annotate", type="cough")
            error = await until(his, "error")
            assert error["reason"] == "unknown"
            assert "may have arrived" in error["detail"]
            assert marks() == 2


# --- Who may see it -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["pause", "stop", "revoke"])
async def test_what_is_taken_back_at_one_node_stops_at_the_other(
    how: str, nodes: Nodes
) -> None:
    id = await shared(nodes)
    async with watch(nodes, nodes.b, "kim", id) as his:
        await until(his, "hello")
        await nodes.pass_time(1.5)
        await caught_up(nodes, id)
        assert "heart" in {m["kind"] for m in await seen(his)}
        if how == "revoke":
            await nodes.done(nodes.a, "mira", "POST", "/consents/revoke", {})
        else:
            await share(nodes, id, "paused" if how == "pause" else "off")
        await nodes.pass_time(2)
        if how == "pause":
            await caught_up(nodes, id)
            (told,) = await seen(his)
            assert told["text"] == "paused", "that it rests, and no more"
            await share(nodes, id)
            await event(his, "sharing")
            await nodes.pass_time(1)
            await until(his, "heart")
        else:
            code, _, late = await goodbye(his)
            assert code == 4403
            assert {m["kind"] for m in late} <= {"event"}


async def test_what_is_revoked_is_not_sent_even_where_the_bus_forgets_to_say_so(
    start_house: Start, shared_store: Path
) -> None:
    """Neither the nodes' own talk of consents arrives, nor what the session said of it.

    Then the next that arrives shows that something is missing, and waits for it.
    """
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        async with watch(nodes, nodes.b, "kim", id) as his:
            await until(his, "hello")
            await nodes.pass_time(2)
            await caught_up(nodes, id)
            await seen(his)
            lost: list[str] = []

            def forgets(delivery: Delivery) -> Iterator[Delivery]:
                kind = delivery.subject.partition(".")[0]
                if kind == "consents" or (kind == "live" and "live" not in lost):
                    lost.append(kind)
                    return
                yield delivery

            buses[0].becomes = forgets
            await nodes.done(nodes.a, "mira", "POST", "/consents/revoke", {})
            await comes_true(lambda: {"live", "consents"} <= set(lost))
            assert nodes.b.context.consents.holding(), "B has not heard of it"
            await nodes.a.pass_time(2)
            code, why, told = await goodbye(his)
            assert (code, told) == (4403, []), why


async def test_strangers_learn_nothing_and_cost_nothing(near: Nodes) -> None:
    id = await shared(near)
    for who in ("tom", "lee", "ada", "root"):
        async with watch(near, near.b, who, id) as socket:
            assert (await goodbye(socket))[::2] == (4404, []), who
    assert near.b.context.neighbours.mirrors == ()


async def test_a_consent_ends_by_the_time_of_the_origin(near: Nodes) -> None:
    """B's clock is an hour slow: it would let kim look for an hour too long."""
    near.b.utc_ns[0] -= 3600 * 10**9
    id = await shared(near)
    async with watch(near, near.b, "kim", id) as his:
        await until(his, "hello")
        near.a.utc_ns[0] += 30 * 86_400 * 10**9 + 10**9
        near.b.utc_ns[0] += 30 * 86_400 * 10**9 + 10**9
        kim, mira = near.accounts["kim"].id, near.accounts["mira"].person_id
        streams = near.b.context.consents.streams(kim, mira, Purpose.LIVE)
        assert streams, "by B's clock it still holds"
        near.sign_in("kim")
        await near.pass_time(4)
        assert (await goodbye(his))[0] == 4403


# --- The room -----------------------------------------------------------------------


async def test_the_room_of_another_node(near: Nodes) -> None:
    async with room_of(near, near.b) as room:
        assert (await until(room, "room"))["tiles"] == []
        await near.consent(near.a)
        await near.consent(near.a, by="tom")
        hers = await near.begin(near.a)
        his = await near.begin(near.b, "tom")
        await share(near, hers)
        path = f"/sessions/{his}/sharing"
        await near.done(near.b, "tom", "PUT", path, {"state": "on"})
        listed = (await until(room, "room"))["tiles"]
        while len(listed) < 2:
            listed = (await until(room, "room"))["tiles"]
        assert [tile["session"] for tile in listed] == [hers, his], "A's and B's"
        assert listed[0]["person"] == near.accounts["mira"].person_id
        await send(room, "say", session=hers, text="slowly")
        told = (await until(room, "tile"))["message"]
        while told.get("type") != "message":
            told = (await until(room, "tile"))["message"]
        entries = running(near.a, hers).pipeline.entries
        assert {"watching", "message"} <= {e.type for e in entries}
        await send(room, "ping", client_time_ms=1)
        assert (await until(room, "pong"))["sessions"].keys() == {hers, his}
        async with watch(near, near.a, "mira", hers) as page:
            await send(page, "hand", up=True)
            assert (await until(room, "room"))["tiles"][0]["hand"]
        await share(near, hers, "paused")
        assert (await until(room, "room"))["tiles"][0]["sharing"] == "paused"
        await share(near, hers, "off")
        (tile,) = (await until(room, "room"))["tiles"]
        assert tile["session"] == his
    await comes_true(lambda: not near.b.context.rooms._attending)


async def test_who_watches_at_two_nodes_is_told_of_once(near: Nodes) -> None:
    id = await shared(near)
    kim = near.accounts["kim"].code

    def said() -> list[str | None]:
        entries = running(near.a, id).pipeline.entries
        return [e.text for e in entries if e.type == "watching" and e.by == kim]

    async with watch(near, near.b, "kim", id) as at_b:
        await until(at_b, "hello")
        assert said() == ["on"], "before anything is shown"
        async with watch(near, near.a, "kim", id) as at_a:
            await until(at_a, "hello")
    await near.pass_time(4)
    assert said() == ["on"]
    await near.pass_time(8)
    await comes_true(lambda: said() == ["on", "off"])

    def audited() -> list[str]:
        rows = near.a.store.audit.newest(20)
        return sorted(row.action for row in rows if row.action.startswith("watch."))

    await comes_true(lambda: audited() == ["watch.begin"] * 2 + ["watch.end"] * 2)


# --- Loss ---------------------------------------------------------------------------


async def test_a_node_that_dies(nodes: Nodes) -> None:
    id = await shared(nodes)
    async with room_of(nodes, nodes.b) as room, watch(nodes, nodes.b, "kim", id) as his:
        await until(room, "tile")
        await until(his, "hello")
        await seen(his)
        await nodes.a.context.bus.close()  # no goodbye
        await send(his, "annotate", type="cough")
        error = await until(his, "error")
        assert error["detail"] == "This session's computer cannot be reached now."
        await nodes.b.pass_time(9)
        code, why, _ = await goodbye(his)
        assert (code, why) == (1013, error["detail"])
        while (await until(room, "room"))["tiles"]:
            pass
        async with watch(nodes, nodes.b, "kim", id, since=3) as again:
            assert (await goodbye(again))[0] == 1013, "it may be back in a moment"
        async with watch(nodes, nodes.b, "tom", id) as stranger:
            assert (await goodbye(stranger))[0] == 4404
        await nodes.b.context.bus.close()
        async with watch(nodes, nodes.b, "tom", "A" * 26) as nobody:
            assert (await goodbye(nobody))[0] == 1013, "who knows what is elsewhere"


async def test_the_watchers_of_a_node_that_dies(near: Nodes) -> None:
    id = await shared(near)
    live = running(near.a, id)

    def watching() -> frozenset[str]:
        return near.a.context.rooms.state(live).watching

    async with watch(near, near.b, "kim", id) as his:
        await until(his, "hello")
        assert watching() == {near.accounts["kim"].code}
        await near.b.context.bus.close()
        await near.a.pass_time(5)
        assert watching(), "not at once"
        await near.a.pass_time(8)
        await comes_true(lambda: not watching())


async def test_a_session_that_is_back_goes_on(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        kim = nodes.accounts["kim"].code
        async with (
            watch(nodes, nodes.b, "mira", id) as hers,
            watch(nodes, nodes.b, "kim", id) as his,
        ):
            await until(hers, "hello")
            await until(his, "hello")
            buses[0].is_cut = True
            await nodes.pass_time(8)
            code, _, told = await goodbye(hers)
            assert code == (await goodbye(his))[0] == 1013
        buses[0].is_cut = False
        await nodes.pass_time(2)
        await known(nodes, id)
        last = told[-1]["seq"]
        async with watch(nodes, nodes.b, "kim", id, since=last) as his:
            await until(his, "hello")  # sooner than anybody noticed that they had gone
            state = nodes.a.context.rooms.state(running(nodes.a, id))
            assert state.watching == {kim}
        async with watch(nodes, nodes.b, "mira", id, since=last) as hers:
            await until(hers, "hello")
            await caught_up(nodes, id)
            seqs = [m["seq"] for m in await seen(hers)]
        assert seqs == list(range(last + 1, running(nodes.a, id).hub.last_seq + 1))


async def test_a_link_that_is_lost_for_a_moment(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        async with watch(nodes, nodes.b, "mira", id) as hers:
            await until(hers, "hello")
            buses[0].is_cut = True
            await nodes.pass_time(4)
            assert mirror(nodes.b, id).hub.last_seq < running(nodes.a, id).hub.last_seq
            buses[0].is_cut = False
            await nodes.pass_time(2)
            await caught_up(nodes, id)
            seqs = [m["seq"] for m in await seen(hers)]
        assert seqs == list(range(1, seqs[-1] + 1))


async def test_holes_doubles_and_disorder_on_the_bus(
    start_house: Start, shared_store: Path
) -> None:
    async with lossy(start_house, shared_store) as (nodes, buses):
        id = await shared(nodes)
        chance, late = random.Random(8), list[Delivery]()

        def mangled(delivery: Delivery) -> Iterator[Delivery]:
            if not delivery.subject.startswith("live."):
                yield delivery
            elif chance.random() < 0.3:
                late.append(delivery)  # and perhaps it never comes
            else:
                yield delivery
                yield from chance.sample(late, k=len(late) // 2)

        buses[0].becomes = mangled
        async with (
            watch(nodes, nodes.a, "mira", id) as at_a,
            watch(nodes, nodes.b, "mira", id) as at_b,
        ):
            await until(at_b, "hello")
            await nodes.pass_time(12)
            await caught_up(nodes, id)
            assert await seen(at_b) == await seen(at_a)
        assert mirror(nodes.b, id).n_asked_again > 3


async def test_more_than_a_link_takes_is_asked_for(near: Nodes) -> None:
    """The queue of a session overflows while the bus does not take anything."""
    id = await shared(near)
    live = running(near.a, id)
    async with watch(near, near.b, "mira", id) as hers:
        await until(hers, "hello")
        await caught_up(near, id)
        first = live.hub.last_seq + 1
        for seq in range(first, first + 3000):  # at once: nobody else has a turn
            told = {"v": 1, "seq": seq, "t_ms": 0, "kind": "heart"}
            data = json.dumps({**told, "hr_bpm": "6" * 1000}).encode()
            live.hub.publish(Message(seq=seq, kind="heart", t_ms=0.0, data=data))
        await comes_true(lambda: mirror(near.b, id).hub.last_seq == first + 2999)
        held = live.hub.held(0)
        assert sum(len(one.data) for one in held) > 2 * LARGEST_BYTES, "several pages"
        assert mirror(near.b, id).hub.held(first) == live.hub.held(first)
        gaps = [m for m in await seen(hers) if m["kind"] == "gap"]
        assert gaps, "what even A no longer holds is told of as a gap"


# --- Cost ---------------------------------------------------------------------------


async def test_only_while_somebody_looks(near: Nodes) -> None:
    sent: list[Delivery] = []
    listening = await near.b.context.bus.subscribe("live.>", sent.append)
    id = await shared(near)
    await near.pass_time(3)
    assert sent == []
    async with watch(near, near.b, "kim", id) as his:
        await until(his, "hello")
        await near.pass_time(2)
        assert sent
        assert not [
            m
            for one in sent
            for m in decode_envelope(one.data).messages
            if m.signal is not None
        ]
    await comes_true(lambda: mirror(near.b, id).hub.n_viewers == 0)
    await near.pass_time(31)
    assert near.b.context.neighbours.mirrors == ()
    await comes_true(lambda: not offering(near.a).n_sent)
    sent.clear()
    await near.pass_time(3)
    assert sent == []
    await listening.close()


async def test_samples_travel_only_to_who_wants_them(near: Nodes) -> None:
    id = await shared(near)
    sent: list[Delivery] = []
    listening = await near.b.context.bus.subscribe("live.>", sent.append)

    def frames() -> int:
        return sum(decode_envelope(one.data).frames for one in sent)

    async with watch(near, near.b, "mira", id) as hers:
        await send(hers, "signals", signals=[{"signal": "ecg"}])
        await until(hers, "signals")
        await near.pass_time(3)
        assert frames() == 0
        await send(hers, "traces", signals=["ecg"])
        await comes_true(lambda: mirror(near.b, id).hub.wanted == {Signal.ECG})
        await near.pass_time(3)
        async with asyncio.timeout(20):
            while not isinstance(received := await hers.recv(), bytes):
                pass
        assert decode_samples(received)[1].signal is Signal.ECG
        assert frames()
    await listening.close()


async def test_a_viewer_that_stands_still_costs_nobody_else_anything(
    near: Nodes,
) -> None:
    id = await shared(near)
    live = running(near.a, id)
    async with (
        watch(near, near.b, "mira", id) as slow,
        watch(near, near.b, "mira", id) as fast,
        watch(near, near.a, "mira", id) as at_a,
    ):
        for socket in (slow, fast, at_a):
            await until(socket, "hello")
        await caught_up(near, id)
        there = mirror(near.b, id)
        slow.transport.pause_reading()
        first = live.hub.last_seq + 1
        last = first + 99
        for seq in range(first, last + 1):
            told = {"v": 1, "seq": seq, "t_ms": 0, "kind": "heart"}
            data = json.dumps({**told, "hr_bpm": "6" * 100_000}).encode()
            live.hub.publish(Message(seq=seq, kind="heart", t_ms=0.0, data=data))
        for socket in (fast, at_a):
            while (await message(socket))["seq"] < last:
                pass
        (behind,) = (one for one in there.hub._viewers if one.last_seq < last)
        assert there.hub.n_viewers == 2
        assert behind.last_seq < last - 20, "for it alone they wait"
        slow.transport.abort()


# --- What stays at its origin -------------------------------------------------------


class Sparing(NodeOffer):
    """Lets out only some kinds of messages, as a home does."""

    kinds: frozenset[str] = frozenset({"event", "heart"})
    streams: frozenset[Stream] = frozenset({Stream.HEART})
    offers = True
    trips: str = ""
    """What fails once."""

    def ad(self, live: LiveSession) -> Ad:
        self.trip("ad")
        return super().ad(live)

    def trip(self, what: str) -> None:
        if self.trips == what:
            self.trips = ""
            raise ValueError("a mistake of ours")

    def session(self, id: str) -> LiveSession | None:
        return super().session(id) if self.offers else None

    def scope(self, live: LiveSession) -> frozenset[Stream]:
        return self.streams

    def passed(self, live: LiveSession, message: Message) -> bytes | None:
        self.trip(message.kind)
        return message.data if message.kind in self.kinds else None


@contextlib.asynccontextmanager
async def at_home(near: Nodes, id: str) -> AsyncIterator[tuple[Sparing, Mirror]]:
    """Offer a session of node A as a home does, and mirror that on node B."""
    a, b = near.a.context, near.b.context
    offer = Sparing(a.conductor, a.rooms, Watchers(a.conductor.entries), a.store)
    following = Following(a.conductor, a.rooms, a.together)
    offering = Offering(
        bus=a.bus,
        presence=a.presence,
        origin="home.H-000001",
        clock=near.a.clocks[0],
        utc_ns=a.store.now_ns,
        offer=offer,
        orders=Orders(a.store, a.rooms, following, own=False),
    )
    there = Mirror(
        bus=b.bus,
        node=b.origin,
        origin="home.H-000001",
        id=id,
        clock=ManualClock(),
        counts=SessionCounts(),
        told=lambda: None,
        whose=as_said,
    )
    await offering.open()
    await there.open()
    try:
        yield offer, there
    finally:
        await there.close()
        await offering.close()


async def test_what_stays_at_its_origin_keeps_its_place(near: Nodes) -> None:
    id = await shared(near)
    a, live = near.a.context, running(near.a, id)
    async with at_home(near, id) as (offer, there):
        await near.a.pass_time(3)
        await comes_true(lambda: there.hub.last_seq == live.hub.last_seq)

        def has() -> list[tuple[int, str]]:
            return [(m.seq, m.kind) for m in there.hub.held(0)]

        whole = [(m.seq, m.kind) for m in live.hub.held(0)]
        kinds = {kind for _, kind in whole} - offer.kinds
        assert has() == [(n, WITHHELD if k in kinds else k) for n, k in whole]
        assert not any(m.data for m in there.hub.held(0) if m.kind == WITHHELD)
        offer.kinds |= {"pacer"}
        offer.streams |= {Stream.BREATHING}
        a.rooms.changed()
        await comes_true(lambda: "pacer" in {kind for _, kind in has()})
        kinds -= {"pacer"}
        assert has() == [(n, WITHHELD if k in kinds else k) for n, k in whole]
        assert there.hub.edition == 2
        with pytest.raises(Problem, match="not allowed"):
            await there.order(
                Order(id="1", command=b'{"kind":"stop"}', person_id=there.person_id)
            )
        assert not live.ended.is_set(), "nobody elsewhere acts as the person"


async def test_what_is_offered_once_more_is_not_taken_for_old(near: Nodes) -> None:
    id = await shared(near)
    a, live = near.a.context, running(near.a, id)
    async with at_home(near, id) as (offer, there):
        await near.a.pass_time(3)
        await comes_true(lambda: there.hub.last_seq == live.hub.last_seq)
        offer.offers = False
        a.rooms.changed()
        await comes_true(lambda: not there.given)
        offer.offers = True
        await near.a.pass_time(0.5)
        await there.catch_up()
        assert there.given == a.rooms.given(live) != {}
        await near.a.pass_time(3)
        await comes_true(lambda: there.hub.last_seq == live.hub.last_seq)
        assert there.n_asked_again == 0, "it came by itself"
        await near.done(near.a, "mira", "POST", "/consents/revoke", {})
        await comes_true(lambda: not there.given)


async def test_a_mistake_ends_neither_sending_nor_announcing(near: Nodes) -> None:
    id = await shared(near)
    a, live = near.a.context, running(near.a, id)
    here = near.b.context.presence.here
    async with at_home(near, id) as (offer, there):
        await comes_true(lambda: here("home.H-000001.session"))
        offer.trips = "heart"
        await near.a.pass_time(3)
        await comes_true(lambda: not offer.trips)
        await near.a.pass_time(1)
        await comes_true(lambda: there.hub.last_seq == live.hub.last_seq)
        offer.trips = "ad"
        a.rooms.changed()
        await comes_true(lambda: not offer.trips)
        await near.done(near.a, "mira", "POST", f"/sessions/{id}/stop")
        await comes_true(lambda: not here("home.H-000001.session"))


async def test_a_leave_that_is_late_ends_nothing_of_the_next(near: Nodes) -> None:
    id = await shared(near)
    b = near.b.context

    def another() -> Mirror:
        return Mirror(
            bus=b.bus,
            node=b.origin,
            origin=near.a.context.origin,
            id=id,
            clock=ManualClock(),
            counts=SessionCounts(),
            told=lambda: None,
            whose=as_said,
        )

    old, new = another(), another()
    await old.open()
    await new.open()
    await old.close()
    assert offering(near.a).n_sent == 1
    await new.close()
    assert offering(near.a).n_sent == 0


# --- Replays ------------------------------------------------------------------------


async def test_ones_own_replay_at_another_node(near: Nodes) -> None:
    original = await near.ended(near.a)
    body = {"speed": 1}
    path = f"/sessions/{original}/replay"
    id = (await near.done(near.a, "mira", "POST", path, body))["id"]
    await comes_true(lambda: near.b.context.neighbours.neighbour(id) is not None)
    async with (
        watch(near, near.a, "mira", id) as at_a,
        watch(near, near.b, "mira", id) as at_b,
    ):
        await until(at_a, "replay")
        await until(at_b, "replay")
        await send(at_b, "replay.seek", t_ms=2000)
        for socket in (at_a, at_b):
            while not (await until(socket, "replay"))["jumped"]:
                pass
        await near.pass_time(1)
        await caught_up(near, id)
        last = running(near.a, id).hub.last_seq
        for socket in (at_a, at_b):
            told = [m for m in await seen(socket) if m["kind"] != "replay"]
            assert told[-1]["seq"] == last
        await send(at_b, "replay.set", playing=False)
        while (await until(at_b, "replay"))["state"] != "paused":
            pass
        position_ms = running(near.a, id).clock.now_ns() / 1e6

        async def stands() -> bool:
            await send(at_b, "ping", client_time_ms=1)
            told: float = (await until(at_b, "clock"))["session_ms"]
            return told == position_ms

        async with asyncio.timeout(20):
            while not await stands():
                pass
