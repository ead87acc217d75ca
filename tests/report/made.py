"""Reports to look at: of the calm example, with everything in them that can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache

import msgspec

from biofeedback.model import Entry
from biofeedback.pipeline import ALGORITHM
from biofeedback.practice.history import PEG, Note, Sitting, history_of
from biofeedback.practice.ratings import Answer
from biofeedback.report.building import build_session
from biofeedback.report.identity import Identity, Past
from biofeedback.report.trends import Answered, build_trend
from biofeedback.report.values import SessionReport, TrendReport
from biofeedback.service.cataloguing import quality_of
from biofeedback.session.contents import Contents, contents_of
from biofeedback.store import (
    PractisedRow,
    Quality,
    RatingRow,
    SessionRow,
    Stream,
)
from tests.shelf import EXAMPLES

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
STARTED_NS = 1_795_700_676 * NS_PER_S  # 2026-11-26 13:44:36 UTC
THERAPIST = "T-7Q2M9K"
EVERY = frozenset(Stream)

WHO = Identity(
    who="P-7K2M9Q",
    session="01M8C1KNFKRN4MK8VZNQCP077M",
    first_utc_ns=STARTED_NS - 40 * NS_PER_DAY,
    reader="T-AAAAAA",
)
MASKED = Identity(
    who="S-4F7K2QX9",
    session="CODE0OF0THE0SESSION0000000",
    first_utc_ns=STARTED_NS - 40 * NS_PER_DAY,
    reader="R-BBBBBB",
    deidentified=True,
    free_text=False,
)
PAST = tuple(
    Past(started_at_utc_ns=STARTED_NS - day * NS_PER_DAY, rsa_bpm=rsa_bpm)
    for day, rsa_bpm in ((1, 9.0), (2, 10.0), (5, 12.0), (27, 20.0), (29, 99.0))
)
PRACTISED = PractisedRow(
    session_id="s",
    practice="mindful_breathing",
    minutes=2.0,
    rate_bpm=6.0,
    rsa_bpm=13.5,
    in_phase_pct=97.0,
    followed_pct=93.0,
    utc_offset_s=3600,
)


def entry(
    second: float,
    type: str,
    text: str | None = None,
    *,
    by: str = "person",
    value: float | None = None,
    moment: str | None = None,
    corrects: str | None = None,
) -> Entry:
    """Return something that was entered; by the person, if nobody else is named."""
    return Entry(
        t_ns=round(second * NS_PER_S),
        id=f"{type}{second}",
        type=type,
        by=by,
        text=text,
        value=value,
        moment=moment,
        corrects=corrects,
    )


PLANTED = (
    entry(10, "phase", "practice", value=2.0),
    entry(10, "practice", "mindful_breathing"),
    entry(10, "posture", "reclined"),
    entry(10, "eyes", "closed"),
    entry(20, "phase", "mindful_breathing/settle"),
    entry(30, "cough", by=THERAPIST),
    entry(40, "tearful", "zebra of the therapist", by=THERAPIST),
    entry(50, "thought", "zebra of the patient"),
    entry(60, "pain_unpleasantness", value=6.0, moment="during"),
    entry(130, "symptom", "dizzy"),
)


@cache
def example(name: str = "calm") -> tuple[Contents, Quality]:
    """Return what an example recording holds, and what it is worth."""
    path = EXAMPLES / f"{name}.mcap"
    return contents_of(path), quality_of(path)


def answers(**values: tuple[float | None, float | None]) -> tuple[RatingRow, ...]:
    """Return answers before and after, by type."""
    return tuple(
        RatingRow(
            id=f"{type}-{moment}",
            session_id="s",
            type=type,
            value=value,
            unit="nrs_0_10",
            moment=moment,
            at_utc_ns=STARTED_NS,
            in_recording=True,
        )
        for type, pair in values.items()
        for moment, value in zip(("before", "after"), pair, strict=True)
        if value is not None
    )


ANSWERS = answers(
    pain_intensity=(7, 5),
    pain_unpleasantness=(8, 4),
    craving=(6, 4),
    self_control=(4, 7),
)


def session(
    *,
    streams: frozenset[Stream] = EVERY,
    identity: Identity = WHO,
    entries: Sequence[Entry] = PLANTED,
    ratings: Sequence[RatingRow] = ANSWERS,
    practised: PractisedRow | None = PRACTISED,
    past: Sequence[Past] = PAST,
    simulated: bool = False,
    recording: str | None = "calm",
) -> SessionReport:
    """Return the report of a session in which everything happened."""
    contents: Contents | None = None
    quality: Quality | None = None
    if recording is not None:
        contents, quality = example(recording)
        contents = msgspec.structs.replace(contents, entries=tuple(entries))
    return build_session(
        SessionRow(
            id="s",
            person_id="p",
            plan="practice",
            source="strap",
            simulated=simulated,
            strap_name="Polar H10",
            started_at_utc_ns=STARTED_NS,
            ended_at_utc_ns=STARTED_NS + 150 * NS_PER_S,
        ),
        contents,
        identity=identity,
        streams=streams,
        practised=practised,
        quality=quality,
        ratings=ratings,
        past=past,
        algorithm=ALGORITHM,
    )


TODAY = date(2026, 11, 26)
EMPTY_WEEK = 3
"""Weeks ago, in which nothing was done."""


def trend(
    *,
    streams: frozenset[Stream] = EVERY,
    deidentified: bool = False,
    empty: bool = False,
) -> TrendReport:
    """Return eight weeks with two practices in each but one."""
    sittings, notes, swings = [], [], []
    for back in range(0, 0 if empty else 56):
        day = TODAY - timedelta(days=back)
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        ns = round(at.timestamp()) * NS_PER_S
        week = (TODAY - day + timedelta(days=6 - TODAY.weekday())).days // 7
        if week == EMPTY_WEEK or back % 3:
            continue
        sittings.append(
            Sitting(
                session_id=str(back),
                at_utc_ns=ns,
                utc_offset_s=0,
                practice="body_scan",
                minutes=10.0,
                simulated=False,
                symptom=back == 12,
                answers=tuple(
                    Answer(type=type, value=value, moment=moment)
                    for type, value, moment in (
                        ("pain_intensity", 6.0, "before"),
                        ("pain_unpleasantness", 7.0 + back % 2, "before"),
                        ("pain_intensity", 5.0, "after"),
                        ("pain_unpleasantness", 4.0, "after"),
                        ("craving", 3.0, "before"),
                    )
                ),
            )
        )
        swings.append(Answered(day=day, at_utc_ns=ns, rsa_bpm=10.0 + back % 5))
        notes += [
            Note(
                occasion="week",
                group_id=str(back),
                type=type,
                at_utc_ns=ns,
                utc_offset_s=0,
                value=5.0,
            )
            for type in PEG
        ]
        notes.append(
            Note(
                occasion="pause",
                group_id=f"pause{back}",
                type="choice",
                at_utc_ns=ns,
                utc_offset_s=0,
            )
        )
    return build_trend(
        history_of(sittings, notes, today=TODAY, n_weeks=8),
        swings,
        who="S-4F7K2QX9" if deidentified else "P-7K2M9Q",
        streams=streams,
        deidentified=deidentified,
    )
