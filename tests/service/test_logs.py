"""Nothing that lets somebody in, and nothing that says who somebody is, is logged."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import IntegrityError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from biofeedback.service.redaction import HIDDEN, Redaction, redact, redacted
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.store import PasskeyRow, Role, Store

PASSWORD = "correct horse battery staple"
PROGRAM = "a-token-for-programs-0123456789"
GUESS = "guessed-token-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
QUERY = "a-query-that-is-private"
NOTE = "what a person wrote about the pain"
NAME = "Kim Somebody"
GRACE_S = 60.0

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no polite kill."
)


def run(data: Path, *options: str) -> subprocess.Popen[str]:
    command = ["--debug", "run", "--no-browser", "--port", "0", "--data", str(data)]
    return subprocess.Popen(
        [sys.executable, "-m", "biofeedback.cli", *command, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"BIOFEEDBACK_TOKEN": PROGRAM, "PATH": ""},
    )


def ready(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return the address, and the token of the link where there is one."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready: "), process.communicate(timeout=GRACE_S)
    url, _, token = line.removeprefix("ready: ").strip().partition("#token=")
    return url, token


def said(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=GRACE_S)
    assert process.returncode == 0, err
    return out + err


def try_to_come_in(client: httpx.Client) -> None:
    """Knock in every wrong way that a person or a program might."""
    for path, body in (
        ("sign-in", {"token": GUESS}),
        ("sign-in", {"token": GUESS, "password": PASSWORD}),
        ("sign-in/password", {"name": NAME, "password": PASSWORD}),
        ("invites/look", {"token": GUESS}),
        ("invites/accept", {"token": GUESS, "name": NAME, "password": PASSWORD}),
    ):
        client.post(f"/api/v1/{path}", json=body)
    kind = {"Content-Type": "application/json"}
    for text in (f'{{"password": "{PASSWORD}"', f'["{GUESS}"]', "\xff"):
        client.post("/api/v1/sign-in", content=text, headers=kind)
    for headers in (
        {"Authorization": f"Bearer {GUESS}"},
        {"Authorization": f"Basic {GUESS}"},
        {"Cookie": f"biofeedback_session={GUESS}"},
    ):
        client.get(f"/api/v1/me?token={GUESS}&q={QUERY}", headers=headers)
        client.get(f"/nothing/{GUESS}?q={QUERY}", headers=headers)


def speak_badly(url: str) -> None:
    """Say what no browser would say, with secrets in it."""
    address = httpx.URL(url)
    for text in (
        f"GET /?token={GUESS} HTTP/9.9\r\nCookie: {GUESS}\r\n\r\n",
        f"NONSENSE {GUESS} {PASSWORD}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: {GUESS}\r\nUpgrade: h2c\r\n"
        "Connection: Upgrade\r\n\r\n",
    ):
        with socket.create_connection((address.host, address.port or 80), 10) as raw:
            raw.sendall(text.encode())
            with contextlib.suppress(OSError):
                raw.recv(4096)


def test_a_person_alone(tmp_path: Path) -> None:
    with run(tmp_path) as process:
        try:
            url, token = ready(process)
            assert token
            with httpx.Client(base_url=url, timeout=30) as client:
                try_to_come_in(client)
                me = client.post("/api/v1/sign-in", json={"token": token}).json()
                cookies = [str(cookie.value) for cookie in client.cookies.jar]
                begun = client.post("/api/v1/sessions", json={"strap": SIMULATED_ID})
                id = begun.json()["id"]
                live = f"{url.replace('http', 'ws')}api/v1/live/{id}?since={QUERY}"
                cookie = {"Cookie": f"x={GUESS}"}
                for headers in (cookie, {"Authorization": f"Bearer {PROGRAM}"}):
                    with (
                        pytest.raises(ConnectionClosed),
                        connect(live, additional_headers=headers) as watching,
                    ):
                        watching.recv()
                client.post(
                    f"/api/v1/sessions/{id}/annotations",
                    json={"type": "note", "text": NOTE},
                )
            speak_badly(url)
            logged = said(process)
        finally:
            process.kill()
    assert "Session" in logged, "a log that says nothing proves nothing"
    person = me["person"]
    assert len(cookies) == 1
    secrets = [GUESS, PASSWORD, PROGRAM, QUERY, NOTE, NAME, token, *cookies]
    for secret in (*secrets, person["id"], person["pseudonym"]):
        assert secret not in logged, secret
    for path in files_of(tmp_path):
        kept = path.read_bytes()
        for secret in (token, *cookies, PROGRAM):
            assert secret.encode() not in kept, f"{path} lets somebody in"


def test_people_with_accounts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    admin = store.accounts.add(name="ada", display=NAME, role=Role.ADMIN)
    store.close()
    with run(tmp_path) as process:
        try:
            url, token = ready(process)
            assert token == "", "no link lets anybody in any more"
            with httpx.Client(base_url=url, timeout=30) as client:
                try_to_come_in(client)
            logged = said(process)
        finally:
            process.kill()
    for secret in (GUESS, PASSWORD, PROGRAM, QUERY, NAME, admin.id, admin.person_id):
        assert secret not in logged, secret


def files_of(data: Path) -> list[Path]:
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {".db", ".mcap"} <= {path.suffix for path in files}
    return files


def test_an_error_of_the_database_says_nothing_of_anybody(tmp_path: Path) -> None:
    store = Store(tmp_path)
    account = store.accounts.add(name="kim", display=NAME, role=Role.PATIENT)
    passkey = PasskeyRow(
        credential_id=GUESS,
        account_id=account.id,
        public_key=GUESS,
        sign_count=0,
        label=NOTE,
        created_at_utc_ns=0,
        last_used_utc_ns=None,
    )
    store.accounts.add_passkey(passkey)
    with pytest.raises(IntegrityError) as told:
        store.accounts.add_passkey(passkey)
    store.close()
    for secret in (GUESS, NOTE, account.id):
        assert secret not in str(told.value)


class TestTheSecondNet:
    @pytest.mark.parametrize(
        ("text", "hidden"),
        [
            ("GET /x?a=1 HTTP/1.1", f"GET /x?{HIDDEN} HTTP/1.1"),
            ("http://h/#token=abc next", f"http://h/#{HIDDEN} next"),
            (
                "Authorization: Bearer abc, more",
                f"Authorization: Bearer {HIDDEN}, more",
            ),
            ("cookie: a=b; c=d", f"cookie: {HIDDEN}"),
            (f"token {'Ab3-_' * 9}!", f"token {HIDDEN}!"),
            ("Session 01ARZ3NDEKTSV4RRFFQ69G5FAV began", None),
            ("Why? Because.", None),
        ],
    )
    def test_what_is_hidden(self, text: str, hidden: str | None) -> None:
        assert redacted(text) == (text if hidden is None else hidden)

    def test_an_exception_too(self) -> None:
        lines: list[str] = []

        class Kept(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(self.format(record))

        logger = logging.Logger("of a library")
        logger.addHandler(Kept())
        redact(logger)
        redact(logger)
        (handler,) = logger.handlers
        assert len([one for one in handler.filters if isinstance(one, Redaction)]) == 1
        try:
            raise sqlite3.IntegrityError(f"UNIQUE failed: {GUESS}")
        except sqlite3.IntegrityError:
            logger.exception("with Bearer %s", GUESS)
        logger.warning("Invalid HTTP request received.")
        (line,) = lines
        assert GUESS not in line
        assert "IntegrityError" in line
