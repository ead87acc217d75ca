"""Lays out the report of a session, to be read in a minute from the top down."""

from __future__ import annotations

from datetime import datetime

from biofeedback.report.glance import glance
from biofeedback.report.layout import (
    Block,
    Facts,
    Item,
    Items,
    Page,
    Picture,
    Prose,
    Row,
    Section,
    Table,
)
from biofeedback.report.parts import (
    HALF_MM,
    LONGEST_NAME,
    NARROW_MM,
    NOT_SHARED,
    WIDE_MM,
    badges,
    minutes,
    value,
)
from biofeedback.report.session_charts import gap_chart, timeline, usual_strip
from biofeedback.report.shapes import Drawing
from biofeedback.report.values import (
    BreathingPart,
    Mark,
    Measure,
    Number,
    Rated,
    SessionReport,
    WordsPart,
)
from biofeedback.report.wording import (
    QUESTIONS,
    clean,
    clock,
    cut,
    day_said,
    listed,
    lower,
    named,
    number,
    percent,
    plural,
    points,
    signed,
    who,
    zone_said,
)

MOST_MARKS = 8
LONGEST_MARK = 60
MOST_WORDS = 4
LONGEST_WORDS = 480
"""Signs of what the person wrote, in all: what is longer stands in the table."""

SHORT_WINDOW_S = 300.0

LIMITS = (
    "What this page is not: it is no diagnosis, no advice on treatment or medicines, "
    "and no score. It comes from a practice and self-observation tool, which is not a "
    "medical device. A change between before and after is not proof that the practice "
    "caused it: pain comes and goes by itself. Numbers of the heart depend on age, "
    "medicines, posture and pace; they are compared with this person's own earlier "
    "practices, never with other people. While breathing is paced, LF/HF and a body "
    "activation have no meaning and are not shown."
)

LISTED = frozenset(
    {"phase", "practice", "posture", "eyes", "plan", "deviation", "adapt"}
    | {"sharing", "watching", "message_shown", "correction"}
    | set(QUESTIONS)
)
"""Marks that are not in the list below the timeline: they stand elsewhere, or in the
table that belongs to the report."""


def session_page(report: SessionReport) -> Page:
    """Return the page of a session."""
    marks = _numbered(report)
    rows: tuple[Row, ...] = (
        ((glance(report),),),
        (
            (Section(title="Before and after", blocks=_ratings(report)),),
            (
                Section(title="The heart's answer", blocks=_heart(report)),
                Section(title="Practice and signal", blocks=_quality(report)),
            ),
        ),
        ((Section(title="Timeline", blocks=_timeline(report, marks)),),),
        ((Section(title="What the patient wrote", blocks=_words(report)),),),
    )
    return Page(
        name="Session report",
        title="Session report",
        subject=_subject(report),
        badges=badges(simulated=report.simulated, deidentified=report.deidentified),
        rows=rows,
        limits=LIMITS,
        foot=f"Session {report.session} · {report.software}, {report.algorithm}",
    )


def _subject(report: SessionReport) -> tuple[str, ...]:
    if report.started is None:
        when = f"day {report.day} since the first session"
    else:
        started = datetime.fromisoformat(report.started)
        when = f"{day_said(started.date())}, {started:%H:%M} ({zone_said(started)})"
    return (cut(clean(report.who), LONGEST_NAME), when)


def _ratings(report: SessionReport) -> tuple[Block, ...]:
    part = report.ratings
    if part is None:
        return (Prose(text=NOT_SHARED, quiet=True),)
    answered = part.answered()
    if not answered:
        return (Prose(text="Nothing was rated in this session.", quiet=True),)
    by_type = {one.type: one for one in part.rated}
    chart = gap_chart(
        by_type["pain_intensity"], by_type["pain_unpleasantness"], HALF_MM
    )
    blocks: list[Block] = [] if chart is None else [Picture(drawing=chart)]
    blocks.append(
        Table(
            heads=("Question", "Before", "During", "After", "Change"),
            rows=tuple(_rated(one) for one in answered),
            shares=(3.6, 1.0, 1.1, 0.9, 1.2),
        )
    )
    intensity = by_type["pain_intensity"]
    if intensity.points.value is not None:
        blocks.append(
            Prose(
                text="Marks of 30 and 50 % (IMMPACT) speak of groups of patients over "
                "weeks; for one practice they are words for a size.",
                quiet=True,
            )
        )
    if "gap" in {one.type for one in answered}:
        blocks.append(Prose(text="Gap: unpleasantness less intensity.", quiet=True))
    missing = [
        QUESTIONS[one.type]
        for one in part.rated
        if one not in answered and one.type != "gap"
    ]
    if missing:
        names = listed(name.lower() for name in missing)
        blocks.append(Prose(text=f"Not answered: {names}.", quiet=True))
    return tuple(blocks)


def _rated(one: Rated) -> tuple[str, ...]:
    tell = signed if one.type == "gap" else points

    def told(found: Number) -> str:
        return "–" if found.value is None else tell(found.value)

    scale = "" if one.type == "gap" else f" ({one.lowest}–{one.highest})"
    change = one.points.value
    return (
        f"{QUESTIONS[one.type]}{scale}",
        told(one.before),
        ", ".join(points(value) for value in one.during[-3:]) or "–",
        told(one.after),
        "–" if change is None else signed(change),
    )


def _heart(report: SessionReport) -> tuple[Block, ...]:
    part = report.heart
    if part is None:
        return (Prose(text=NOT_SHARED, quiet=True),)
    blocks: list[Block] = []
    strip = usual_strip(part.amplitude, part.usual, HALF_MM - 2)
    if strip is not None:
        blocks.append(Picture(drawing=strip))
    usual = part.usual
    blocks.append(
        Prose(
            text=(
                "RSA from peak to trough of a breath. Shade: the middle half of "
                f"{plural(usual.n, 'practice')} in the {usual.days} days before; "
                "stroke: their median."
                if usual.low is not None
                else f"Usual range not known: {lower(usual.reason or '')}"
            ),
            quiet=True,
        )
    )
    blocks.append(
        Table(
            heads=("Measure", "Value", "Window", "Clean", "Artefacts"),
            rows=tuple(_measured(one) for one in (part.amplitude, *part.measures)),
            shares=(2.7, 1.7, 1.3, 1.1, 1.5),
        )
    )
    why = _why([one.number for one in (part.amplitude, *part.measures)])
    if why:
        blocks.append(Prose(text=f"Not known: {lower(why)}", quiet=True))
    window_s = part.amplitude.window.value
    if window_s is not None and window_s < SHORT_WINDOW_S:
        blocks.append(
            Prose(text="The window is under 5 minutes: short for RMSSD.", quiet=True)
        )
    return tuple(blocks)


MEASURES = {
    "amplitude": "Amplitude (RSA)",
    "heart_rate": "Heart rate, mean",
    "rmssd": "RMSSD",
}
DIGITS = {"amplitude": 1}


def _measured(one: Measure) -> tuple[str, ...]:
    coverage, artefact, window = one.coverage.value, one.artefact.value, one.window
    known = one.number.value is not None
    return (
        MEASURES[one.name],
        value(one.number, DIGITS.get(one.name, 0)) if known else "–",
        "–" if window.value is None else clock(window.value),
        "–" if coverage is None else percent(coverage),
        "–" if artefact is None else percent(artefact, 1),
    )


def _why(numbers: list[Number]) -> str:
    return " ".join(dict.fromkeys(one.reason for one in numbers if one.reason))


def _numbered(report: SessionReport) -> list[tuple[str, Mark]]:
    found = [one for one in report.marks if one.type not in LISTED and one.t_s >= 0]
    if report.words is not None:
        # What the patient wrote has a place of its own.
        found = [
            one
            for one in found
            if one.by not in ("person", "patient", "owner")
            or one.type == "symptom"
            or not one.text
        ]
    return [(str(k), one) for k, one in enumerate(found, start=1)]


def _timeline(
    report: SessionReport, marks: list[tuple[str, Mark]]
) -> tuple[Block, ...]:
    part, heart = report.breathing, report.heart
    length_s = 60 * (report.duration.value or 0.0)
    if not length_s:
        return (
            Prose(text=f"Not known: {lower(report.duration.reason or '')}", quiet=True),
        )

    def drawn(width: float) -> Drawing:
        return timeline(
            length_s,
            marks,
            width,
            trace=None if heart is None else heart.trace,
            practice=_span(part),
        )

    blocks: list[Block] = [
        Picture(drawing=drawn(WIDE_MM), narrow=drawn(NARROW_MM)),
    ]
    if heart is not None and heart.trace is not None:
        blocks.append(
            Prose(
                text="Line: mean heart rate. Shade: slowest to fastest beat in each "
                f"{number(heart.trace.bin_s)} s; breathing slowly, the amplitude. "
                "Nothing drawn: not known.",
                quiet=True,
            )
        )
    elif heart is None:
        blocks.append(Prose(text="The heart is not shared.", quiet=True))
    shown = marks[:MOST_MARKS]
    if marks:
        blocks.append(
            Items(
                items=tuple(_item(name, mark) for name, mark in shown),
                columns=2,
                n_more=len(marks) - len(shown),
            )
        )
    else:
        blocks.append(Prose(text="Nothing was marked.", quiet=True))
    return tuple(blocks)


def _span(part: BreathingPart | None) -> tuple[float, float] | None:
    if part is None or part.minutes.value is None:
        return None
    return (part.from_s, part.to_s)


def _item(name: str, mark: Mark) -> Item:
    # The mark of a therapist may be named by whoever wrote the page that sends it.
    what = cut(clean(named(mark.type)), 24)
    if mark.type == "symptom":
        what = f"felt {named(mark.text or 'unwell')}, stopped"
    return Item(
        name=name,
        text=f"{clock(mark.t_s)} {what} · {who(mark.by)}",
        typed=""
        if mark.type == "symptom"
        else cut(clean(mark.text or ""), LONGEST_MARK),
    )


def _words(report: SessionReport) -> tuple[Block, ...]:
    part: WordsPart | None = report.words
    if part is None:
        return (Prose(text=NOT_SHARED, quiet=True),)
    if part.left_out is not None:
        return (Prose(text=part.left_out, quiet=True),)
    if not part.wrote:
        return (Prose(text="Nothing.", quiet=True),)
    items, left = [], LONGEST_WORDS
    for one in part.wrote[:MOST_WORDS]:
        if left <= 1:
            break
        # Each has its share, so that one long text hides no other.
        share = max(LONGEST_WORDS // min(len(part.wrote), MOST_WORDS), 80)
        typed = cut(clean(one.text), min(left, max(share, left // 2)))
        left -= len(typed)
        items.append(Item(name=clock(one.t_s), text="", typed=typed))
    return (Items(items=tuple(items), n_more=len(part.wrote) - len(items)),)


def _quality(report: SessionReport) -> tuple[Block, ...]:
    rows: list[tuple[str, str]] = []
    breathing, heart = report.breathing, report.heart
    rows.append(("Session", minutes(report.duration)))
    if heart is None:
        rows.append(("Heart", "not shared"))
    elif heart.suitable is None:
        rows.append(("Signal", value(heart.coverage)))
    else:
        rows += [
            ("Clean beats", value(heart.coverage)),
            ("Artefacts", value(heart.artefact, 1)),
            ("Gaps", value(heart.n_gaps, 0, "")),
            ("Suits HRV", "yes" if heart.suitable else "no"),
        ]
        if heart.trouble:
            rows.append(("Why", heart.trouble))
    if breathing is None:
        rows.append(("Breathing", "not shared"))
    else:
        rows += _breath(breathing)
    if report.words is not None:
        sat = (report.words.posture, report.words.eyes and f"eyes {report.words.eyes}")
        noted = ", ".join(named(one) for one in sat if one)
        rows.append(("Posture", noted or "not noted"))
    return (Facts(rows=tuple(rows)),)


def _breath(part: BreathingPart) -> list[tuple[str, str]]:
    pace = value(part.rate, 1)
    slowest, fastest = part.slowest.value, part.fastest.value
    if part.varied and slowest is not None and fastest is not None:
        pace = f"mostly {pace} ({number(slowest, 1)} to {number(fastest, 1)})"
    if part.inhale.value is not None and part.exhale.value is not None:
        pace += f", in {number(part.inhale.value)} : out {number(part.exhale.value)}"
    return [
        ("Pace", pace),
        ("Followed", value(part.followed)),
        ("In phase", value(part.in_phase)),
    ]
