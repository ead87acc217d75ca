"""Twenty minutes of one simulated heart, as the product records them, to be replayed.

All homes replay one recording, each from a place of its own, so that they are not all
at the same breath. What they send are the recording's own entries and messages; only
the instant in a ``heart`` and a ``metrics`` message is that of its sending, so that a
viewer can tell how long it took.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.recording import INFO, records
from biofeedback.model import AnyRecord, Entry, LinkChange, SessionInfo
from biofeedback.pipeline import Pipeline
from biofeedback.recording.format import (
    MESSAGE_CHANNELS,
    Stored,
    channel_of,
    encode,
)
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.recording.writer import RecordingWriter
from biofeedback.session.clock import NS_PER_MS, NS_PER_S
from biofeedback.session.hub import NEVER_DROPPED
from biofeedback.session.transcript import Message, Transcript

TAPE_S = 1200
FIRST_S, EVERY_S, N_PLACES = 60, 100, 8
"""Where homes begin: after a minute, and each 100 s up to the thirteenth minute."""

HELD = 60
"""So many of the messages before that are held for who comes late."""

STAMPED = ("heart", "metrics")
_T_MS = re.compile(rb'"t_ms":[-+.0-9e]+')


class Item(NamedTuple):
    """One entry; ``message`` is what it says live, ``parts`` where its time stands."""

    stored: Stored
    message: Message | None
    parts: tuple[bytes, bytes] | None

    def at(self, t_ns: int) -> tuple[Stored, Message | None]:
        """Return it with the instant at which it is sent."""
        if self.parts is None or self.message is None:
            return self.stored, self.message
        t_ms = t_ns / NS_PER_MS
        head, tail = self.parts
        data = b'%s"t_ms":%.6f%s' % (head, t_ms, tail)
        said = self.message
        return (
            Stored(
                sequence=self.stored.sequence,
                channel=self.stored.channel,
                t_ns=self.stored.t_ns,
                data=data,
            ),
            Message(seq=said.seq, kind=said.kind, t_ms=t_ms, data=data),
        )


class Moment(NamedTuple):
    """What one record brings about, at one instant of the session."""

    t_ns: int
    items: tuple[Item, ...]


class Cut(NamedTuple):
    """The tape from a place on, numbered from 1, and what was held there."""

    start_ns: int
    held: tuple[Message, ...]
    moments: tuple[Moment, ...]


class Tape:
    """One recording in memory."""

    def __init__(self, seconds: int = TAPE_S) -> None:
        self.moments = tuple(_moments(seconds))
        self._cuts: dict[int, Cut] = {}

    @cached_property
    def about(self) -> Recording:
        """What a recording of such a session says of itself."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{INFO.id}.mcap.part"
            RecordingWriter(path, INFO, min_free_bytes=0).close()
            return open_recording(path)

    def cut(self, place: int) -> Cut:
        """Return the tape from one of the places on; the same one each time."""
        place %= N_PLACES
        if place not in self._cuts:
            self._cuts[place] = self._cut_at((FIRST_S + EVERY_S * place) * NS_PER_S)
        return self._cuts[place]

    @property
    def whole(self) -> Cut:
        """The tape from its beginning."""
        return Cut(start_ns=0, held=(), moments=self.moments)

    def _cut_at(self, start_ns: int) -> Cut:
        before = [one for one in self.moments if one.t_ns < start_ns]
        after = self.moments[len(before) :]
        said = [m for moment in before for _, m, _ in moment.items if m is not None]
        live = {m.seq for m in said if m.kind not in NEVER_DROPPED}
        newest = set(sorted(live)[-HELD:])
        n_before = sum(len(moment.items) for moment in before)
        return Cut(
            start_ns=start_ns,
            held=tuple(m for m in said if m.seq not in live or m.seq in newest),
            moments=tuple(
                Moment(moment.t_ns, _renumbered(moment.items, n_before))
                for moment in after
            ),
        )


def info_of(session: str, started_at_utc_ns: int) -> SessionInfo:
    """Return what is known of one of the sessions; whose it is stays at home."""
    return msgspec.structs.replace(
        INFO, id=session, started_at_utc_ns=started_at_utc_ns, person=""
    )


def _renumbered(items: Sequence[Item], n_before: int) -> tuple[Item, ...]:
    return tuple(
        item._replace(
            stored=msgspec.structs.replace(
                item.stored, sequence=item.stored.sequence - n_before
            )
        )
        for item in items
    )


def _shared(inputs: Iterator[AnyRecord]) -> Iterator[AnyRecord]:
    # The person says yes to being watched as soon as the strap is there.
    for record in inputs:
        yield record
        if isinstance(record, LinkChange):
            yield Entry(
                t_ns=record.t_ns, id="yes", type="sharing", by="person", text="on"
            )


def _moments(seconds: int) -> Iterator[Moment]:
    transcript = Transcript(Pipeline())
    sequence = 0
    for record in _shared(records(seconds)):
        sequence += 1
        items = [
            Item(
                Stored(
                    sequence=sequence,
                    channel=channel_of(record),
                    t_ns=record.t_ns,
                    data=encode(record),
                ),
                None,
                None,
            )
        ]
        for message in transcript.feed(record):
            sequence += 1
            stored = Stored(
                sequence=sequence,
                channel=MESSAGE_CHANNELS[message.kind],
                t_ns=record.t_ns,
                data=message.data,
            )
            items.append(Item(stored, message, _parts(message)))
        yield Moment(record.t_ns, tuple(items))


def _parts(message: Message) -> tuple[bytes, bytes] | None:
    if message.kind not in STAMPED:
        return None
    found = _T_MS.search(message.data)
    assert found is not None, "a message without its time"
    return message.data[: found.start()], message.data[found.end() :]
