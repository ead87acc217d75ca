"""`/metrics`: figures of the service, for whoever is signed in, of nobody in person."""

from __future__ import annotations

import re
import time

from prometheus_client.parser import text_string_to_metric_families

from biofeedback.model import LinkState
from biofeedback.service import tls
from biofeedback.session.hub import LIVE_LANE
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession
from biofeedback.session.transcript import Message
from biofeedback.settings import Lan
from tests.service.conftest import BEARER, House, Start, message, until
from tests.service.nodes import is_away
from tests.service.ward import PEOPLE, Ward

SIMULATED = frozenset({("source", "simulated")})


def figures(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def running(house: House, id: str) -> LiveSession:
    live = house.context.conductor.session(id)
    assert live is not None
    return live


async def test_strangers_are_told_nothing(house: House) -> None:
    answer = await house.anyone.get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_scraper_with_a_token_reads_how_far_neurokit2_was(
    start_house: Start,
) -> None:
    """The real NeuroKit2, in its own process, on the numbers of a live session."""
    async with start_house(referee=Referee()) as house:
        answer = await house.anyone.get("/metrics", headers=BEARER)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
        nothing = figures(answer.text)
        assert nothing["biofeedback_live_sessions", SIMULATED] == 0
        assert nothing["biofeedback_referee_comparisons_total", frozenset()] == 0

        session = await house.begin()
        async with house.watch(session["id"]) as viewer:
            await house.pass_time(66)
            await until(viewer, "referee")
        answer = await house.anyone.get("/metrics", headers=BEARER)
    found = figures(answer.text)
    assert found["biofeedback_live_sessions", SIMULATED] == 1
    assert found["biofeedback_referee_comparisons_total", frozenset()] >= 1
    assert found["biofeedback_referee_failures_total", frozenset()] == 0
    largest = {
        dict(labels)["metric"]: value
        for (name, labels), value in found.items()
        if name == "biofeedback_referee_max_difference"
    }
    assert {"hr_bpm", "rmssd_ms", "sdnn_ms", "pnn50_pct"} <= set(largest)
    assert all(0 <= value < 1e-9 for value in largest.values())
    assert session["id"] not in answer.text


async def test_what_the_straps_and_viewers_of_a_service_do(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as viewer:
        hub = running(house, session["id"]).hub
        for _ in range((await message(viewer))["last_seq"]):
            await message(viewer)
        for seq in range(hub.last_seq + 1, hub.last_seq + LIVE_LANE + 11):
            data = b'{"seq":%d,"kind":"heart"}' % seq
            hub.publish(Message(seq=seq, kind="heart", t_ms=0.0, data=data))
        assert (await message(viewer))["kind"] == "gap"
        answer = await house.anyone.get("/metrics", headers=BEARER)
    found = figures(answer.text)
    assert found["biofeedback_viewers", frozenset()] == 1
    assert found["biofeedback_messages_dropped_total", frozenset()] == 10
    assert found["biofeedback_viewer_gaps_total", frozenset()] == 1
    assert found["biofeedback_viewers_shed_total", frozenset()] == 0
    assert found["biofeedback_bus_connected", frozenset()] == 1
    for check in ("store", "disk"):
        assert found["biofeedback_ready", frozenset({("check", check)})] == 1
    assert found["biofeedback_disk_free_bytes", frozenset()] > 0
    for timed in ("store_write", "store_read"):
        assert found[f"biofeedback_{timed}_seconds_count", frozenset()] > 0, timed
    states = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "biofeedback_straps"
    }
    assert set(states) == {state.value for state in LinkState}
    assert sum(states.values()) == 1
    assert found["process_resident_memory_bytes", frozenset()] > 0


async def test_counts_outlive_their_sessions(house: House) -> None:
    session = await house.begin()
    async with house.watch(session["id"]) as viewer:
        await house.pass_time(3)
        await until(viewer, "heart")
        await until(viewer, "heart")
    await house.browser.post(f"/api/v1/sessions/{session['id']}/stop")
    answer = await house.anyone.get("/metrics", headers=BEARER)
    found = figures(answer.text)
    assert found["biofeedback_live_sessions", SIMULATED] == 0
    assert found["biofeedback_messages_sent_total", frozenset()] >= 1
    for counted in ("journal_sync", "delivery"):
        assert found[f"biofeedback_{counted}_seconds_count", frozenset()] >= 1
    assert found["biofeedback_delivery_elsewhere_seconds_count", frozenset()] == 0


async def test_the_token_of_the_start_needs_no_database(house: House) -> None:
    with is_away(house.store):
        answer = await house.anyone.get("/metrics", headers=BEARER)
    assert answer.status_code == 200


async def test_when_the_certificate_ends(start_house: Start) -> None:
    lan = Lan(name="localhost", names=("127.0.0.1",))
    async with start_house(lan=lan) as house:
        answer = await house.anyone.get("/metrics", headers=BEARER)
        ends_at = tls.ends_at(house.store.data, lan)
    found = figures(answer.text)
    name = "biofeedback_certificate_ends_timestamp_seconds"
    assert found[name, frozenset()] == ends_at.timestamp() > time.time()


async def test_figures_are_of_nobody(ward: Ward) -> None:
    """Everything that is known of anybody is looked for in all that is told."""
    id = await ward.shared()
    other = await ward.begin("tom")
    async with ward.watch("kim", id) as socket, ward.room():
        await ward.house.pass_time(3)
        await until(socket, "heart")
        told = [
            (await ward.house.anyone.get(path, headers=BEARER)).text
            for path in ("/metrics", "/readyz", "/metrics")
        ]
    house = ward.house
    people = {
        part
        for account in ward.accounts.values()
        for part in (account.id, account.person_id, account.code, account.display)
    }
    people |= {person.pseudonym for person in house.store.people()}
    people |= {person.id for person in house.store.people()}
    places = {"127.0.0.1", "localhost", house.address, str(house.store.data)}
    node = house.context.origin
    for secret in (*people, *places, id, other, "Simulated", node, *PEOPLE):
        assert not re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", "".join(told)), (
            secret
        )
    labels = {label for _, found in figures(told[-1]) for label in found}
    assert {name for name, _ in labels} <= {
        *("source", "state", "check", "le"),  # of short lists in the code
        *("window_s", "metric"),
    }
