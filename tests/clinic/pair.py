"""A home in this process, and its clinic on paper."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biofeedback.service.at_home.joining import join
from biofeedback.store import Store
from biofeedback.store.engine import DATABASE_NAME
from tests.clinic.paper_clinic import KIM, PaperClinic
from tests.service.conftest import House, comes_true


@dataclass
class Pair:
    """A home and a clinic."""

    house: House
    clinic: PaperClinic

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = await self.house.browser.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def card(self) -> dict[str, Any]:
        card: dict[str, Any] = (await self.ask("GET", "/clinic"))["clinic"]
        return card

    async def comes_true(self, question: Callable[[], object]) -> None:
        """Let the home's clock go on until the answer is true."""

        def asked() -> object:
            return question()

        for _ in range(2000):
            if asked():
                return
            await self.house.pass_time(0.5)
            with contextlib.suppress(TimeoutError):
                await comes_true(asked, seconds=0.05)
        raise AssertionError("it did not come true")

    async def linked(self) -> None:
        await self.comes_true(lambda: self.clinic.n_told > 0)

    async def consent(self, purpose: str = "live") -> list[str]:
        body = {
            "account": KIM.account,
            "grants": [{"stream": "heart", "purpose": purpose}],
            "days": 30,
        }
        given = await self.ask("POST", "/consents", body)
        return [one["id"] for one in given["consents"]]

    async def allow_copies(self) -> str:
        self.house.utc_ns[0] = time.time_ns()  # sessions begin by this clock
        card = (await self.ask("PUT", "/clinic/copy", {"days": 30}))["clinic"]
        id: str = card["copies"]["id"]
        await self.comes_true(
            lambda: id in {row.id for row in self.clinic.consents.copies}
        )
        return id

    async def practise(self, seconds: float = 5) -> str:
        id: str = (await self.house.begin())["id"]
        await self.house.pass_time(seconds)
        await self.ask("POST", f"/sessions/{id}/stop")
        return id

    def path(self, id: str) -> Path:
        row = self.house.store.recording(id)
        assert row is not None
        return self.house.store.data / row.path

    def has(self, id: str) -> bool:
        copy = self.clinic.copies.get(id)
        return copy is not None and copy.complete


def join_as(tmp_path: Path, new_database: Path, clinic: PaperClinic) -> None:
    """Let the data folder of a house join a clinic before it starts."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    if not (data / DATABASE_NAME).exists():
        shutil.copy(new_database, data)
    ticket = tmp_path / "home.ticket"
    ticket.write_bytes(clinic.ticket.to_json())
    ticket.chmod(0o600)
    store = Store(data)
    join(store, ticket)
    store.close()
