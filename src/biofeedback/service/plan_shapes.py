"""Plans as they travel: an arm is told by its label alone."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from biofeedback.practice.plan_library import Unreadable
from biofeedback.practice.plans import AnyStep, Chosen, Plan


class AdaptiveBody(BaseModel):
    """Whether the pace may follow the heart's answer."""

    model_config = ConfigDict(extra="forbid")

    on: bool


class PlanShape(BaseModel):
    """A plan that a session can follow.

    ``minutes`` is how long its timed steps take, the longest arm's where it has arms.
    A plan with ``arms`` tells their labels, and neither its steps nor its description.
    """

    id: str
    title: str
    version: int
    sha256: str
    description: str | None
    minutes: float
    arms: list[str]
    steps: list[dict[str, Any]] | None

    @classmethod
    def of(cls, plan: Plan) -> PlanShape:
        """Return what may be told of ``plan`` to whoever follows it."""
        ways = [arm.steps for arm in plan.arms] or [plan.steps]
        return cls(
            id=plan.id,
            title=plan.title,
            version=plan.version,
            sha256=plan.sha256,
            description=None if plan.arms else plan.description,
            minutes=round(max(map(_seconds, ways)) / 60, 2),
            arms=sorted(arm.label for arm in plan.arms),
            steps=None if plan.arms else _steps(plan.steps),
        )


class UnreadableShape(BaseModel):
    """A file in the folder of plans that is none, and why."""

    name: str
    problem: str

    @classmethod
    def of(cls, bad: Unreadable) -> UnreadableShape:
        """Return it as it travels."""
        return cls(name=bad.name, problem=bad.problem)


class PlansShape(BaseModel):
    """Plans by title."""

    plans: list[PlanShape]
    unreadable: list[UnreadableShape]


class SessionPlanShape(BaseModel):
    """The plan that a session follows, with the steps of its own arm."""

    id: str
    title: str
    version: int
    sha256: str
    label: Annotated[str | None, Field(description="What is shown of the arm.")]
    steps: list[dict[str, Any]]

    @classmethod
    def of(cls, chosen: Chosen) -> SessionPlanShape:
        """Return what whoever follows it needs."""
        plan = chosen.plan
        return cls(
            id=plan.id,
            title=plan.title,
            version=plan.version,
            sha256=plan.sha256,
            label=chosen.label,
            steps=_steps(chosen.steps),
        )


def _seconds(steps: tuple[AnyStep, ...]) -> float:
    return sum(step.duration_s or 0.0 for step in steps)


def _steps(steps: tuple[AnyStep, ...]) -> list[dict[str, Any]]:
    return [
        {**msgspec.to_builtins(step), "duration_s": step.duration_s} for step in steps
    ]
