"""Plans as data: what is refused and how, the hash, and who gets which arm."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.practice.plan_library import PlanLibrary, packaged
from biofeedback.practice.plans import Chosen, Plan, allocate, read_plan

ASKED = {
    "kind": "questions",
    "id": "before",
    "moment": "before",
    "types": ["pain_intensity"],
}
BREATHE = {"kind": "practice", "id": "breathe", "minutes": 3}
STEP_FIELDS = ("kind", "seconds", "minutes", "types", "rate_bpm", "eyes")
REST = {"kind": "rest", "id": "rest", "seconds": 60}


def text(*steps: dict[str, Any], **fields: Any) -> str:  # noqa: ANN401
    plan = {"id": "a", "title": "A plan", "version": 1, "steps": list(steps)}
    return json.dumps(plan | fields)


def arms(*each: tuple[str, str, list[dict[str, Any]]]) -> str:
    told = [{"id": i, "label": label, "steps": steps} for i, label, steps in each]
    return text(steps=[], arms=told)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{", "not JSON"),
        ('{"id": "a"}', "missing required field `title`"),
        (text(), "needs steps or arms"),
        (text({"kind": "sleep", "id": "a"}), "steps[0].kind: invalid value 'sleep'"),
        (text(REST | {"id": "Rest Now"}), "cannot be called 'Rest Now'"),
        (text(REST | {"id": "end"}), "cannot be called 'end'"),
        (text(REST | {"seconds": -1}), "cannot last -1 seconds"),
        (text(REST | {"seconds": 3601}), "cannot last 3601 seconds"),
        (text(REST | {"secnds": 3}), "unknown field `secnds`"),
        (text(REST, REST), "Two have the step 'rest'"),
        (text(BREATHE | {"rate_bpm": 2}), "'breathe': A pace of 2 breaths"),
        (text(BREATHE | {"rest_ms": 6000}), "'breathe': The rests are longer"),
        (text(BREATHE | {"practice": "yoga"}), "unknown practice 'yoga'"),
        (text(BREATHE, BREATHE | {"id": "more"}), "one practice"),
        (text(ASKED | {"types": ["mod"]}), "unknown type 'mod'"),
        (text(ASKED | {"types": []}), "asks nothing"),
        (text(ASKED | {"moment": "noon"}), "unknown moment 'noon'"),
        (text({"kind": "baseline", "id": "b", "eyes": "one"}), "unknown eyes 'one'"),
        (
            text(*({**REST, "id": f"r{k}", "seconds": 3600} for k in range(3))),
            "last 180 minutes together",
        ),
        (arms(("x", "A", [REST])), "one arm only"),
        (arms(("x", "sham", [REST]), ("y", "B", [REST])), "would tell what"),
        (arms(("x", "A", [REST]), ("y", "A", [REST])), "Two have the label 'A'"),
        (arms(("x", "A", [ASKED, REST]), ("y", "B", [REST])), "other questions"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(wrong: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_plan(wrong)
    assert said in refused.value.message
    assert refused.value.message.endswith(".")
    assert refused.value.advice


def test_a_step_may_name_a_guided_practice() -> None:
    plan = read_plan(text(BREATHE | {"practice": "body_scan"}))
    assert read_plan(plan.canonical) == plan
    with pytest.raises(SettingsError) as refused:
        read_plan(text(BREATHE | {"practice": "body-scan"}))
    assert "body_scan, compassion" in refused.value.advice


def test_the_hash_is_of_what_a_plan_says_not_of_its_layout() -> None:
    plan = read_plan(text(ASKED, BREATHE))
    loose = json.dumps(
        json.loads(text(ASKED, BREATHE | {"rate_bpm": 6, "ramp": True})), indent=4
    )
    assert read_plan(loose).sha256 == plan.sha256
    assert read_plan(plan.canonical) == plan
    assert read_plan(text(ASKED, BREATHE | {"minutes": 4})).sha256 != plan.sha256


def test_the_plans_of_the_program_keep_their_hash() -> None:
    """A registration names a hash: if this fails, raise the plan's version instead."""
    assert {plan.id: plan.sha256[:16] for plan in packaged()} == {
        "baseline-practice-recovery": "6ffa1a283075dbba",
        "practice": "931b5b43fb9f4c49",
        "resonance": "e919ed118764fb2b",
        "sham-comparison": "22ec959491e8456e",
    }


def sham() -> Plan:
    return next(plan for plan in packaged() if plan.id == "sham-comparison")


def test_a_thousand_people_are_shared_out_evenly_and_always_alike() -> None:
    plan = sham()
    drawn = [allocate(plan, f"P{k:04d}") for k in range(1000)]
    assert drawn == [allocate(plan, f"P{k:04d}") for k in range(1000)]
    # Chi-squared with two degrees of freedom: 13.8 is passed by one plan in a thousand.
    expected = 1000 / len(plan.arms)
    counts = Counter(drawn)
    assert len(counts) == len(plan.arms)
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < 13.8
    assert allocate(read_plan(text(REST)), "P0001") is None


def test_an_arm_is_shown_by_a_letter_that_says_nothing() -> None:
    plan = sham()
    for arm in plan.arms:
        chosen = Chosen(plan=plan, arm_id=arm.id)
        assert chosen.label == arm.label
        assert len(arm.label) == 1
        assert chosen.steps == arm.steps
    with pytest.raises(SettingsError, match="no arm 'best'"):
        plan.arm("best")


def test_a_folder_adds_plans_and_a_bad_file_is_named(tmp_path: Path) -> None:
    library = PlanLibrary(tmp_path)
    n_packaged = len(library.all()[0])
    library.folder.mkdir()
    (library.folder / "mine.json").write_text(text(REST, id="mine"))
    (library.folder / "other.json").write_text(text(REST, id="mine", version=2))
    (library.folder / "usual.json").write_text(text(REST, id="practice"))
    (library.folder / "bad.json").write_text("[]")
    plans, bad = library.all()
    assert len(plans) == n_packaged + 1
    assert library.find("mine").version == 1
    assert [one.name for one in bad] == ["bad.json", "other.json", "usual.json"]
    with pytest.raises(NotSoError) as absent:
        library.find("yours")
    assert "mine" in absent.value.advice
    assert "'bad.json' is no plan" in absent.value.advice


scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9)
FIELDS = (*STEP_FIELDS, "id", "title", "version", "steps", "arms", "label")
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=8))
def test_whatever_stands_in_a_file_is_a_plan_or_refused(fields: dict[str, Any]) -> None:
    base = json.loads(text(BREATHE)) | fields
    for content in (json.dumps(base), json.dumps(base)[:-2]):
        try:
            plan = read_plan(content)
        except SettingsError as refused:
            assert refused.advice  # noqa: PT017
        else:
            assert read_plan(plan.canonical) == plan
