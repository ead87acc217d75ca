"""Walking a plan: the table that the page is held to as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from biofeedback.model import PacerEvent
from biofeedback.practice.plan_walk import Mark, walk
from biofeedback.practice.plans import read_plan

TABLE = json.loads((Path(__file__).parent / "plan_walks.json").read_text())
PLAN = read_plan(
    json.dumps({"id": "a", "title": "A", "version": 1, "steps": TABLE["steps"]})
)


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: str(case["name"]))
def test_where_somebody_is_and_what_was_otherwise(case: dict[str, Any]) -> None:
    schedule = [
        PacerEvent(
            t_ms=0,
            origin_ms=origin_ms,
            rate_bpm=rate_bpm,
            inhale_pct=40,
            hold_in_ms=0,
            hold_out_ms=0,
            from_breath=0,
        )
        for origin_ms, rate_bpm in case.get("schedule", [])
    ]
    marks = [Mark(text=text, at_ms=at_ms) for text, at_ms in case["marks"]]
    found = walk(PLAN.steps, marks, case["now_ms"], schedule)
    told = [[d.step_id, d.what, d.at_ms, d.amount] for d in found.deviations]
    assert told == case["deviations"]
    assert (found.index, found.left_ms) == (case["index"], case["left_ms"])
    assert (found.paused, found.done) == (case["paused"], case["done"])
