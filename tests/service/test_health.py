"""`/healthz` says that the service lives, `/readyz` that it should be sent somebody."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import threading
from pathlib import Path

import pytest

from biofeedback.figures import Check, Figure
from biofeedback.service.readiness import (
    KEPT_S,
    BusLink,
    Look,
    Readiness,
    is_ready,
    looks_of,
)
from biofeedback.settings import DEFAULT_PORT, Lan
from biofeedback.store import Store
from tests.service.conftest import BEARER, House, Start, nothing_can_be_written


async def test_health_needs_no_sign_in(house: House) -> None:
    answer = await house.anyone.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


async def test_strangers_are_told_yes_or_no(house: House) -> None:
    answer = await house.anyone.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert answer.headers["cache-control"] == "no-store"
    wrong = {"Authorization": "Bearer no-token-that-is-known"}
    assert (await house.anyone.get("/readyz", headers=wrong)).json() == {"ready": True}


async def test_the_operator_is_told_why(house: House) -> None:
    for told in (
        await house.anyone.get("/readyz", headers=BEARER),
        await house.browser.get("/readyz"),  # whose computer it is
    ):
        checks = told.json()["checks"]
        assert {"store", "disk"} <= set(checks)
        assert all(check["ok"] and check["sentence"] for check in checks.values())


async def test_without_its_database_it_lives_and_is_not_ready(house: House) -> None:
    database = house.store.data / "biofeedback.db"
    await house.anyone.get("/healthz")
    house.store.close()
    moved = database.rename(database.with_suffix(".away"))
    database.mkdir()  # so that nobody makes a new one
    assert (await house.anyone.get("/healthz")).status_code == 200
    answer = await house.anyone.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["checks"]["store"]["ok"] is False
    assert answer.json()["checks"]["disk"]["ok"] is True
    assert (await house.anyone.get("/readyz")).json() == {"ready": False}
    metrics = await house.anyone.get("/metrics", headers=BEARER)
    assert 'biofeedback_ready{check="store"} 0.0' in metrics.text
    database.rmdir()
    moved.rename(database)


async def test_a_database_that_only_reads_is_seen_by_the_disk(house: House) -> None:
    with nothing_can_be_written(house.store):
        assert (await house.anyone.get("/readyz")).status_code == 200


async def test_who_looks_after_it_is_answered_while_all_threads_wait(
    house: House,
) -> None:
    """As they do when the database hangs, which every request asks."""
    over = threading.Event()
    waiting = [asyncio.create_task(asyncio.to_thread(over.wait, 30)) for _ in range(99)]
    try:
        assert (await house.anyone.get("/readyz", headers=BEARER)).status_code == 200
        assert (await house.anyone.get("/metrics", headers=BEARER)).status_code == 200
    finally:
        over.set()
        await asyncio.gather(*waiting)


async def test_once_it_ends_it_is_not_ready(house: House) -> None:
    house.context.readiness.end()
    answer = await house.anyone.get("/readyz", headers=BEARER)
    assert answer.status_code == 503
    assert list(answer.json()["checks"]) == ["running"]
    assert (await house.anyone.get("/healthz")).status_code == 200


async def test_the_health_check_of_the_image(start_house: Start) -> None:
    image = (Path(__file__).parents[2] / "docs/deploy/Containerfile").read_text()
    (command,) = re.findall(r"^HEALTHCHECK .* CMD (.*)$", image, re.M)
    _, *rest = json.loads(command)
    lan = Lan(name="localhost", names=("127.0.0.1",))
    async with start_house(lan=lan) as house:
        port = str(house.context.settings.port)
        words = [word.replace(str(DEFAULT_PORT), port) for word in rest]
        check = await asyncio.create_subprocess_exec(sys.executable, *words)
        assert await check.wait() == 0
    check = await asyncio.create_subprocess_exec(
        sys.executable, *words, stderr=asyncio.subprocess.DEVNULL
    )
    assert await check.wait() != 0, "nobody is there any more"


class Asked:
    """Something that may hang, and counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0
        self.may_answer = threading.Event()

    def __call__(self) -> str:
        self.times += 1
        assert self.may_answer.wait(30)
        return "It answers."


class TestReadiness:
    async def test_what_hangs_is_asked_once_and_not_waited_for(self) -> None:
        asked = Asked()
        now_s = [0.0]
        look = Look("store", asked, limit_s=0.05)
        readiness = Readiness((look,), now_s=lambda: now_s[0])
        for _ in range(3):
            (check,) = await readiness.look()
            assert not check.ok
            assert "0.05 seconds" in check.sentence
            now_s[0] += KEPT_S
        assert asked.times == 1, "each would have left a thread behind"
        asked.may_answer.set()
        patient = Look("store", asked, limit_s=30)
        assert (await patient.check()).ok

    async def test_many_who_ask_at_once_are_one(self) -> None:
        asked = Asked()
        now_s = [0.0]
        look = Look("store", asked, limit_s=30)
        readiness = Readiness((look,), now_s=lambda: now_s[0])
        many = [asyncio.create_task(readiness.look()) for _ in range(50)]
        asked.may_answer.set()
        assert len(set(await asyncio.gather(*many))) == 1
        await readiness.look()
        assert asked.times == 1
        now_s[0] += KEPT_S
        await readiness.look()
        assert asked.times == 2

    async def test_parts_that_can_be_checked_count(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Hub:
            ok = True

            def check(self) -> Check:
                return Check(name="hub", ok=self.ok, sentence="How it keeps up.")

        class Link:
            connected = False

        hub = Hub()
        bus = BusLink(Link())  # type: ignore[arg-type]
        parts, readiness = (object(), hub, bus), Readiness(())
        looked = await readiness.look(parts)
        assert [check.ok for check in looked] == [True, False]
        assert is_ready(looked), "sessions go on without the others"
        Link.connected, hub.ok = True, False
        looked = await readiness.look(parts)
        assert [check.ok for check in looked] == [False, True]
        assert not is_ready(looked)
        await readiness.look(parts)
        said = [record.message.partition(":")[0] for record in caplog.records]
        assert said == ["Not ready (bus)", "Not ready (hub)", "Ready again (bus)"]
        assert {f.value for f in readiness.figures() if isinstance(f, Figure)} == {0, 1}

    async def test_a_disk_that_is_full_or_gone(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "data")
        looks = {"needs": 1, "needs too much": 1 << 60}
        said = {}
        for name, min_free_bytes in looks.items():
            _, disk = looks_of(store, min_free_bytes=min_free_bytes)
            said[name] = await disk.check()
        store.close()
        shutil.rmtree(store.data)
        said["is gone"] = await disk.check()
        assert [check.ok for check in said.values()] == [True, False, False]
        assert said["needs too much"].sentence.startswith("Only ")
        assert said["is gone"].sentence == "The data folder cannot be written."
