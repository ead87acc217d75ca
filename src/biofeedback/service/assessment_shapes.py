"""What is said of resonance assessments over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

import msgspec
from pydantic import BaseModel

from biofeedback.practice.resonance import Form, NotScored, Part, Recheck
from biofeedback.session.assessment import Assessment
from biofeedback.store import EstimateRow

NS_PER_S = 1_000_000_000


class PacedShape(BaseModel):
    """From ``at_s`` after its part's begin on, breaths of this rate."""

    at_s: float
    rate_bpm: float


class PartShape(BaseModel):
    """One part; ``text`` is what the event of its begin says (``type: "phase"``)."""

    kind: Literal["rest", "step", "slide"]
    text: str
    begins_s: float
    lasts_s: float
    paces: list[PacedShape]


class PlanShape(BaseModel):
    """Which pace an assessment has when."""

    form: Form
    lasts_s: float
    parts: list[PartShape]

    @classmethod
    def of(cls, form: Form, parts: tuple[Part, ...]) -> Self:
        """Return ``parts`` as they are told."""
        return cls(
            form=form,
            lasts_s=parts[-1].begins_s + parts[-1].lasts_s,
            parts=[PartShape.model_validate(msgspec.to_builtins(p)) for p in parts],
        )


class CriteriaShape(BaseModel):
    """The six criteria of one pace, in order of priority."""

    synchrony: float | None
    rsa_bpm: float | None
    lf_ms2: float | None
    lf_peak_ms2_hz: float | None
    smoothness: float | None
    lf_peaks: int | None


class StepShape(BaseModel):
    """One pace, as measured; ``not_scored`` says why it does not count."""

    rate_bpm: float
    begin_ms: float
    duration_s: float
    inhale_pct: float
    n_breaths: int
    breath_error_bpm: float | None
    breath_source: str | None
    artefact_pct: float | None
    criteria: CriteriaShape
    phase_deg: float | None
    probability: float | None
    scored: bool
    not_scored: NotScored | None


class FoundShape(BaseModel):
    """Where the answer was strongest: in 90 of 100 cases between low and high."""

    rate_bpm: float
    probability: float
    estimate_bpm: float
    low_bpm: float
    high_bpm: float
    at_edge: bool


class AssessmentShape(BaseModel):
    """The report of one assessment."""

    session_id: str
    form: Form
    status: Literal["complete", "incomplete", "unreliable"]
    missing: list[str]
    reason: str | None
    date: str | None
    rest_rr_ms: float | None
    breathing: Literal["measured", "assumed"]
    breathing_note: str | None
    steps: list[StepShape]
    estimate: FoundShape | None
    algorithm: str

    @classmethod
    def of(cls, session_id: str, found: Assessment) -> Self:
        """Return a report as it is told."""
        told = msgspec.to_builtins(found)
        return cls.model_validate({"session_id": session_id, **told})


class RecheckShape(BaseModel):
    """Whether to look again, and why."""

    due: bool
    because: Literal["age", "rest_rr"] | None


class EstimateShape(BaseModel):
    """What one assessment found; ``rate_bpm`` is ``null`` where nothing was said."""

    session_id: str
    date: str
    simulated: bool
    rate_bpm: float | None
    probability: float | None
    rest_rr_ms: float | None
    recheck: RecheckShape
    report: AssessmentShape

    @classmethod
    def of(cls, row: EstimateRow, advice: Recheck, *, simulated: bool) -> Self:
        """Return a row of the store as it is told."""
        report = msgspec.json.decode(row.report)
        return cls(
            session_id=row.session_id,
            date=datetime.fromtimestamp(row.at_utc_ns / NS_PER_S, UTC).isoformat(),
            simulated=simulated,
            rate_bpm=row.rate_bpm,
            probability=row.probability,
            rest_rr_ms=row.rest_rr_ms,
            recheck=RecheckShape.model_validate(msgspec.to_builtins(advice)),
            report=AssessmentShape.model_validate(
                {"session_id": row.session_id, **report}
            ),
        )


class EstimatesShape(BaseModel):
    """All that was found, the newest first."""

    estimates: list[EstimateShape]
