"""What a person noted outside of a session, as it travels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from biofeedback.errors import SettingsError
from biofeedback.practice.ratings import SCALES, Moment
from biofeedback.service.ratings import LONGEST_LATENCY_MS, check_on_scale
from biofeedback.store import DiaryRow

Occasion = Literal["pause", "week", "day", "medicine"]
Ulid = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]

MOST_ENTRIES = 100
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DiaryEntryBody(BaseModel):
    """One thing that was noted. ``id`` is made where it was noted, and counts once.

    ``at`` has the offset of the time zone: "in the evening" is part of what was noted.
    """

    model_config = ConfigDict(extra="forbid")

    id: Ulid
    occasion: Occasion
    group_id: Ulid
    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    text: Annotated[str, Field(max_length=2000)] | None = None
    moment: Moment | None = None
    prompt: Annotated[str, Field(max_length=500)] | None = None
    latency_ms: Annotated[int, Field(ge=0, le=LONGEST_LATENCY_MS)] | None = None
    device: Annotated[str, Field(max_length=200)] | None = None
    at: AwareDatetime

    def row(self, person_id: str, kept_at_utc_ns: int) -> DiaryRow:
        """Return it as it is kept.

        Raises
        ------
        SettingsError
            When a rating does not lie on its scale, or the time makes no sense.
        """
        unit = self.unit
        if self.type in SCALES:
            check_on_scale(self.type, self.value)
            unit = SCALES[self.type][2]
        if not EARLIEST <= self.at <= LATEST:
            raise SettingsError(
                f"'at' cannot be in the year {self.at.year}.",
                "Set the clock of the device, then note it again.",
            )
        offset = self.at.utcoffset()
        return DiaryRow(
            id=self.id,
            person_id=person_id,
            occasion=self.occasion,
            group_id=self.group_id,
            type=self.type,
            value=self.value,
            unit=unit,
            text=self.text,
            moment=self.moment,
            prompt=self.prompt,
            latency_ms=self.latency_ms,
            device=self.device,
            at_utc_ns=(self.at - _EPOCH) // timedelta(microseconds=1) * 1000,
            utc_offset_s=0 if offset is None else int(offset.total_seconds()),
            kept_at_utc_ns=kept_at_utc_ns,
        )


class DiaryBody(BaseModel):
    """What was noted, at most a hundred entries at once: all are kept, or none."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[
        list[DiaryEntryBody], Field(min_length=1, max_length=MOST_ENTRIES)
    ]


class KeptShape(BaseModel):
    """The ids of what is on disk now, also of what was there already."""

    ids: list[str]


class DiaryEntryShape(BaseModel):
    """One thing that was noted, at the time of day it was noted."""

    id: str
    occasion: str
    group_id: str
    type: str
    value: float | None
    unit: str | None
    text: str | None
    moment: str | None
    prompt: str | None
    latency_ms: int | None
    device: str | None
    at: datetime

    @classmethod
    def of(cls, row: DiaryRow) -> DiaryEntryShape:
        """Return it as it was kept."""
        zone = timezone(timedelta(seconds=row.utc_offset_s))
        at = _EPOCH + timedelta(microseconds=row.at_utc_ns // 1000)
        return cls(
            id=row.id,
            occasion=row.occasion,
            group_id=row.group_id,
            type=row.type,
            value=row.value,
            unit=row.unit,
            text=row.text,
            moment=row.moment,
            prompt=row.prompt,
            latency_ms=row.latency_ms,
            device=row.device,
            at=at.astimezone(zone),
        )


class DiaryShape(BaseModel):
    """A person's diary, the oldest entry first."""

    entries: list[DiaryEntryShape]
