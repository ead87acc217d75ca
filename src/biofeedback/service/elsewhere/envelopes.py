"""What travels between the node that runs a session and those where it is watched.

=========================== ============================================= ==========
subject                     what                                          answer
=========================== ============================================= ==========
``presence.<o>.session.<s>`` :class:`Ad`                                   –
``live.<o>.<s>``            :class:`Envelope`, while somebody wants it    –
``cmd.<o>.<s>``             :class:`Want`                                  :class:`Held`
``cmd.<o>.<s>``             :class:`Order`                                :class:`Done`
=========================== ============================================= ==========

``<o>`` is the origin (two tokens), ``<s>`` the session's id. All is MessagePack.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from biofeedback.model import Ask, SessionInfo, Signal, Value
from biofeedback.service.given import Given
from biofeedback.service.problems import Trouble
from biofeedback.service.room_state import Sharing
from biofeedback.session.transcript import Message

LARGEST_BYTES = 400_000
"""Messages beyond this wait for the next envelope or the next answer: a NATS server
takes at most a mebibyte at once."""

WITHHELD = "withheld"
"""The kind of a message whose place is known and whose content stays at its origin."""

SESSION = ".session."
"""Stands between the origin and the session's id in a key of presence."""


class Ad(Value, frozen=True):
    """A session that others may ask for; it names nobody.

    ``person_id`` is whose it is; ``sharing`` how it was shared when this was said,
    ``signals`` what was asked of the strap by then beside its heart rate.
    """

    info: SessionInfo
    person_id: str
    sharing: Sharing = "off"
    signals: tuple[Ask, ...] = ()


class Table(Value, frozen=True):
    """What every account is given; a later table has a larger ``version``."""

    version: int = 0
    given: dict[str, Given] = msgspec.field(default_factory=dict)


class Envelope(Value, frozen=True):
    """A piece of what a session says, in its order.

    ``n`` counts the envelopes of a session without a hole. Those with ``frames`` of
    samples alone, which nobody misses, are not counted: theirs is that of the one
    before them. ``edition`` rises when what was told before no longer holds: then all
    is asked for anew. ``over``: nothing more will come.
    """

    n: int
    edition: int
    messages: tuple[Message, ...] = ()
    table: Table | None = None
    frames: bool = False
    over: bool = False


class Want(Value, frozen=True, tag_field="kind", tag="want"):
    """Asks what is held after the message ``since``, and for all that comes.

    The origin goes on sending for a while, to be asked again before that is over.
    ``watching`` are the accounts that see it at ``node`` now, ``signals`` those whose
    frames are wanted there; ``leaves``: nobody does any more. A node may open a new
    ``mirror`` before its last one has left.
    """

    node: str
    since: int
    mirror: str = ""
    watching: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    leaves: bool = False


class Held(Value, frozen=True, tag_field="kind", tag="held"):
    """The messages after ``since`` that are still held, and how things stand.

    ``n`` is the newest envelope whose content this includes; with ``more`` there are
    further messages, to be asked for after the last of these. ``announced`` is how
    a replay stands, ``begun_anew`` what was announced when it jumped last.
    ``refused`` are accounts that may not watch, and why not. ``now_ns`` is the
    session's time, which passes ``rate`` times as fast as the day's; ``utc_ns`` is
    the origin's.
    """

    ad: Ad
    n: int
    edition: int
    messages: tuple[Message, ...]
    more: bool
    table: Table
    now_ns: int
    rate: float
    utc_ns: int
    over: bool = False
    announced: Message | None = None
    begun_anew: Message | None = None
    refused: dict[str, str] = msgspec.field(default_factory=dict)


class Order(Value, frozen=True, tag_field="kind", tag="order"):
    """A command of a viewer, as it came over the websocket.

    It is followed once, however often it is sent with one ``id``. ``account`` is who
    watches; without, it is from the person ``person_id`` themself, ``by`` a page of
    theirs or a program.
    """

    id: str
    command: bytes
    account: str | None = None
    person_id: str | None = None
    by: Literal["person", "program"] = "person"


class Done(Value, frozen=True, tag_field="kind", tag="done"):
    """The answer to an order: ``None`` means that it was followed."""

    trouble: Trouble | None = None


class Unknown(Value, frozen=True, tag_field="kind", tag="unknown"):
    """The answer where there is no such session, or it is not offered."""


Question: TypeAlias = Want | Order
Answer: TypeAlias = Held | Done | Unknown

encode = msgspec.msgpack.Encoder().encode
_ad: msgspec.msgpack.Decoder[Ad] = msgspec.msgpack.Decoder(Ad)
_envelope: msgspec.msgpack.Decoder[Envelope] = msgspec.msgpack.Decoder(Envelope)
_question: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
_answer: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def decode_ad(data: bytes) -> Ad:
    """Return the ad in ``data``; raises ``ValueError`` where it is none."""
    return _ad.decode(data)


def decode_envelope(data: bytes) -> Envelope:
    """Return the envelope in ``data``; raises ``ValueError`` where it is none."""
    return _envelope.decode(data)


def decode_question(data: bytes) -> Question:
    """Return the question in ``data``; raises ``ValueError`` where it is none."""
    return _question.decode(data)


def decode_answer(data: bytes) -> Answer:
    """Return the answer in ``data``; raises ``ValueError`` where it is none."""
    return _answer.decode(data)


def live_subject(origin: str, session_id: str) -> str:
    """Return where what a session says is sent."""
    return f"live.{origin}.{session_id}"


def command_subject(origin: str, session_id: str) -> str:
    """Return where a session is asked, and told what to do."""
    return f"cmd.{origin}.{session_id}"


def presence_key(origin: str, session_id: str) -> str:
    """Return the key under which a session is announced."""
    return f"{origin}{SESSION}{session_id}"
