"""A session that is shared with the clinic, live: what leaves the home, what never."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from biofeedback.bus.presence import Presence
from biofeedback.service.elsewhere.envelopes import Order, presence_key
from biofeedback.service.elsewhere.mirror import Mirror, UnknownSession
from biofeedback.service.problems import Problem
from biofeedback.session.clock import WallClock
from biofeedback.session.counts import SessionCounts
from tests.clinic.home_disk import HOME
from tests.clinic.pair import Pair
from tests.clinic.paper_clinic import ADA, KIM
from tests.service.conftest import comes_true

ORIGIN = f"home.{HOME}"
RATING = {"type": "arousal", "value": 3, "moment": "during", "prompt": "How awake?"}


@contextlib.asynccontextmanager
async def mirrored(pair: Pair, id: str) -> AsyncIterator[Mirror]:
    """See a session as a node of the clinic does."""
    mirror = Mirror(
        bus=pair.clinic.bus,
        node="node.N-222222",
        origin=ORIGIN,
        id=id,
        clock=WallClock(),
        counts=SessionCounts(),
        told=lambda: None,
        whose=lambda _origin, _ad: "their patient",
    )
    await mirror.open()
    try:
        yield mirror
    finally:
        await mirror.close()


def shown(mirror: Mirror) -> list[dict[str, Any]]:
    return [
        json.loads(one.data) for one in mirror.hub.held(0) if one.kind != "withheld"
    ]


def kinds(mirror: Mirror) -> set[str]:
    return {one["kind"] for one in shown(mirror)}


async def test_what_nobody_there_may_see_does_not_leave(pair: Pair) -> None:
    await pair.consent()  # Kim, and the heart alone
    live = (await pair.house.begin())["id"]
    await pair.house.pass_time(5)
    with pytest.raises(UnknownSession):  # no yes: it is not even known of
        async with mirrored(pair, live):
            pass
    await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "on"})
    yes = pair.house.context.conductor.session(live)
    assert yes is not None
    yes_seq = yes.hub.last_seq
    async with mirrored(pair, live) as mirror:
        assert (mirror.info.person, mirror.info.strap_name) == ("", "")
        await pair.ask("POST", f"/sessions/{live}/ratings", RATING)
        await pair.comes_true(
            lambda: any(
                one["kind"] == "beat" and one["seq"] > yes_seq for one in shown(mirror)
            )
        )
        # Numbers without a hole, and nothing of the breath, the answers, or before.
        assert mirror.hub.last_seq >= yes_seq
        assert "pacer" not in kinds(mirror)
        told = shown(mirror)
        assert not [one for one in told if one.get("type") == "arousal"]
        early = [one for one in told if one["seq"] < yes_seq]
        assert {one["kind"] for one in early} <= {"link", "signals", "event"}
        assert mirror.given.keys() == {KIM.account}
        # A pause: nothing but that.
        await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "paused"})
        await comes_true(lambda: shown(mirror)[-1].get("text") == "paused")
        paused_seq = shown(mirror)[-1]["seq"]
        await pair.house.pass_time(3)
        await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "on"})
        await pair.comes_true(
            lambda: any(
                one["kind"] == "beat" and one["seq"] > paused_seq
                for one in shown(mirror)
            )
        )
        on_seq = next(
            one["seq"]
            for one in shown(mirror)
            if one.get("type") == "sharing" and one["seq"] > paused_seq
        )
        assert not [
            one
            for one in shown(mirror)
            if paused_seq < one["seq"] < on_seq and one["kind"] in ("beat", "metrics")
        ]


async def test_taken_back_is_the_last_that_is_told(pair: Pair) -> None:
    await pair.consent()
    live = (await pair.house.begin())["id"]
    await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "on"})
    async with mirrored(pair, live) as mirror:
        await pair.comes_true(lambda: "beat" in kinds(mirror))
        await pair.ask("POST", "/consents/revoke", {"account": KIM.account})
        last = mirror.hub.last_seq
        await pair.house.pass_time(5)
        await comes_true(mirror.lost.is_set)
        assert not mirror.given  # so whoever watched hears that it is over, and why
        late = [one for one in shown(mirror) if one["seq"] > last]
        assert [one for one in late if one["kind"] != "event"] == []
    with pytest.raises(UnknownSession):
        async with mirrored(pair, live):
            pass


async def test_who_watches_is_told_and_written_down(pair: Pair) -> None:
    await pair.consent()
    live = (await pair.house.begin())["id"]
    await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "on"})
    async with mirrored(pair, live) as mirror:
        assert await mirror.come(ADA.account) is not None
        assert await mirror.come(KIM.account) is None
        sharing = await pair.ask("GET", f"/sessions/{live}/sharing")
        assert [one["display"] for one in sharing["watching"]] == ["Kim"]
        looks = (await pair.ask("GET", "/looks"))["looks"]
        (look,) = (one for one in looks if one["action"] == "watch.begin")
        assert look["by"]["display"] == "Kim"
        others = {one["by"]["display"] for one in looks} - {"you"}
        assert others == {"Kim"}
        # What they send is checked here again, and followed here.
        say = msgspec.json.encode({"kind": "say", "text": "Well done."})
        await mirror.order(Order(id="1", command=say, account=KIM.account))
        await pair.comes_true(
            lambda: any(one.get("type") == "message" for one in shown(mirror))
        )
        stop = msgspec.json.encode({"kind": "stop"})
        for order in (
            Order(id="2", command=say, account=ADA.account),
            Order(id="3", command=stop, account=KIM.account),
            Order(id="4", command=stop, person_id="their patient"),
        ):
            with pytest.raises(Problem):
                await mirror.order(order)
        session = pair.house.context.conductor.session(live)
        assert session is not None
        assert not session.ended.is_set()


async def test_only_what_is_shared_is_announced(pair: Pair) -> None:
    presence = Presence(pair.clinic.bus, WallClock())
    await presence.open()
    try:
        await pair.consent()
        live = (await pair.house.begin())["id"]
        await pair.house.pass_time(3)
        key = presence_key(ORIGIN, live)
        assert key not in presence.here()
        await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "on"})
        await pair.comes_true(lambda: key in presence.here())
        me = (await pair.ask("GET", "/me"))["person"]
        said = presence.here()[key]
        assert me["pseudonym"].encode() not in said
        assert me["id"].encode() not in said
        await pair.ask("PUT", f"/sessions/{live}/sharing", {"state": "off"})
        await pair.comes_true(lambda: key not in presence.here())
    finally:
        await presence.close()
