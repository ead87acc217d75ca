"""A place with several people, and a therapist who needs no page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from argon2 import PasswordHasher
from playwright.sync_api import Page, expect
from websockets.sync.client import ClientConnection, connect

from biofeedback.store import Role, Store
from tests.e2e.conftest import Service, StartService
from tests.e2e.journey import PATIENCE_MS, part

PASSWORD = "seven quiet hills"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PEOPLE = {"mara": Role.PATIENT, "kim": Role.THERAPIST, "root": Role.ADMIN}
DISPLAYS = {"mara": "Mara", "kim": "Dr. Kim", "root": "The desk"}
ANSWER_S = 45.0


class Place:
    """A service with accounts, by name."""

    def __init__(self, service: Service, data: Path) -> None:
        self.service = service
        self.data = data

    @property
    def url(self) -> str:
        """The address by its name: passkeys belong to names, never to numbers."""
        return self.service.origin.replace("127.0.0.1", "localhost") + "/"

    def person(self, name: str) -> Person:
        """Sign somebody in as a program would."""
        return Person(self, name)


class Person:
    """Somebody who acts over HTTP and the websocket."""

    def __init__(self, place: Place, name: str) -> None:
        self._origin = place.service.origin
        self._headers: dict[str, str] = {}
        body = {"name": name, "password": PASSWORD}
        answer = self._ask("POST", "sign-in/password", body)
        self.me = answer.json()
        cookies = answer.cookies.items()
        self._headers = {
            "Cookie": "; ".join(f"{key}={value}" for key, value in cookies)
        }

    @property
    def code(self) -> str:
        code: str = self.me["code"]
        return code

    def get(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        return self._ask("GET", path).json()

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 (JSON)
        answer = self._ask("POST", path, body)
        return answer.json() if answer.content else None

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        url = f"{self._origin}/api/v1/{path}"
        answer = httpx.request(method, url, json=body, headers=self._headers)
        assert answer.is_success, answer.text
        return answer

    @contextmanager
    def watching(self, session: str) -> Iterator[Watch]:
        """Watch a session that is shared with this person."""
        url = f"{self._origin.replace('http', 'ws', 1)}/api/v1/live/{session}"
        with connect(url, additional_headers=self._headers) as socket:
            yield Watch(socket)


class Watch:
    """A session as a therapist sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def send(self, kind: str, **fields: object) -> None:
        self._socket.send(json.dumps({"kind": kind, **fields}))

    def until(self, **wanted: object) -> Mapping[str, Any]:
        """Read on until a message says all of this."""
        until_s = monotonic() + ANSWER_S
        while (left_s := until_s - monotonic()) > 0:
            text = self._socket.recv(left_s)
            if isinstance(text, bytes):
                continue
            message: dict[str, Any] = json.loads(text)
            assert message["kind"] != "error", message
            if all(message.get(key) == value for key, value in wanted.items()):
                return message
        raise AssertionError(f"nobody told of {wanted}")


def open_place(start_service: StartService, data: Path, **more: Role) -> Place:
    """Start a place where these people have accounts."""
    with closing(Store(data)) as store:
        for name, role in {**PEOPLE, **more}.items():
            store.accounts.add(
                name=name,
                display=DISPLAYS.get(name, name.title()),
                role=role,
                password_hash=CHEAP.hash(PASSWORD),
            )
    arguments = ("run", "--no-browser", "--port", "0", "--data", str(data))
    return Place(start_service(*arguments), data)


def sign_in(page: Page, name: str = "mara", password: str = PASSWORD) -> None:
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    part(page, "by-password").click()


def sign_in_at_home(page: Page, name: str = "mara") -> None:
    sign_in(page, name)
    expect(part(page, "begin")).to_be_visible(timeout=PATIENCE_MS)
