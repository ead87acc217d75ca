"""What travels over HTTP, for reading, checking and the OpenAPI description."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from biofeedback.model import Ask, Signal
from biofeedback.practice import pacer
from biofeedback.practice.ratings import Moment, RatingType
from biofeedback.service.ratings import LONGEST_LATENCY_MS, Rating
from biofeedback.store import LossReport, Person, RatingRow, SessionRow

Speed = Annotated[float, Field(ge=0.25, le=64)]
Text = Annotated[str, Field(max_length=2000)]
Value = Annotated[float, Field(allow_inf_nan=False)]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """What comes in, of known words alone."""

    # A word that is not known is a mistake, and must not be ignored in silence.
    model_config = ConfigDict(extra="forbid")


class SignInBody(Body):
    """The token that stood in the link."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class AskBody(Body):
    """A signal that is wanted of the strap beside its heart rate."""

    signal: Signal
    rate_hz: Annotated[int, Field(ge=1, le=1000)] | None = None

    def ask(self) -> Ask:
        """Return it as the core calls it."""
        return Ask(signal=self.signal, rate_hz=self.rate_hz)


class SessionBody(Body):
    """What to begin. ``profile`` and ``seed`` are for the simulated strap.

    ``strap_name`` is for one that this browser has paired (``browser:…``). ``plan`` is
    one of ``GET plans``; ``arm`` places a person in an arm of it by hand.
    """

    strap: Annotated[str, Field(max_length=200)]
    strap_name: Annotated[str, Field(max_length=100)] | None = None
    signals: Annotated[list[AskBody], Field(max_length=len(Signal))] = []
    plan: Annotated[str, Field(min_length=1, max_length=60)] = "practice"
    arm: Annotated[str, Field(max_length=60)] | None = None
    person: str | None = None
    profile: str | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class RatingBody(Body):
    """One answer to one question."""

    type: RatingType
    value: int
    moment: Moment
    prompt: Annotated[str, Field(max_length=500)] | None = None
    latency_ms: Annotated[int, Field(ge=0, le=LONGEST_LATENCY_MS)] | None = None
    device: Annotated[str, Field(max_length=200)] | None = None

    def rating(self) -> Rating:
        """Return it as a value that lies on its scale.

        Raises
        ------
        SettingsError
            When it does not.
        """
        rating = Rating(**self.model_dump())
        rating.check()
        return rating


class EventBody(Body):
    """A mark, a phase of the practice, a note.

    ``at_ms`` is when it happened on the session's clock, where the screen knows that
    better than its arrival tells.
    """

    type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
    value: Value | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    text: Text | None = None
    at_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    corrects: Annotated[str, Field(max_length=26)] | None = None


class PacerBody(Body):
    """A pace; its limits are the pacer's.

    It is reached in steps of half a breath a minute, each ``ease_s`` long and at least
    a breath. ``ramp_minutes`` says that a practice of this length begins: then they
    come from the person's own rate, or from ``from_rate_bpm`` where a page says which.
    ``origin_ms`` begins a breath at this instant.
    """

    rate_bpm: Value
    inhale_pct: Value = pacer.DEFAULT_INHALE_PCT
    hold_in_ms: Annotated[int, Field(le=600_000)] = 0
    hold_out_ms: Annotated[int, Field(le=600_000)] = 0
    ease_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    ramp_minutes: Annotated[float, Field(ge=0, le=120)] | None = None
    from_rate_bpm: Value | None = None
    origin_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class ReplayBody(Body):
    """How fast to show it: 1 is as it was."""

    speed: Speed = 1.0


class PersonShape(BaseModel):
    """Someone, under a pseudonym."""

    id: str
    pseudonym: str

    @classmethod
    def of(cls, person: Person) -> PersonShape:
        """Return what may be told of ``person``."""
        return cls(id=person.id, pseudonym=person.pseudonym)


class MeShape(BaseModel):
    """Who is signed in.

    ``code``, ``name`` and ``display`` are the account's, null for the owner.
    ``shared``: others have accounts here. ``shares``: this person lets somebody watch
    live, in the sessions where they say so. ``joined``: this computer has joined a
    clinic, and there are people there to share with.
    """

    person: PersonShape
    role: Literal["owner", "patient", "therapist", "researcher", "admin", "program"]
    code: str | None
    name: str | None
    display: str | None
    shared: bool
    shares: bool
    joined: bool


class PeopleShape(BaseModel):
    """Everyone."""

    people: list[PersonShape]


class StrapShape(BaseModel):
    """A strap that can be chosen."""

    id: str
    name: str
    address: str
    rssi_dbm: int | None
    profile: str
    simulated: bool
    hint: str | None


class RadioShape(BaseModel):
    """Whether straps can be found now, and if not, why."""

    available: bool
    reason: str | None
    advice: str | None


class StrapsShape(BaseModel):
    """What can be chosen."""

    straps: list[StrapShape]
    radio: RadioShape
    preferred: str | None


class AskShape(BaseModel):
    """A signal that is asked of the strap beside its heart rate."""

    signal: Signal
    rate_hz: int | None

    @classmethod
    def of(cls, ask: Ask) -> AskShape:
        """Return it as it travels."""
        return cls(signal=ask.signal, rate_hz=ask.rate_hz)


class SessionShape(BaseModel):
    """One sitting. ``loss`` says what a crash or a full disk took from it.

    ``signals`` are those asked of the strap now; an ended session asks for none.
    """

    id: str
    state: Literal["live", "closing", "complete", "recovered", "failed"]
    started_at: datetime
    ended_at: datetime | None
    person: PersonShape
    plan: str
    source: Literal["strap", "simulated", "replay", "imported"]
    simulated: bool
    strap_name: str
    replay_of: str | None
    speed: float | None
    summary_ready: bool
    loss: str | None
    signals: list[AskShape]

    @classmethod
    def of(
        cls,
        row: SessionRow,
        person: Person,
        *,
        summary_ready: bool,
        loss: LossReport | None,
        signals: Sequence[Ask],
    ) -> SessionShape:
        """Return what may be told of a session."""
        return cls(
            id=row.id,
            state=row.state.value,
            started_at=instant(row.started_at_utc_ns),
            ended_at=(
                None if row.ended_at_utc_ns is None else instant(row.ended_at_utc_ns)
            ),
            person=PersonShape.of(person),
            plan=row.plan,
            source=row.source,
            simulated=row.simulated,
            strap_name=row.strap_name,
            replay_of=row.replay_of,
            speed=row.speed,
            summary_ready=summary_ready,
            loss=None if loss is None else loss.sentence,
            signals=[AskShape.of(ask) for ask in signals],
        )


class SessionsShape(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionShape]


class RatingShape(BaseModel):
    """What was answered. ``t_ms`` is null when it came after the session."""

    id: str
    type: str
    value: float
    unit: str
    moment: str
    prompt: str | None
    latency_ms: int | None
    device: str | None
    at: datetime
    t_ms: float | None
    in_recording: bool

    @classmethod
    def of(cls, row: RatingRow) -> RatingShape:
        """Return a rating as it was kept."""
        return cls(
            id=row.id,
            type=row.type,
            value=row.value,
            unit=row.unit,
            moment=row.moment,
            prompt=row.prompt,
            latency_ms=row.latency_ms,
            device=row.device,
            at=instant(row.at_utc_ns),
            t_ms=row.t_ms,
            in_recording=row.in_recording,
        )


class RatingsShape(BaseModel):
    """Ratings in the order they were given."""

    ratings: list[RatingShape]


class IdShape(BaseModel):
    """The id of what was kept."""

    id: str


class ProblemShape(BaseModel):
    """An error: a sentence and advice (``application/problem+json``)."""

    type: str
    title: str
    status: int
    detail: str
    reason: str | None
    advice: str | None


class HealthShape(BaseModel):
    """The service is there."""

    status: Literal["ok"]
    version: str


class CheckShape(BaseModel):
    """Whether one part of the service can be used."""

    ok: bool
    sentence: str


class ReadyShape(BaseModel):
    """Whether anybody should be sent here; ``checks`` are for the operator."""

    ready: bool
    checks: dict[str, CheckShape] | None = None


def instant(utc_ns: int) -> datetime:
    """Return an instant as it travels."""
    # Whole microseconds: a float of seconds would be off by some hundred ns.
    return EPOCH + timedelta(microseconds=utc_ns // 1000)
