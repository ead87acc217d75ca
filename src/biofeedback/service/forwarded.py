"""What nodes of one clinic say to each other about a request of HTTP.

One request of a browser is one :class:`Ask` and as many :class:`More` as it takes: the
answer is pulled, a :class:`Piece` at a time, so that neither side ever holds more than
one piece of it.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

from biofeedback.model import Value

PIECE_BYTES = 256 << 10
"""At most so much of an answer at once; a server of NATS takes 1 MiB."""

ASKED = frozenset(
    (
        *("accept", "accept-language", "authorization", "content-type", "range"),
        *("if-match", "if-none-match", "if-modified-since"),
        *("if-unmodified-since", "if-range"),
    )
)
"""What goes along of what a browser sends; its cookie travels under no name."""

ANSWERED = frozenset(
    (
        *("content-type", "content-length", "content-disposition", "content-range"),
        *("accept-ranges", "etag", "last-modified", "retry-after"),
        *("www-authenticate", "content-security-policy"),
    )
)
"""What comes back: nothing that signs anybody in, least of all a cookie."""

METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
ABOUT_ONE = re.compile(
    r"/api/v1/(?:sessions|recordings)/(?P<id>[0-9A-Za-z]{1,32})"
    r"(?:/(?P<what>[a-z]{1,16})(?:/[a-z0-9-]{1,32})?)?",
    re.ASCII,
)
"""The routes about one session: nothing else is asked of another node."""

_TEXT = re.compile(r"[\x20-\x7e\x80-\xff]*")
_PRINTED = re.compile(r"[\x21-\x7e]*", re.ASCII)
_COOKIE = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Ask(Value, frozen=True, tag="ask"):
    """A request. ``address`` is where the browser asks from, which is limited by it."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    cookie: str | None = None
    body: bytes = b""
    address: str | None = None

    def is_sound(self) -> bool:
        """Say whether it is one of those that are forwarded, and hides nothing."""
        return (
            self.method in METHODS
            and ABOUT_ONE.fullmatch(self.path) is not None
            and _PRINTED.fullmatch(self.query) is not None
            and (self.cookie is None or _COOKIE.fullmatch(self.cookie) is not None)
            and self.headers == sound(self.headers, ASKED)
        )


class More(Value, frozen=True, tag="more"):
    """Asks for what comes next of an answer."""

    id: str


class Leave(Value, frozen=True, tag="leave"):
    """Says that nobody waits for the rest of an answer."""

    id: str


class Has(Value, frozen=True, tag="has"):
    """Asks which of these sessions a node has: live, or their files."""

    sessions: tuple[str, ...]


Question: TypeAlias = Ask | More | Leave | Has


class Piece(Value, frozen=True):
    """A part of an answer.

    ``status`` is ``None`` until it has begun; then the first piece says it, with the
    headers. ``more`` comes; ``broken`` is an answer that ends in its middle.
    """

    id: str = ""
    status: int | None = None
    headers: Headers = ()
    data: bytes = b""
    more: bool = False
    broken: bool = False


_QUESTIONS: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
_PIECES = msgspec.msgpack.Decoder(Piece)
encode = msgspec.msgpack.encode


def question_of(data: bytes) -> Question:
    """Return what was asked.

    Raises
    ------
    msgspec.MsgspecError
        When it is no question.
    """
    return _QUESTIONS.decode(data)


def piece_of(data: bytes) -> Piece:
    """Return what was answered.

    Raises
    ------
    msgspec.MsgspecError
        When it is no piece of an answer.
    """
    return _PIECES.decode(data)


_IDS = msgspec.msgpack.Decoder(frozenset[str])


def ids_of(data: bytes) -> frozenset[str]:
    """Return which sessions a node says that it has.

    Raises
    ------
    msgspec.MsgspecError
        When it says something else.
    """
    return _IDS.decode(data)


def sound(headers: Headers, allowed: frozenset[str]) -> Headers:
    """Return those headers that may travel: known, and on one line each."""
    return tuple(
        (name, value)
        for name, value in headers
        if name in allowed and _TEXT.fullmatch(value)
    )


def texts(headers: list[tuple[bytes, bytes]]) -> Headers:
    """Return headers as ASGI has them as text; every byte has a sign of its own."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in headers
    )


def as_bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI takes them."""
    return [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
    ]
