"""What travels about recordings, for reading, checking and the OpenAPI description."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from biofeedback.model import Label
from biofeedback.recording.relabelling import LONGEST_COMMENT, Change, Layer
from biofeedback.service.shapes import EPOCH, PersonShape


class QualityShape(BaseModel):
    """What a recording is worth, at a glance. ``reason`` is why it is not suitable."""

    duration_s: float
    n_beats: int
    coverage: float
    artefact_pct: float
    n_gaps: int
    suitable: bool
    reason: str | None
    n_ratings: int


class RecordingShape(BaseModel):
    """One recording.

    ``quality`` is null while it is not known: ``trouble`` then says why not, or it is
    being looked into and will be there when asked again.
    """

    id: str
    state: Literal["complete", "recovered", "failed"]
    started_at: datetime
    source: Literal["strap", "simulated", "imported"]
    simulated: bool
    strap_name: str
    person: PersonShape
    quality: QualityShape | None
    trouble: str | None
    loss: str | None
    n_relabelled: int


class RecordingsShape(BaseModel):
    """Recordings, newest first; ``n_pending`` of them are still being looked into."""

    recordings: list[RecordingShape]
    n_pending: int


class LabelBody(BaseModel):
    """What a beat is, as a person judges it. ``by`` is a role or code, never a name."""

    model_config = ConfigDict(extra="forbid")

    index: Annotated[int, Field(ge=0, lt=2**53)]
    label: Label
    by: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$")] | None = (
        None
    )
    comment: Annotated[str, Field(max_length=LONGEST_COMMENT)] | None = None


class ChangeShape(BaseModel):
    """One judgement of one beat, as it stands in the layer."""

    at: datetime
    by: str
    index: int
    label: str
    was: str
    comment: str | None

    @classmethod
    def of(cls, change: Change) -> ChangeShape:
        """Return it as it travels."""
        return cls(
            at=EPOCH + timedelta(microseconds=change.at_utc_ns // 1000),
            by=change.by,
            index=change.index,
            label=str(change.label),
            was=str(change.was),
            comment=change.comment,
        )


class LayerShape(BaseModel):
    """The layer of labels: every change in its order, and what is wrong with it."""

    changes: list[ChangeShape]
    trouble: str | None

    @classmethod
    def of(cls, layer: Layer) -> LayerShape:
        """Return it as it travels."""
        return cls(
            changes=[ChangeShape.of(change) for change in layer.changes],
            trouble=layer.trouble,
        )
