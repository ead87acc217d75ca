"""Where somebody is in a plan, and where they went another way.

The page marks each step as it begins (``type: "plan"``, ``text``: its id), and
``pause``, ``resume`` and ``end``. All else follows from these marks and the plan. The
page walks by the same rules (``dashboard/src/plan-walk.ts``); both are held to one
table.
"""

from __future__ import annotations

from collections.abc import Sequence

from biofeedback.model import PacerEvent, Value
from biofeedback.practice.plans import AnyStep, Practice

EARLY_MS = 2_000.0
"""A step that ends so little early was not cut short: a breath was at its end."""

LATE_MS = 15_000.0
"""One that ends so little late did not overrun: its last breath, and a tap."""

OFF_PACE_BPM = 0.05
SETTLING_MS = 2_000.0

END, PAUSE, RESUME = "end", "pause", "resume"


class Mark(Value, frozen=True):
    """The id of a step that began, or ``pause``, ``resume``, ``end``."""

    text: str
    at_ms: float


class Deviation(Value, frozen=True):
    """What was not as planned.

    ``what`` is ``skipped``, ``again``, ``cut_short``, ``overran``, ``paused`` or
    ``pace_changed``; ``amount`` is in seconds, or the pace in breaths a minute;
    ``None`` where there is nothing to measure.
    """

    step_id: str
    what: str
    at_ms: float
    amount: float | None = None


class Walk(Value, frozen=True):
    """Where a walk is. ``index`` is ``None`` before its first step and after its end.

    ``left_ms`` is how long a timed step still lasts; 0 where its time is over.
    """

    index: int | None
    left_ms: float | None
    paused: bool
    done: bool
    deviations: tuple[Deviation, ...]


def walk(
    steps: Sequence[AnyStep],
    marks: Sequence[Mark],
    now_ms: float,
    schedule: Sequence[PacerEvent] = (),
) -> Walk:
    """Return where a walk through ``steps`` is at ``now_ms``.

    Parameters
    ----------
    steps
        Those of the plan, or of the arm.
    marks
        By time. A mark that names no step is passed over.
    now_ms
        On the session's clock.
    schedule
        The pacer's, to see whether its pace was changed during a practice.
    """
    place = {step.id: index for index, step in enumerate(steps)}
    found: list[Deviation] = []
    visited: set[int] = set()
    index: int | None = None
    began_ms = paused_ms = 0.0
    pause_from_ms: float | None = None
    done = False

    def close(at_ms: float) -> None:
        nonlocal paused_ms, pause_from_ms
        if index is None:
            return
        if pause_from_ms is not None:
            paused_ms += at_ms - pause_from_ms
            pause_from_ms = None
        found.extend(_ended(steps[index], began_ms, at_ms, paused_ms, schedule))

    for mark in marks:
        if done or mark.at_ms > now_ms:
            break
        if mark.text == PAUSE and index is not None:
            pause_from_ms = mark.at_ms if pause_from_ms is None else pause_from_ms
        elif mark.text == RESUME and pause_from_ms is not None:
            paused_ms += mark.at_ms - pause_from_ms
            pause_from_ms = None
        elif mark.text == END or mark.text in place:
            to = place.get(mark.text, len(steps))
            if to == index:
                continue  # sent twice
            close(mark.at_ms)
            if to in visited:
                found.append(_of(steps[to], "again", mark.at_ms))
            first = 0 if not visited else max(visited) + 1
            for passed in range(first, to):
                found.append(_of(steps[passed], "skipped", mark.at_ms))
                visited.add(passed)
            visited.add(to)
            done = mark.text == END
            index, began_ms, paused_ms = (None if done else to), mark.at_ms, 0.0
    left_ms = None
    if index is not None and (duration_s := steps[index].duration_s) is not None:
        stands_ms = now_ms if pause_from_ms is None else pause_from_ms
        left_ms = max(0.0, 1000 * duration_s - (stands_ms - began_ms - paused_ms))
    return Walk(
        index=index,
        left_ms=left_ms,
        paused=pause_from_ms is not None,
        done=done,
        deviations=tuple(found),
    )


def _of(step: AnyStep, what: str, at_ms: float) -> Deviation:
    return Deviation(step_id=step.id, what=what, at_ms=at_ms)


def _ended(
    step: AnyStep,
    began_ms: float,
    ended_ms: float,
    paused_ms: float,
    schedule: Sequence[PacerEvent],
) -> list[Deviation]:
    """Return what was not as planned in a step that ended."""
    found = []

    def add(what: str, amount: float) -> None:
        found.append(
            Deviation(
                step_id=step.id, what=what, at_ms=ended_ms, amount=round(amount, 3)
            )
        )

    if paused_ms > 0:
        add("paused", paused_ms / 1000)
    if step.duration_s is not None:
        over_ms = ended_ms - began_ms - paused_ms - 1000 * step.duration_s
        if over_ms < -EARLY_MS:
            add("cut_short", -over_ms / 1000)
        elif over_ms > LATE_MS:
            add("overran", over_ms / 1000)
    if isinstance(step, Practice):
        rate_bpm = _other_pace(step, began_ms, ended_ms, schedule)
        if rate_bpm is not None:
            add("pace_changed", rate_bpm)
    return found


def _other_pace(
    step: Practice, began_ms: float, ended_ms: float, schedule: Sequence[PacerEvent]
) -> float | None:
    """Return the first pace that left the plan's, once that had been reached."""
    reached = False
    for part in schedule:
        if part.origin_ms >= ended_ms or part.origin_ms < began_ms - SETTLING_MS:
            continue
        same = abs(part.rate_bpm - step.rate_bpm) <= OFF_PACE_BPM
        if reached and not same:
            return part.rate_bpm
        reached = reached or same
    return None
