"""Lays out the report of some weeks."""

from __future__ import annotations

from datetime import date

from biofeedback.report.layout import (
    Block,
    Facts,
    Page,
    Picture,
    Prose,
    Row,
    Section,
    Table,
)
from biofeedback.report.parts import HALF_MM, LONGEST_NAME, NOT_SHARED, badges, withheld
from biofeedback.report.values import Average, Number, RatedWeek, TrendReport, Week
from biofeedback.report.week_charts import (
    MOST_BARS,
    changes_said,
    line_chart,
    minutes_chart,
    pair_chart,
    swing_chart,
    week_name,
)
from biofeedback.report.wording import ARROW, clean, cut, day_said, number, plural

MOST_ROWS = 12

LIMITS = (
    "What this page is not: it is no diagnosis, no advice on treatment or medicines, "
    "and no score. It comes from a practice and self-observation tool, which is not a "
    "medical device. Days and weeks without an entry are left open and count as "
    "nothing. An average over a few answers is unsure: its bars hold 95 of 100 such "
    "weeks. How often somebody paused or felt an urge is neither good nor bad. A "
    "change over weeks has many causes; these pictures cannot tell which."
)


def trend_page(report: TrendReport) -> Page:
    """Return the page of some weeks."""
    n = len(report.weeks)
    return Page(
        name="Trend report",
        title=f"{plural(n, 'week')} of practice",
        subject=(cut(clean(report.who), LONGEST_NAME), _when(report)),
        badges=badges(simulated=report.simulated, deidentified=report.deidentified),
        rows=(
            ((Section(title="", blocks=(Facts(rows=_glance(report), large=True),)),),),
            _beside(
                Section(title="Minutes practised", blocks=_minutes(report)),
                Section(title="Gap", blocks=_gap(report)),
            ),
            _beside(
                Section(title="Pain intensity", blocks=_pain(report, "intensity")),
                Section(
                    title="Pain unpleasantness", blocks=_pain(report, "unpleasantness")
                ),
            ),
            _beside(
                Section(title="PEG: pain, enjoyment, activity", blocks=_peg(report)),
                Section(title="The heart's answer", blocks=_swing(report)),
            ),
            ((Section(title="Week by week", blocks=_table(report)),),),
        ),
        limits=LIMITS,
        foot=report.software,
    )


def _beside(left: Section, right: Section) -> Row:
    return ((left,), (right,))


def _when(report: TrendReport) -> str:
    if report.until is None:
        return "de-identified: weeks are counted from the first one shown"
    return f"up to {day_said(date.fromisoformat(report.until))}"


def _glance(report: TrendReport) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    if report.n_symptoms:
        times = plural(report.n_symptoms, "practice")
        rows.append(("Stopped", f"The patient felt unwell and stopped in {times}."))
    practised = [w for w in report.weeks if w.practised is not None]
    if practised:
        n = sum(w.n_practices or 0 for w in practised)
        done = sum(w.practised.value is not None for w in practised if w.practised)
        rows.append(
            (
                "Practice",
                f"{plural(n, 'practice')} in {done} of {len(practised)} weeks.",
            )
        )
    if report.gap_change is not None:
        said = changes_said(report.gap_change)
        rows.append(("Gap", f"Within practices: {said}."))
    rated = [w.rated for w in report.weeks if w.rated is not None]
    if rated:
        n_pauses = sum(one.n_pauses for one in rated)
        told = "None noted."
        if n_pauses:
            told = f"{n_pauses}, each ending in a choice of their own."
        rows.append(("Pauses", told))
    rows += withheld(report.withheld)
    return tuple(rows)


def _rated(report: TrendReport) -> list[RatedWeek] | None:
    rows = [week.rated for week in report.weeks]
    known = [row for row in rows if row is not None]
    return known if len(known) == len(rows) else None


def _absent() -> tuple[Block, ...]:
    return (Prose(text=NOT_SHARED, quiet=True),)


def _nothing(text: str) -> tuple[Block, ...]:
    return (Prose(text=text, quiet=True),)


def _minutes(report: TrendReport) -> tuple[Block, ...]:
    if any(week.practised is None for week in report.weeks):
        return _absent()
    return (
        Picture(drawing=minutes_chart(report.weeks, HALF_MM)),
        Prose(text="Minutes a week. No goal was set.", quiet=True),
    )


def _gap(report: TrendReport) -> tuple[Block, ...]:
    rated = _rated(report)
    if rated is None:
        return _absent()
    before = [one.gap_before for one in rated]
    after = [one.gap_after for one in rated]
    if not _any(before, after):
        return _nothing("Never rated in these weeks.")
    most = _reach([*before, *after])
    return (
        Picture(
            drawing=pair_chart(
                report.weeks,
                before,
                after,
                HALF_MM,
                least=-most,
                most=most,
                name="Gap",
            )
        ),
        Prose(
            text="Unpleasantness less intensity. Hollow: before, filled: after.",
            quiet=True,
        ),
    )


def _reach(averages: list[Average]) -> float:
    # Intervals of two answers may reach beyond all scales: they are cut at the frame.
    means = [abs(one.mean.value) for one in averages if one.mean.value is not None]
    ends = sorted(
        max(abs(one.low), abs(one.high))
        for one in averages
        if one.low is not None and one.high is not None
    )
    reach = max([*means, *ends[: 3 * len(ends) // 4]])
    return next((most for most in (2.0, 4.0, 6.0) if reach <= most), 10.0)


def _pain(report: TrendReport, kind: str) -> tuple[Block, ...]:
    rated = _rated(report)
    if rated is None:
        return _absent()
    bars = "; bars: 95\N{NO-BREAK SPACE}%" if len(rated) <= MOST_BARS else ""
    if kind == "intensity":
        before = [one.intensity_before for one in rated]
        after = [one.intensity_after for one in rated]
    else:
        before = [one.unpleasantness_before for one in rated]
        after = [one.unpleasantness_after for one in rated]
    if not _any(before, after):
        return _nothing("Never rated in these weeks.")
    return (
        Picture(
            drawing=pair_chart(
                report.weeks,
                before,
                after,
                HALF_MM,
                least=0.0,
                most=10.0,
                name=f"Pain {kind}",
            )
        ),
        Prose(text=f"0 to 10. Hollow: before, filled: after{bars}.", quiet=True),
    )


def _any(*series: list[Average]) -> bool:
    return any(one.mean.value is not None for averages in series for one in averages)


def _peg(report: TrendReport) -> tuple[Block, ...]:
    rated = _rated(report)
    if rated is None:
        return _absent()
    values = [one.peg.value for one in rated]
    if all(value is None for value in values):
        return _nothing("Never answered in these weeks.")
    chart = line_chart(report.weeks, values, HALF_MM, least=0.0, most=10.0, name="PEG")
    note = "Mean of three questions, 0 to 10 (Krebs 2009)."
    return (Picture(drawing=chart), Prose(text=note, quiet=True))


def _swing(report: TrendReport) -> tuple[Block, ...]:
    part = report.swing
    if part is None:
        return _absent()
    if all(one.rsa.value is None for one in part.swings):
        return _nothing("No practice with a clean signal in these weeks.")
    note = "RSA in bpm. Line: median of a fortnight. Dots: practices."
    if part.usual.low is not None:
        note += " Shade: their middle half."
    return (
        Picture(drawing=swing_chart(part, report.weeks, HALF_MM)),
        Prose(text=note, quiet=True),
    )


# --- The table -----------------------------------------------------------------------


def _table(report: TrendReport) -> tuple[Block, ...]:
    shown = report.weeks[-MOST_ROWS:]
    heads = (
        ("Week of" if report.until is not None else "Week"),
        *("Practices", "Minutes", "Pauses", "Intensity", "Unpleasant."),
        *("Gap change", "Craving", "Self-control", "PEG"),
    )
    blocks: list[Block] = [
        Table(
            heads=heads,
            rows=tuple(_row(week) for week in shown),
            shares=(1.3, 1.2, 1.1, 1.0, 1.5, 1.5, 1.3, 1.1, 1.5, 0.9),
        )
    ]
    note = (
        "Intensity and unpleasantness: mean before and after; craving and self-control "
        "as answered first. –: not known."
    )
    if len(shown) < len(report.weeks):
        note += f" The {len(shown)} newest weeks; all stand in the table beside it."
    return (*blocks, Prose(text=note, quiet=True))


def _row(week: Week) -> tuple[str, ...]:
    rated = week.rated
    practices = ("–", "–")
    if week.practised is not None:
        practices = (str(week.n_practices), _known(week.practised))
    answers = ("–",) * 7
    if rated is not None:
        answers = (
            str(rated.n_pauses),
            _both(rated.intensity_before, rated.intensity_after),
            _both(rated.unpleasantness_before, rated.unpleasantness_after),
            _known(rated.gap_change.mean, 1, sign=True),
            _known(rated.craving.mean, 1),
            _known(rated.self_control.mean, 1),
            _known(rated.peg, 1),
        )
    return (week_name(week), *practices, *answers)


def _both(before: Average, after: Average) -> str:
    if before.mean.value is None and after.mean.value is None:
        return "–"
    return f"{_known(before.mean, 1)} {ARROW} {_known(after.mean, 1)}"


def _known(found: Number, digits: int = 0, *, sign: bool = False) -> str:
    if found.value is None:
        return "–"
    if sign:
        plus = "+" if round(found.value, digits) > 0 else ""
        return plus + number(found.value, digits)
    return number(found.value, digits)
