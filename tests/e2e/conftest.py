"""A real service in its own process, and a real browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    expect,
    sync_playwright,
)

from tests.machine import HOW_TO_BROWSER, browser, in_ci

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()

READY_S = 60.0
OUTPUT = Path(__file__).parent / "output"


class Service:
    """`biofeedback …` as a person starts it, until it says where it is."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "biofeedback.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.notices: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._threads = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_notices, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if not self._ready.wait(READY_S) or not self.url:
            self.stop()
            raise AssertionError(f"not ready: {''.join(self.notices)}")

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.match(r"ready: (\S+)", line):
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def _read_notices(self) -> None:
        assert self.process.stderr is not None
        self.notices.extend(self.process.stderr)

    @property
    def origin(self) -> str:
        return self.url.split("/#")[0].rstrip("/")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for thread in self._threads:
            thread.join(5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


StartService = Callable[..., Service]


@pytest.fixture
def start_service() -> Iterator[StartService]:
    """Start services that are stopped when the test is over."""
    started: list[Service] = []

    def start(*arguments: str, env: dict[str, str] | None = None) -> Service:
        service = Service(*arguments, env=env)
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start an installed Chrome or Chromium.

    Once for each file and no longer: while Playwright runs, its event loop does, and
    the asynchronous tests that follow could not have their own.
    """
    path = browser()
    if path is None:
        if in_ci():
            pytest.fail(HOW_TO_BROWSER)
        pytest.skip(HOW_TO_BROWSER)
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


PHONE = {"width": 360, "height": 740}
LAPTOP = {"width": 1280, "height": 800}


class OpenPage:
    """Opens pages of their own.

    A console error, an exception or a foreign request fails the test, unless the
    test says with :meth:`forgive` that it provoked it.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self._troubles: list[str] = []

    def __call__(
        self,
        url: str,
        *,
        viewport: dict[str, int] = LAPTOP,
        color_scheme: str = "light",
        reduced_motion: str = "no-preference",
        bypass_csp: bool = False,
        cookies: StorageState | None = None,
        before: Callable[[Page], object] | None = None,
    ) -> Page:
        """Open ``url`` on a page of its own; ``before`` prepares that page."""
        context = self._chromium.new_context(
            viewport={"width": viewport["width"], "height": viewport["height"]},
            color_scheme="dark" if color_scheme == "dark" else "light",
            reduced_motion=(
                "reduce" if reduced_motion == "reduce" else "no-preference"
            ),
            bypass_csp=bypass_csp,
            storage_state=cookies,
        )
        self._contexts.append(context)
        page = context.new_page()
        origin = url.split("/#")[0]
        own = (origin, origin.replace("http", "ws", 1))

        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self._troubles.append(message.text)

        def request(request: Request) -> None:
            if not request.url.startswith(own):
                self._troubles.append(f"a request to {request.url}")

        page.on("console", console)
        page.on("pageerror", lambda error: self._troubles.append(str(error)))
        page.on("request", request)
        if before is not None:
            before(page)
        page.goto(url)
        return page

    def forgive(self, pattern: str) -> None:
        """Forget the troubles that the test itself made."""
        self._troubles = [t for t in self._troubles if not re.search(pattern, t)]

    def close(self) -> None:
        """Close all pages, and fail if anything was wrong on them."""
        for context in self._contexts:
            context.close()
        assert self._troubles == []


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Open pages of their own; whatever goes wrong on them fails the test."""
    opener = OpenPage(chromium)
    yield opener
    opener.close()
