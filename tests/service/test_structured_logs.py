"""`--log json`: every line is an object, and tells of the service and of nobody."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from biofeedback.errors import SettingsError
from biofeedback.service.sign_ins import SignIns, cookie_name
from biofeedback.service.structured_logs import JsonLines, log_as_json, name_node
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import Role, Store
from tests.service.test_logs import (
    GRACE_S,
    GUESS,
    NAME,
    NOTE,
    PASSWORD,
    PROGRAM,
    QUERY,
    ready,
    run,
    said,
    speak_badly,
    try_to_come_in,
)

KINDS = {"time", "level", "logger", "event", "node", "exception"}
SECRETS = (GUESS, PASSWORD, PROGRAM, QUERY, NOTE, NAME)
LEVELS = {"info", "warning", "error", "critical"}

no_windows = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no polite kill."
)


def lines_of(text: str) -> list[dict[str, Any]]:
    """Return what was logged; fails when a line is no object."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "event"} <= set(line) <= KINDS
        assert line["level"] in LEVELS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    return lines


@no_windows
def test_a_busy_service(tmp_path: Path) -> None:
    store = Store(tmp_path)
    people = [
        store.accounts.add(name=name, display=NAME, role=role)
        for name, role in (("mira", Role.PATIENT), ("ada", Role.ADMIN))
    ]
    everyone = [person.pseudonym for person in store.people()]
    cookie = SignIns(store).enter(people[0])
    store.close()
    with run(tmp_path, "--log", "json") as process:
        try:
            url, _ = ready(process)
            with httpx.Client(base_url=url, timeout=30) as client:
                try_to_come_in(client)
                program = {"Authorization": f"Bearer {PROGRAM}"}
                for path in ("metrics", "readyz", f"api/v1/me?q={QUERY}"):
                    client.get(path, headers=program)
                mira = {"Cookie": f"{cookie_name(client.base_url.port or 0)}={cookie}"}
                begin = {"strap": SIMULATED_ID}
                begun = client.post("/api/v1/sessions", json=begin, headers=mira)
                at = f"/api/v1/sessions/{begun.json()['id']}"
                for body in ({"type": "note", "text": NOTE}, {"type": NOTE}, [NOTE]):
                    client.post(f"{at}/events", json=body, headers=mira)
            live = f"{url.replace('http', 'ws')}api/v1/live/{GUESS}?since={QUERY}"
            with pytest.raises(ConnectionClosed), connect(live) as socket:
                socket.recv()
            speak_badly(url)
            logged = said(process)
        finally:
            process.kill()
    assert f"Session {begun.json()['id']} began (simulated)" in {
        line["event"] for line in lines_of(logged)
    }
    secrets = [
        cookie,
        NOTE,
        GUESS,
        PASSWORD,
        PROGRAM,
        QUERY,
        NAME,
        "127.0.0.1",
        *everyone,
    ]
    for account in people:
        secrets += [account.id, account.person_id, account.code, account.name]
    for secret in secrets:
        assert secret not in logged, secret


@no_windows
def test_one_who_practises_alone(tmp_path: Path) -> None:
    with run(tmp_path, "--log", "json") as process:
        try:
            url, token = ready(process)
            with httpx.Client(base_url=url, timeout=30) as client:
                me = client.post("/api/v1/sign-in", json={"token": token}).json()
                begun = client.post("/api/v1/sessions", json={"strap": SIMULATED_ID})
                id = begun.json()["id"]
                client.post(
                    f"/api/v1/sessions/{id}/events", json={"type": "note", "text": NOTE}
                )
            logged = said(process)
        finally:
            process.kill()
    events = [line["event"] for line in lines_of(logged)]
    assert f"Session {id} began (simulated)" in events
    assert "Finishing the recordings. This takes a few seconds." in events
    nodes = {line.get("node") for line in lines_of(logged) if id in line["event"]}
    (node,) = nodes
    assert node == f"node.{(tmp_path / 'node').read_text().strip()}"
    for secret in (token, PROGRAM, NOTE, me["person"]["id"], me["person"]["pseudonym"]):
        assert secret not in logged, secret


@no_windows
@pytest.mark.parametrize(
    ("options", "code"), [(("--port", "70000"), 2), (("--host", "203.0.113.7"), 2)]
)
def test_an_error_that_ends_it_is_a_line_too(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    with run(tmp_path, "--log", "json", *options) as process:
        out, err = process.communicate(timeout=GRACE_S)
    assert (process.returncode, out) == (code, "")
    (line,) = lines_of(err)
    assert line["level"] == "error"


def test_another_format_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "biofeedback.cli", "run", "--log", "xml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "json" in done.stderr


class Kept(logging.Handler):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Give a handler that has all that is logged; all is as it was afterwards."""
    root = logging.getLogger()
    before = (root.handlers, threading.excepthook, sys.unraisablehook)
    levels = {name: logging.getLogger(name).level for name in ("biofeedback", "x")}
    handler = Kept()
    log_as_json(handler)
    yield handler
    root.handlers, threading.excepthook, sys.unraisablehook = before
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def raised(error: BaseException) -> None:
    """Log an error of a library, with a value of the caller's in every place."""
    try:
        try:
            raise KeyError(NAME)
        except KeyError as cause:
            raise error from cause
    except type(error):
        logging.getLogger("uvicorn.error").exception(
            "Exception in %s\n%s", NOTE, GUESS, stack_info=False
        )


class TestWhatIsLeftOut:
    def test_what_libraries_put_into_their_sentences(self, kept: Kept) -> None:
        logging.getLogger("sqlalchemy.pool").warning("Invalid %s of %r", NAME, NOTE)
        logging.getLogger("nats").error("nats: %s", f"nats://kim:{PASSWORD}@bus:4222")
        logging.getLogger("psycopg").warning(f"password={GUESS} of kim@example.org")
        events = [line["event"] for line in lines_of("\n".join(kept.lines))]
        assert events == ["Invalid %s of %r", "nats: %s", "password=… of …"]

    def test_what_errors_say_but_not_where_they_were(self, kept: Kept) -> None:
        raised(ValueError(f"could not convert {NAME}"))
        raised(OSError(28, NOTE, f"/home/{NAME}/x"))
        raised(SettingsError("A sentence of ours.", "And advice."))
        first, second, third = lines_of("\n".join(kept.lines))
        assert first["event"] == "Exception in %s"
        assert first["exception"].startswith("ValueError\n  service/test_structured")
        assert " in raised\nKeyError\n" in first["exception"]
        assert second["exception"].startswith("OSError: No space left on device\n")
        assert third["exception"].startswith("SettingsError: A sentence of ours. And")
        for secret in (NAME, NOTE, GUESS):
            assert secret not in "".join(kept.lines)

    async def test_what_asyncio_shows_of_calls(self, kept: Kept) -> None:
        def failing(_secret: str) -> None:
            raise ValueError(NAME)

        loop = asyncio.get_running_loop()
        loop.call_soon(failing, NOTE)
        await asyncio.sleep(0)

        async def never_awaited() -> None:
            raise ValueError(NAME)

        task = asyncio.create_task(never_awaited())
        await asyncio.wait((task,))
        del task
        gc.collect()
        first, second = lines_of("\n".join(kept.lines))
        assert first["event"].startswith("Exception in callback ")
        assert second["event"] == "Task exception was never retrieved"
        for line in (first, second):
            assert "ValueError" in line["exception"]
        assert NAME not in "".join(kept.lines)
        assert NOTE not in "".join(kept.lines)

    def test_warnings_and_threads_are_lines_too(self, kept: Kept) -> None:
        def fail() -> None:
            raise ValueError(NAME)

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)
            warnings.warn("This will go.", DeprecationWarning, stacklevel=1)
        failed, warned = lines_of("\n".join(kept.lines))
        assert failed["event"] == "A thread failed"
        assert warned["event"] == "DeprecationWarning: This will go."
        assert NAME not in "".join(kept.lines)

    def test_a_line_of_ours_is_whole(self, kept: Kept) -> None:
        name_node(logging.getLogger(), "node.N-7Q2M9K")
        logging.getLogger("biofeedback.x").info("Session %s is %s", "01ARZ", "complete")
        logging.getLogger("elsewhere").info("not told")
        (line,) = lines_of("\n".join(kept.lines))
        assert line["event"] == "Session 01ARZ is complete"
        assert line["node"] == "node.N-7Q2M9K"
        assert isinstance(kept.formatter, JsonLines)
