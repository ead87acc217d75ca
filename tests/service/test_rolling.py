"""Nodes are stopped and started one after another: no record is lost, no viewer."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.service.sign_ins import SignIns, cookie_name
from biofeedback.session.replay import verify
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import DEFAULT_PORT
from biofeedback.store import Role, Store
from tests.nats_server import NatsServer
from tests.postgres import PostgresServer
from tests.service.rolling import GRACE_S, Node, Page, node

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no polite kill."
)


def test_who_asks_is_told_before_it_ends(tmp_path: Path) -> None:
    with node(tmp_path, "--drain", "300") as only:
        assert only.ask("GET", "readyz").json()["ready"] is True
        id = only.done("POST", "sessions", {"strap": SIMULATED_ID})["id"]
        only.term()
        while (told := only.ask("GET", "readyz")).status_code == 200:
            pass
        assert told.json()["checks"] == {
            "running": {"ok": False, "sentence": "The service is ending."}
        }
        assert only.ask("GET", "healthz").status_code == 200
        refused = only.ask("POST", "api/v1/sessions", {"strap": SIMULATED_ID})
        assert (refused.status_code, refused.json()["detail"]) == (
            503,
            "The service is ending.",
        )
        rating = {"type": "arousal", "value": 5, "moment": "during"}
        only.done("POST", f"sessions/{id}/ratings", rating)  # what goes on goes on
        only.term()  # somebody does not want to wait
        only.waited_for()
    (recording,) = (tmp_path / "recordings").rglob("*.mcap")
    assert verify(recording).ok
    assert not list(tmp_path.rglob("*.part"))


def test_systemd_is_told_how_it_is(tmp_path: Path) -> None:
    address = str(tmp_path / "notify@clinic")
    told = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(GRACE_S)
        systemd.bind(address)
        with node(tmp_path / "data", **told) as only:
            heard = [systemd.recv(100) for _ in range(8)]
            only.term()
            only.waited_for()
        systemd.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                heard.append(systemd.recv(100))
    assert heard.count(b"WATCHDOG=1") >= 6, "its event loop turns"
    others = [text for text in heard if text != b"WATCHDOG=1"]
    assert others == [b"READY=1", b"STOPPING=1"]


async def test_viewers_stay_while_nodes_are_exchanged(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """One node records; both that show it are stopped, one after another."""
    database = postgres.fresh()
    store = Store(tmp_path / "accounts", database)
    mira = store.accounts.add(name="mira", display="Mira", role=Role.PATIENT)
    store.accounts.add(name="root", display="Root", role=Role.ADMIN)
    cookie = SignIns(store).enter(mira)
    store.close()
    headers = {"Cookie": f"{cookie_name(DEFAULT_PORT)}={cookie}"}

    with NatsServer() as bus, ExitStack() as nodes:

        def start(name: str) -> Node:
            shared = ("--database", database, "--bus", bus.url)
            return nodes.enter_context(node(tmp_path / name, *shared))

        origin, b, c = (start(name) for name in "abc")
        begin = {"strap": SIMULATED_ID}
        id = origin.done("POST", "sessions", begin, **headers)["id"]
        beside = Page(id, headers, lambda: [origin])
        others = [b, c]
        page = Page(id, headers, lambda: others)
        async with asyncio.TaskGroup() as pages:
            for one in (beside, page):
                pages.create_task(one.stay())
            await page.has_seen(5)
            b.term()
            await asyncio.to_thread(b.waited_for)
            await page.has_seen(5)
            others = [c, await asyncio.to_thread(start, "b")]
            c.term()
            await asyncio.to_thread(c.waited_for)
            others = others[1:]
            await page.has_seen(5)
            told = await asyncio.to_thread(others[0].ask, "GET", "metrics")
            # Its own sessions end with it: they are finished, and all viewers are told.
            origin.term()
            logged = await asyncio.to_thread(origin.waited_for)

    assert "biofeedback_viewers_elsewhere 1.0" in told.text
    late = re.search(r"delivery_elsewhere_seconds_count (\S+)", told.text)
    assert late is not None
    assert float(late[1]) > 0, "how long it takes from node to node is known"
    assert len(set(page.at)) == 3, "it was at each of them"
    assert page.codes[-1] == beside.codes[-1] == 1000
    assert page.codes[:-1] == [1012, 1012]
    numbers = [message["seq"] for message in page.seen]
    assert numbers == list(range(1, numbers[-1] + 1)), "no hole, and none twice"
    assert page.seen == beside.seen
    (recording,) = (tmp_path / "a" / "recordings").rglob("*.mcap")
    assert verify(recording).ok
    recorded = open_recording(recording)
    kept = [json.loads(data) for _, _, data in recorded.outputs()]
    assert kept == page.seen
    assert f"Session {id} is complete" in logged
