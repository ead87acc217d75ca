"""Writes a report as one table: a row for each number, each mark and each word.

``name, value, unit, reason`` are of numbers; ``t_s, by, text`` of what happened. A
rectangle, so that every spreadsheet and every language reads it as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from biofeedback.recording.exporters.csv_tables import safe
from biofeedback.report.values import (
    Average,
    BreathingPart,
    HeartPart,
    Measure,
    Number,
    RatedWeek,
    RatingsPart,
    SessionReport,
    SwingPart,
    TrendReport,
    Usual,
)

COLUMNS = ("name", "value", "unit", "reason", "t_s", "by", "text")

Row = tuple[str, ...]


def session_csv(report: SessionReport) -> str:
    """Return the table of a session."""
    rows = [
        _text("who", report.who),
        _text("session", report.session),
        _text("started", report.started),
        _row("day", None if report.day is None else float(report.day), "days"),
        _flag("simulated", report.simulated),
        _flag("deidentified", report.deidentified),
        _number("duration", report.duration),
    ]
    if report.breathing is not None:
        rows += _breathing(report.breathing)
    if report.heart is not None:
        rows += _heart(report.heart)
    if report.ratings is not None:
        rows += _ratings(report.ratings)
    if report.words is not None:
        rows.append(_text("posture", report.words.posture))
        rows.append(_text("eyes", report.words.eyes))
        rows += [
            ("words." + one.type, "", "", "", _told(one.t_s), "", safe(one.text))
            for one in (*report.words.symptoms, *report.words.wrote)
        ]
        if report.words.left_out is not None:
            rows.append(("words", "", "", report.words.left_out, "", "", ""))
    rows += [
        (
            f"mark.{one.type}",
            _told(one.value),
            safe(one.unit),
            "",
            _told(one.t_s),
            safe(one.by),
            safe(one.text),
        )
        for one in report.marks
    ]
    rows += [_text("withheld", stream) for stream in report.withheld]
    rows += [_text("software", report.software), _text("algorithm", report.algorithm)]
    return _written(rows)


def trend_csv(report: TrendReport) -> str:
    """Return the table of some weeks; names begin with the number of the week."""
    rows = [
        _text("who", report.who),
        _text("until", report.until),
        _flag("simulated", report.simulated),
        _flag("deidentified", report.deidentified),
    ]
    for week in report.weeks:
        at = f"week{week.number}"
        rows.append(_text(f"{at}.monday", week.monday))
        if week.practised is not None:
            n = week.n_practices
            rows.append(_number(f"{at}.practised", week.practised))
            rows.append(_row(f"{at}.n_practices", None if n is None else float(n), ""))
        if week.rated is not None:
            rows += _rated_week(at, week.rated)
    if report.swing is not None:
        rows += _swing(report.swing)
    if report.gap_change is not None:
        rows += _average("gap_change", report.gap_change)
    if report.n_symptoms is not None:
        rows.append(_row("n_symptoms", float(report.n_symptoms), "practices"))
    rows += [_text("withheld", stream) for stream in report.withheld]
    rows.append(_text("software", report.software))
    return _written(rows)


def _breathing(part: BreathingPart) -> list[Row]:
    return [
        _text("practice", part.practice),
        _row("practice.from", part.from_s, "s"),
        _row("practice.to", part.to_s, "s"),
        _number("practice.minutes", part.minutes),
        _number("practice.rate", part.rate),
        _number("practice.slowest_rate", part.slowest),
        _number("practice.fastest_rate", part.fastest),
        _number("practice.inhale", part.inhale),
        _number("practice.exhale", part.exhale),
        _number("practice.followed", part.followed),
        _number("practice.in_phase", part.in_phase),
    ]


def _heart(part: HeartPart) -> list[Row]:
    rows = [
        _number("quality.coverage", part.coverage),
        _number("quality.artefacts", part.artefact),
        _number("quality.gaps", part.n_gaps),
        _row(
            "quality.suitable",
            None if part.suitable is None else float(part.suitable),
            "",
            part.trouble or "",
        ),
        ("quality.trouble", "", "", part.trouble or "", "", "", ""),
    ]
    for one in (part.amplitude, *part.measures):
        rows += _measure(one)
    return [*rows, *_usual("usual", part.usual)]


def _measure(one: Measure) -> list[Row]:
    return [
        _number(one.name, one.number),
        _number(f"{one.name}.window", one.window),
        _number(f"{one.name}.coverage", one.coverage),
        _number(f"{one.name}.artefacts", one.artefact),
    ]


def _usual(name: str, usual: Usual) -> list[Row]:
    reason = usual.reason or ""
    return [
        _row(f"{name}.n", float(usual.n), "practices"),
        _row(f"{name}.days", float(usual.days), "days"),
        _row(f"{name}.median", usual.median, "bpm", reason),
        _row(f"{name}.low", usual.low, "bpm", reason),
        _row(f"{name}.high", usual.high, "bpm", reason),
    ]


def _ratings(part: RatingsPart) -> Iterator[Row]:
    for one in part.rated:
        yield _number(f"{one.type}.before", one.before)
        for value in one.during:
            yield _row(f"{one.type}.during", value, "points")
        yield _number(f"{one.type}.after", one.after)
        yield _number(f"{one.type}.change", one.points)
        if one.pct is not None:
            yield _number(f"{one.type}.change_pct", one.pct)
        if one.band is not None:
            yield _text(f"{one.type}.band", one.band)


def _rated_week(at: str, rated: RatedWeek) -> list[Row]:
    rows: list[Row] = []
    for name in RatedWeek.__struct_fields__:
        found = getattr(rated, name)
        if isinstance(found, Average):
            rows += _average(f"{at}.{name}", found)
        elif isinstance(found, Number):
            rows.append(_number(f"{at}.{name}", found))
        else:
            rows.append(_row(f"{at}.{name}", float(found), ""))
    return rows


def _average(name: str, found: Average) -> list[Row]:
    few = "Needs two answers."
    return [
        _number(name, found.mean),
        _row(f"{name}.n", float(found.n), "answers"),
        _row(f"{name}.low", found.low, "points", few),
        _row(f"{name}.high", found.high, "points", few),
    ]


def _swing(part: SwingPart) -> list[Row]:
    rows: list[Row] = []
    for k, one in enumerate(part.swings, start=1):
        rows.append(_row(f"amplitude{k}.day", one.day, "days"))
        rows.append(_number(f"amplitude{k}", one.rsa))
        rows.append(_number(f"amplitude{k}.rolling_median", one.rolling))
    return [*rows, *_usual("amplitude.usual", part.usual)]


def _number(name: str, number: Number) -> Row:
    return _row(name, number.value, number.unit, number.reason or "")


def _row(name: str, value: float | None, unit: str, reason: str = "") -> Row:
    return (name, _told(value), unit, reason if value is None else "", "", "", "")


def _flag(name: str, holds: bool) -> Row:
    return (name, "1" if holds else "0", "", "", "", "", "")


def _text(name: str, text: str | None) -> Row:
    return (name, "", "", "", "", "", safe(text))


def _told(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(round(value, 6))


def _written(rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return out.getvalue()
