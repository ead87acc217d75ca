"""`run --lan` in a real browser: distrusted without the authority, whole with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Error, sync_playwright

from biofeedback.service.passwords import Passwords
from biofeedback.store import Role, Store
from tests.e2e.conftest import FLAGS, Service, StartService
from tests.machine import HOW_TO_BROWSER, browser, in_ci

NAME = "clinic.local"
PASSWORD = "seven slow breaths by the sea"
NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

SIGN_IN = """
async ([name, password]) => (await fetch("/api/v1/sign-in/password", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ name, password }),
})).status
"""
CLOSED = """
(path) => new Promise((resolve) => {
  const socket = new WebSocket(path);
  socket.onclose = (event) => resolve([socket.url.split(":")[0], event.code]);
})
"""

StartBrowser = Callable[..., Browser]


@pytest.fixture
def shared(tmp_path: Path, start_service: StartService) -> Service:
    store = Store(tmp_path)
    kept = asyncio.run(Passwords().hash(PASSWORD))
    store.accounts.add(name="ada", display="Ada", role=Role.ADMIN, password_hash=kept)
    store.close()
    options = ("--data", str(tmp_path), "--port", "0", "--no-browser")
    lan = ("--lan", "--host", "127.0.0.1", "--name", NAME)
    return start_service("run", *options, *lan)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    path = browser()
    if path is None:
        if in_ci():
            pytest.fail(HOW_TO_BROWSER)
        pytest.skip(HOW_TO_BROWSER)
    named = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=[*FLAGS, named, *flags]
        )
        yield started
        started.close()


def pin(certificate: Path) -> str:
    """Return the flag that has Chromium trust this one key, as an authority would."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = found.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return f"--ignore-certificate-errors-spki-list={digest}"


def test_a_browser_that_was_not_told(shared: Service) -> None:
    with chromium() as started:
        page = started.new_page()
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(shared.url)


def test_a_browser_that_trusts(shared: Service, tmp_path: Path) -> None:
    assert shared.url.startswith(f"https://{NAME}:")
    with chromium(pin(tmp_path / "tls" / "page.crt")) as started:
        context = started.new_context()
        page = context.new_page()
        troubles: list[str] = []
        page.on("console", lambda one: troubles.append(one.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(shared.url)
        assert page.evaluate("isSecureContext")
        worker = "navigator.serviceWorker.ready.then((it) => it.active.scriptURL)"
        assert page.evaluate(worker) == f"{shared.origin.rstrip('/')}/sw.js"

        live = f"/api/v1/live/{NOBODY}"
        assert page.evaluate(CLOSED, live) == ["wss", 4401]
        assert page.evaluate(SIGN_IN, ["ada", PASSWORD]) == 200
        assert page.evaluate(CLOSED, live) == ["wss", 4404], (
            "known, and no such session"
        )
        (cookie,) = context.cookies()
        assert cookie["name"].startswith("__Host-")
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert cookie["path"] == "/"
        assert page.evaluate("document.cookie") == ""
        # Not signed in at first, which the page asks about.
        assert [one for one in troubles if "401" not in one] == []

        policy = "trustedTypes.createPolicy('another', { createHTML: (it) => it })"
        with pytest.raises(Error, match="disallowed"):
            page.evaluate(policy)
