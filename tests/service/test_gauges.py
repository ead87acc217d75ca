"""`/metrics`: figures of the service, for whoever is signed in, of nobody in person."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from biofeedback.session.referee import Referee
from tests.service.conftest import BEARER, House, Start, until


def figures(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


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
        assert nothing["biofeedback_live_sessions", frozenset()] == 0
        assert nothing["biofeedback_referee_comparisons_total", frozenset()] == 0

        session = await house.begin()
        async with house.watch(session["id"]) as viewer:
            await house.pass_time(66)
            await until(viewer, "referee")
        answer = await house.anyone.get("/metrics", headers=BEARER)
    found = figures(answer.text)
    assert found["biofeedback_live_sessions", frozenset()] == 1
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
