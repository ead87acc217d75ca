"""What the events of a session say of the room: who shares, watches, suggests, asks.

Nothing is kept beside the events. So a page that is loaded again, a therapist who comes
back and a replay all see the same, and so does the service.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from biofeedback.model import Value
from biofeedback.session.hub import Hub

Sharing: TypeAlias = Literal["on", "paused", "off"]

ROOM_TYPES = frozenset(
    {"sharing", "watching", "pacer_proposed", "pacer_accepted", "pacer_declined"}
    | {"message", "message_shown", "hand"}
)
"""Events of the room. Only its own doors make them."""

MARKS = frozenset(
    {"posture_change", "talking", "cough", "tearful", "movement", "zoom_in"}
    | {"savoring", "mark"}
)
"""What a therapist can mark by one key."""

TAKEN_BACK = "correction"
"""The event that takes one back; its text is the mark's id."""

SHOWN_IN_A_LIST = frozenset({"sharing", "hand"})
"""Events that the list of a room shows."""

PROPOSAL_OPEN_MS = 60_000


class Proposal(Value, frozen=True):
    """A pace that a therapist suggested at ``t_ms``."""

    id: str
    by: str
    t_ms: float
    rate_bpm: float
    inhale_pct: float


class Span(Value, frozen=True):
    """While this was shared: between two messages; ``None``: it still is.

    Told by the number of the message and by its time, as beats are judged again later.
    """

    from_seq: int
    from_ms: float
    to_seq: int | None = None
    to_ms: float | None = None

    def holds_seq(self, seq: int) -> bool:
        """Say whether the message of this number was told meanwhile."""
        return self.from_seq <= seq and (self.to_seq is None or seq < self.to_seq)

    def holds_time(self, t_ms: float) -> bool:
        """Say whether this instant lies in it."""
        return self.from_ms <= t_ms and (self.to_ms is None or t_ms <= self.to_ms)


class RoomState(Value, frozen=True):
    """How things stand after some events.

    ``asked``: the person said yes or no to sharing; ``yes_seq`` is the number of the
    newest yes. ``answers`` are the answers to
    proposals by their ids; ``letters`` the messages written, ``shown`` those that were
    on screen; ``watching`` the codes of those here; ``marks`` who made which mark that
    stands.
    """

    sharing: Sharing = "off"
    asked: bool = False
    yes_seq: int = 0
    spans: tuple[Span, ...] = ()
    hand: bool = False
    proposal: Proposal | None = None
    answers: frozenset[tuple[str, str]] = frozenset()
    letters: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    watching: frozenset[str] = frozenset()
    marks: frozenset[tuple[str, str]] = frozenset()

    def open_proposal(self, now_ms: float) -> Proposal | None:
        """Return the newest proposal, while it waits for its answer."""
        newest = self.proposal
        if newest is None or now_ms >= newest.t_ms + PROPOSAL_OPEN_MS:
            return None
        return None if self.answer_to(newest.id) else newest

    def answer_to(self, proposal_id: str) -> str | None:
        """Return the type of the event that answered a proposal."""
        return next((type for id, type in self.answers if id == proposal_id), None)

    def was_shared(self, seq: int) -> bool:
        """Say whether the message of this number was told while sharing was on."""
        return any(span.holds_seq(seq) for span in self.spans)

    def was_shared_at(self, t_ms: float) -> bool:
        """Say whether sharing was on at this instant."""
        return any(span.holds_time(t_ms) for span in self.spans)

    def after(self, event: _Event) -> RoomState:
        """Return how things stand after one more event."""
        change = msgspec.structs.replace
        text = event.text or ""
        match event.type:
            case "sharing":
                return self._shared(event)
            case "hand":
                return change(self, hand=text == "up")
            case "watching":
                here = {event.by}
                left = self.watching - here
                return change(self, watching=left | here if text == "on" else left)
            case "pacer_proposed" if event.value is not None:
                return change(self, proposal=_proposal(event))
            case "pacer_accepted" | "pacer_declined":
                if self.answer_to(text) is not None:
                    return self
                return change(self, answers=self.answers | {(text, event.type)})
            case "message":
                return change(self, letters=self.letters | {event.id})
            case "message_shown":
                return change(self, shown=self.shown | {text})
            case type if type in MARKS:
                return change(self, marks=self.marks | {(event.by, event.id)})
            case "correction":
                return change(self, marks=self.marks - {(event.by, text)})
        return self

    def _shared(self, event: _Event) -> RoomState:
        state: Sharing = "on" if event.text == "on" else "off"
        if event.text == "paused":
            state = "paused"
        spans = self.spans
        if state == "on" and self.sharing != "on":
            spans = (*spans, Span(from_seq=event.seq, from_ms=event.t_ms))
        elif state != "on" and self.sharing == "on":
            ended = msgspec.structs.replace(
                spans[-1], to_seq=event.seq, to_ms=event.t_ms
            )
            spans = (*spans[:-1], ended)
        yes_seq = event.seq if state == "on" else self.yes_seq
        return msgspec.structs.replace(
            self, sharing=state, asked=True, yes_seq=yes_seq, spans=spans
        )


class Followed:
    """The state of one live session: catches up with its events when asked."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seen = 0
        self._edition = hub.edition
        self._state = RoomState()

    @property
    def state(self) -> RoomState:
        """How things stand now."""
        if self._edition != self._hub.edition:  # what is held is not what was held
            self._seen, self._edition = 0, self._hub.edition
            self._state = RoomState()
        for message in self._hub.kept(self._seen):
            self._seen += 1
            if message.kind == "event":
                self._state = self._state.after(_decoder.decode(message.data))
        return self._state


class _Event(msgspec.Struct, frozen=True):
    seq: int
    t_ms: float
    id: str
    type: str
    by: str
    value: float | None = None
    text: str | None = None


_decoder: msgspec.json.Decoder[_Event] = msgspec.json.Decoder(_Event)


def _proposal(event: _Event) -> Proposal:
    shape: dict[str, Any] = {}
    try:
        shape = msgspec.json.decode(event.text or "{}")
    except msgspec.DecodeError:
        pass
    return Proposal(
        id=event.id,
        by=event.by,
        t_ms=event.t_ms,
        rate_bpm=event.value or 0.0,
        inhale_pct=float(shape.get("inhale_pct", 40)),
    )
