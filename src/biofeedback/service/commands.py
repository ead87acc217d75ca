"""What may be sent over the live websocket and the room's, and by whom."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from biofeedback.model import Ask, Signal
from biofeedback.practice import pacer
from biofeedback.service.ratings import Rating
from biofeedback.session.playback import To

Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=2000)]
Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Ping(msgspec.Struct, frozen=True, tag_field="kind", tag="ping"):
    """Asks for the session's clock."""

    client_time_ms: float


class Rate(Rating, frozen=True, tag_field="kind", tag="rate"):
    """A rating."""


class Annotate(msgspec.Struct, frozen=True, tag_field="kind", tag="annotate"):
    """A mark, with words or without."""

    type: Name
    text: Text | None = None


class SetPacer(msgspec.Struct, frozen=True, tag_field="kind", tag="pacer.set"):
    """Another pace from the next breath on."""

    rate_bpm: float
    inhale_pct: float = pacer.DEFAULT_INHALE_PCT
    hold_in_ms: int = 0
    hold_out_ms: int = 0


class ProposePacer(msgspec.Struct, frozen=True, tag_field="kind", tag="pacer.propose"):
    """A pace that a therapist suggests."""

    rate_bpm: float
    inhale_pct: float = pacer.DEFAULT_INHALE_PCT


class AcceptPacer(msgspec.Struct, frozen=True, tag_field="kind", tag="pacer.accept"):
    """The person takes it over. ``proposal`` is the event's id."""

    proposal: Id


class DeclinePacer(msgspec.Struct, frozen=True, tag_field="kind", tag="pacer.decline"):
    """The person keeps their own."""

    proposal: Id


class Say(msgspec.Struct, frozen=True, tag_field="kind", tag="say"):
    """A message to the person, shown between breaths."""

    text: Text


class Seen(msgspec.Struct, frozen=True, tag_field="kind", tag="seen"):
    """The message with this id was on screen."""

    message: Id


class Hand(msgspec.Struct, frozen=True, tag_field="kind", tag="hand"):
    """The person raises their hand, or takes it down."""

    up: bool


class AskSignals(msgspec.Struct, frozen=True, tag_field="kind", tag="signals"):
    """Exactly these signals are wanted of the strap beside its heart rate."""

    signals: Annotated[tuple[Ask, ...], msgspec.Meta(max_length=len(Signal))]


class Traces(msgspec.Struct, frozen=True, tag_field="kind", tag="traces"):
    """The samples of exactly these signals are to be shown here, as binary frames."""

    signals: Annotated[tuple[Signal, ...], msgspec.Meta(max_length=len(Signal))]


class ReplaySet(msgspec.Struct, frozen=True, tag_field="kind", tag="replay.set"):
    """Time is to pass or to stand still, and how fast."""

    playing: bool | None = None
    speed: float | None = None


class ReplayStep(msgspec.Struct, frozen=True, tag_field="kind", tag="replay.step"):
    """To the next beat, tick or event, and hold there."""

    to: To


class ReplaySeek(msgspec.Struct, frozen=True, tag_field="kind", tag="replay.seek"):
    """To a time of the recording, or to the event with this id."""

    t_ms: float | None = None
    event: str | None = None


class ReplayLoop(msgspec.Struct, frozen=True, tag_field="kind", tag="replay.loop"):
    """Round and round between two times; without them, straight on again."""

    from_ms: float | None = None
    to_ms: float | None = None


class Stop(msgspec.Struct, frozen=True, tag_field="kind", tag="stop"):
    """The end of the session."""


Command: TypeAlias = (
    Ping
    | Rate
    | Annotate
    | SetPacer
    | ProposePacer
    | AcceptPacer
    | DeclinePacer
    | Say
    | Seen
    | Hand
    | AskSignals
    | Traces
    | ReplaySet
    | ReplayStep
    | ReplaySeek
    | ReplayLoop
    | Stop
)

WATCHING: frozenset[type[Command]] = frozenset({Ping, Traces})
"""What changes nothing: a program that may only read sends no more than these."""

BY_THE_PERSON: frozenset[type[Command]] = WATCHING | {
    *(Rate, Annotate, SetPacer, AcceptPacer, DeclinePacer, Seen, Hand, AskSignals),
    *(ReplaySet, ReplayStep, ReplaySeek, ReplayLoop, Stop),
}
"""What is sent about one's own session, and by nobody else."""

BY_A_THERAPIST: frozenset[type[Command]] = WATCHING | {Annotate, ProposePacer, Say}
"""What is sent about the session of somebody who shares it."""


class RoomAnnotate(
    Annotate, frozen=True, kw_only=True, tag_field="kind", tag="annotate"
):
    """A mark in one of the sessions of the room."""

    session: Id


class RoomPropose(
    ProposePacer, frozen=True, kw_only=True, tag_field="kind", tag="pacer.propose"
):
    """A pace that is suggested in one of them."""

    session: Id


class RoomSay(Say, frozen=True, kw_only=True, tag_field="kind", tag="say"):
    """A message to one of the people in it."""

    session: Id


RoomCommand: TypeAlias = Ping | RoomAnnotate | RoomPropose | RoomSay

_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_room_decoder: msgspec.json.Decoder[RoomCommand] = msgspec.json.Decoder(RoomCommand)


def decode(text: str | bytes) -> Command:
    """Return the command in ``text``.

    Raises
    ------
    msgspec.DecodeError
        When it is not JSON, not a known kind, or not filled in as it should be.
    """
    return _decoder.decode(text)


def decode_for_the_room(text: str | bytes) -> RoomCommand:
    """Return the command of the room in ``text``; raises as :func:`decode` does."""
    return _room_decoder.decode(text)


class Allowance:
    """How many commands a viewer may send: a bucket that fills with time.

    Parameters
    ----------
    burst
        How many at once: ten pings, a few ratings and some more.
    per_s
        How many a second for ever.
    """

    def __init__(self, *, burst: int = 40, per_s: float = 10.0) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = float(burst)
        self._at_s: float | None = None

    def spend(self, now_s: float) -> bool:
        """Take one command from the bucket; ``False`` when it is empty."""
        elapsed_s = 0.0 if self._at_s is None else now_s - self._at_s
        self._at_s = now_s
        self._left = min(self._burst, self._left + elapsed_s * self._per_s)
        if self._left < 1:
            return False
        self._left -= 1
        return True
