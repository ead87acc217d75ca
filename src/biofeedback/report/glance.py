"""What is read first of a session's report: a few sentences, the stop before them."""

from __future__ import annotations

from biofeedback.report.layout import (
    Facts,
    Section,
)
from biofeedback.report.parts import (
    minutes,
    value,
    withheld,
)
from biofeedback.report.values import (
    BreathingPart,
    HeartPart,
    Rated,
    RatingsPart,
    SessionReport,
)
from biofeedback.report.wording import (
    ARROW,
    NOT_KNOWN,
    clock,
    listed,
    lower,
    named,
    number,
    percent,
    points,
    practice,
    signed,
)


def glance(report: SessionReport) -> Section:
    """Return the first section of the page."""
    rows: list[tuple[str, str]] = []
    words = report.words
    if words is not None and words.symptoms:
        at = listed(clock(one.t_s) for one in words.symptoms)
        what = listed(dict.fromkeys(named(one.text) for one in words.symptoms))
        rows.append(("Stopped", f"The patient felt {what} and stopped at {at}."))
    rows.append(("Practice", _practised(report)))
    if report.ratings is not None:
        rows.append(("Pain", _pain(report.ratings)))
    if report.heart is not None:
        rows.append(("Heart", _amplitude(report.heart)))
    rows += withheld(report.withheld)
    return Section(title="", blocks=(Facts(rows=tuple(rows), large=True),))


def _practised(report: SessionReport) -> str:
    part = report.breathing
    length = minutes(report.duration)
    if part is None:
        return f"The session was {length} long."
    if part.minutes.value is None:
        return f"The session was {length} long. {part.minutes.reason}"
    told = f"{minutes(part.minutes)} of {practice(part.practice)}"
    if part.rate.value is not None:
        told += f" at {_pace(part, part.rate.value)}"
    if part.followed.value is not None:
        told += f", followed {percent(part.followed.value)} of the time"
    return f"{told}."


def _pace(part: BreathingPart, rate_bpm: float) -> str:
    most = number(rate_bpm, 1)
    slowest, fastest = part.slowest.value, part.fastest.value
    if not part.varied or slowest is None or fastest is None:
        return f"{most} breaths/min"
    span = f"{number(slowest, 1)} to {number(fastest, 1)}"
    return f"{span} breaths/min, mostly {most}"


def _pain(part: RatingsPart) -> str:
    by_type = {one.type: one for one in part.rated}
    told = []
    intensity = by_type["pain_intensity"]
    if intensity.points.value is not None:
        told.append(f"Intensity {_from_to(intensity)}: {change_said(intensity)}.")
    bother = by_type["pain_unpleasantness"]
    if bother.points.value is not None:
        told.append(f"Unpleasantness {_from_to(bother)}.")
    gap = by_type["gap"]
    if gap.points.value is not None:
        told.append(f"Gap {_from_to(gap)}.")
    return " ".join(told) or f"{NOT_KNOWN.capitalize()}: not rated before and after."


def _from_to(rated: Rated) -> str:
    told = signed if rated.type == "gap" else points
    before, after = rated.before.value, rated.after.value
    assert before is not None
    assert after is not None
    return f"{told(before)} {ARROW} {told(after)}"


def change_said(rated: Rated) -> str:
    """Return the change of pain intensity in points, percent and words.

    The wording of IMMPACT's bands stands as text, never as a colour.
    """
    change = rated.points.value
    if change is None:
        return rated.points.reason or NOT_KNOWN
    if not change:
        return "no change"
    n = points(abs(change))
    told = f"{n} point{'' if abs(change) == 1 else 's'} "
    told += "lower" if change < 0 else "higher"
    if rated.pct is not None and rated.pct.value is not None:
        told += f" ({percent(abs(rated.pct.value))})"
    if rated.band is not None and change < 0:
        told += f", {rated.band}"
    return told


def _amplitude(part: HeartPart) -> str:
    now, usual = part.amplitude.number, part.usual
    if now.value is None:
        return f"Amplitude {value(now)}"
    told = f"Amplitude {number(now.value, 1)} bpm"
    if usual.low is None or usual.high is None:
        return f"{told}. Usual range not known: {lower(usual.reason or '')}"
    where = "within"
    if now.value < usual.low:
        where = "below"
    elif now.value > usual.high:
        where = "above"
    return (
        f"{told}, {where} this person's usual range of "
        f"{number(usual.low, 1)} to {number(usual.high, 1)} bpm."
    )
