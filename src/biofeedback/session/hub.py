"""Gives every viewer of a session its messages, each at its own speed.

The hub holds what a late viewer needs: all messages of the kept kinds and the newest
of the rest. Each viewer has two bounded lanes. When its lane of live messages is
full the oldest is dropped, and a ``gap`` says which; kept messages are never dropped:
when their lane is full the viewer is told to come again with ``since``. Nobody waits
for anybody: publishing never blocks.

Frames of samples go only to viewers that asked for them, by a lane of their own that
drops the oldest: their numbers show what is missing. They are not held for latecomers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from biofeedback.model import KEPT_KINDS, Signal
from biofeedback.session.counts import SessionCounts
from biofeedback.session.transcript import PROTOCOL_VERSION, Message

HELD_LIVE = 1200
"""Live messages held for late viewers: about five minutes of a resting heart."""

LIVE_LANE = 128
"""Live messages waiting for one viewer: about forty seconds of a heart. A beat that is
judged otherwise may restate a whole minute of windows at once."""

KEPT_LANE = 256

NEVER_DROPPED = KEPT_KINDS | {"replay"}

TRACE_LANE = 16
"""Frames of samples waiting for one viewer: about five seconds of ECG and ACC."""


class Listener(Protocol):
    """Whoever is to hear everything at once, in its order; it must not block."""

    def offer(self, message: Message) -> None:
        """Take a message; of the kind ``replay``: how things stand."""
        ...

    def offer_frame(self, frame: Message) -> None:
        """Take a frame of samples."""
        ...

    def restarted(self) -> None:
        """Know that what was told before no longer holds."""
        ...

    def end(self) -> None:
        """Know that nothing more will come."""
        ...


class ViewerEnded(Exception):
    """The session has ended and this viewer has seen all of it."""


class ViewerTooSlow(Exception):
    """Kept messages would have to be dropped: come again with ``since``."""


class Viewer:
    """One reader of a session. Await :meth:`next` until it raises."""

    def __init__(self, hub: Hub, seen: int, live_lane: int, kept_lane: int) -> None:
        self._hub = hub
        self._bounds = (live_lane, kept_lane)
        self._live_lane = live_lane
        self._kept_lane = kept_lane
        self._live: deque[Message] = deque()
        self._kept: deque[Message] = deque()
        self._frames: deque[Message] = deque(maxlen=TRACE_LANE)
        self._arrived = asyncio.Event()
        self._frame_arrived = asyncio.Event()
        self._ended = False
        self._too_slow = False
        self.last_seq = seen
        self.dropped = 0
        self.traces: frozenset[Signal] = frozenset()

    def backfill(self, messages: list[Message]) -> None:
        """Start with what the hub still holds; the lanes' bounds come after."""
        for message in messages:
            lane = self._kept if message.kind in NEVER_DROPPED else self._live
            lane.append(message)
        self._live_lane = max(self._live_lane, len(self._live))
        self._kept_lane = max(self._kept_lane, len(self._kept) + self._kept_lane)
        if messages:
            self._arrived.set()

    def offer(self, message: Message) -> None:
        """Take a message, making room among the live ones if need be."""
        if self._too_slow:
            return
        if message.kind in NEVER_DROPPED:
            if len(self._kept) >= self._kept_lane:
                self._too_slow = True
                self._hub.counts.shed += 1
                self._live.clear()
            else:
                self._kept.append(message)
        else:
            if len(self._live) >= self._live_lane:
                self._live.popleft()
                self.dropped += 1
                self._hub.counts.dropped += 1
            self._live.append(message)
        self._arrived.set()

    def restart(self, messages: list[Message], seen: int) -> None:
        """Forget what is waiting and begin anew with ``messages``, after ``seen``."""
        self._live.clear()
        self._kept.clear()
        self._frames.clear()
        self._live_lane, self._kept_lane = self._bounds
        self.last_seq = seen
        self.backfill(messages)

    def want(self, signals: Iterable[Signal], *, waiting: int = TRACE_LANE) -> None:
        """Receive frames of exactly these signals from now on.

        Beyond so many that are ``waiting`` the oldest are dropped.
        """
        self.traces = frozenset(signals)
        left = (frame for frame in self._frames if frame.signal in self.traces)
        self._frames = deque(left, maxlen=waiting)
        self._hub.tell_wanted()

    def offer_frame(self, frame: Message) -> None:
        """Take a frame of samples if it was asked for, dropping the oldest."""
        if frame.signal in self.traces:
            self._frames.append(frame)
            self._frame_arrived.set()

    async def next_frame(self) -> bytes:
        """Return the next frame of samples; waits for ever when none comes."""
        return (await self.next_sampled()).data

    async def next_sampled(self) -> Message:
        """Return the next frame of samples, and which signal it is of."""
        while not self._frames:
            self._frame_arrived.clear()
            await self._frame_arrived.wait()
        return self._frames.popleft()

    def end(self) -> None:
        """Let the reader finish what is waiting, then stop."""
        self._ended = True
        self._arrived.set()

    async def next(self) -> bytes:
        """Return the next message as JSON text, or the gap before it.

        Raises as :meth:`next_message` does.
        """
        return (await self.next_message()).data

    async def next_message(self) -> Message:
        """Return the next message, or the gap before it.

        Raises
        ------
        ViewerEnded
            When the session has ended and everything has been read.
        ViewerTooSlow
            When a message that may not be dropped found no room.
        """
        while not (self._live or self._kept):
            if self._too_slow:
                raise ViewerTooSlow
            if self._ended:
                if self.last_seq < self._hub.last_seq:
                    return self._gap(self._hub.last_seq)
                raise ViewerEnded
            self._arrived.clear()
            await self._arrived.wait()
        lane = self._live
        if not lane or (self._kept and self._kept[0].seq < lane[0].seq):
            lane = self._kept
        message = lane[0]
        if message.seq > self.last_seq + 1:
            return self._gap(message.seq - 1)
        lane.popleft()
        self._hub.counts.sent += 1
        self.last_seq = max(self.last_seq, message.seq)
        return message

    def close(self) -> None:
        """Stop receiving; the hub forgets this viewer."""
        self._hub.forget(self)

    def _gap(self, to_seq: int) -> Message:
        self._hub.counts.gaps += 1
        t_ms = self._hub.last_t_ms
        gap = {
            "v": PROTOCOL_VERSION,
            "seq": to_seq,
            "t_ms": t_ms,
            "kind": "gap",
            "from_seq": self.last_seq + 1,
            "to_seq": to_seq,
        }
        self.last_seq = to_seq
        data = msgspec.json.encode(gap)
        return Message(seq=to_seq, kind="gap", t_ms=t_ms, data=data)


class Hub:
    """The messages of one session and everyone who watches it.

    Attributes
    ----------
    counts
        What becomes of its viewers; several hubs may share one.
    edition
        How often what is held was exchanged for other messages.
    """

    def __init__(
        self,
        *,
        held_live: int = HELD_LIVE,
        live_lane: int = LIVE_LANE,
        kept_lane: int = KEPT_LANE,
    ) -> None:
        self._held_live: deque[Message] = deque(maxlen=held_live)
        self._held_kept: list[Message] = []
        self._lanes = (live_lane, kept_lane)
        self._viewers: set[Viewer] = set()
        self._listeners: tuple[Listener, ...] = ()
        self._ended = False
        self._announced: Message | None = None
        self._restarted: Message | None = None
        self._told_wanted: Callable[[], None] | None = None
        self.counts = SessionCounts()
        self.edition = 0
        self.last_seq = 0
        self.last_t_ms = 0.0

    @property
    def n_viewers(self) -> int:
        """How many are watching now."""
        return len(self._viewers)

    def publish(self, message: Message) -> None:
        """Hand ``message`` to every viewer that is to have it; never blocks."""
        if message.signal is not None:
            for viewer in self._everybody():
                viewer.offer_frame(message)
            return
        self.last_seq = message.seq
        self.last_t_ms = message.t_ms
        if message.kind in KEPT_KINDS:
            self._held_kept.append(message)
        else:
            self._held_live.append(message)
        for viewer in self._everybody():
            viewer.offer(message)

    def announce(self, message: Message) -> None:
        """Tell everybody, now and later, how things stand: it takes no number.

        Only the newest is held; its ``seq`` is that of the message before it.
        """
        self._announced = message
        for viewer in self._everybody():
            viewer.offer(message)

    def restart(self, announcement: Message, messages: list[Message]) -> None:
        """Begin anew for everybody: a replay went to another place.

        What was told before is forgotten; the numbers go on.
        """
        self._announced = self._restarted = announcement
        self._hold(messages)
        self.last_t_ms = announcement.t_ms
        for viewer in self._viewers:
            viewer.restart([announcement, *messages], announcement.seq)
        for listener in self._listeners:
            listener.restarted()

    def refill(self, messages: list[Message]) -> None:
        """Hold these instead of what is held; nobody is told.

        They are what is held, as others may see it now; the numbers are the same.
        """
        self._hold(messages)

    def _everybody(self) -> Iterator[Viewer | Listener]:
        return itertools.chain(self._viewers, self._listeners)

    def _hold(self, messages: list[Message]) -> None:
        self.edition += 1
        self._held_kept = [m for m in messages if m.kind in KEPT_KINDS]
        self._held_live.clear()
        self._held_live.extend(m for m in messages if m.kind not in KEPT_KINDS)
        if messages:
            self.last_seq = messages[-1].seq

    def kept(self, begin: int = 0) -> list[Message]:
        """Return the messages that are never dropped, from the ``begin``-th on."""
        return self._held_kept[begin:]

    def held(self, seen: int) -> list[Message]:
        """Return the numbered messages after ``seen`` that are held, in their order."""
        if seen >= self.last_seq:
            return []
        held = (m for m in (*self._held_kept, *self._held_live) if m.seq > seen)
        return sorted(held, key=lambda message: message.seq)

    @property
    def announced(self) -> Message | None:
        """How things stand, as it was announced last."""
        return self._announced

    @property
    def begun_anew(self) -> Message | None:
        """What was announced when it began anew for everybody the last time."""
        return self._restarted

    @property
    def wanted(self) -> frozenset[Signal]:
        """The signals whose frames somebody here wants."""
        none: frozenset[Signal] = frozenset()
        return none.union(*(viewer.traces for viewer in self._viewers))

    def on_wanted(self, told: Callable[[], None]) -> None:
        """Call ``told`` from now on when :attr:`wanted` may have changed."""
        self._told_wanted = told

    def tell_wanted(self) -> None:
        """Say that a viewer wants other frames than before."""
        if self._told_wanted is not None:
            self._told_wanted()

    def listen(self, listener: Listener) -> None:
        """Let ``listener`` hear all that is published from now on."""
        self._listeners = (*self._listeners, listener)

    def leave(self, listener: Listener) -> None:
        """Let ``listener`` hear nothing more."""
        self._listeners = tuple(one for one in self._listeners if one is not listener)

    def subscribe(
        self, since: int | None = None, *, newest: int | None = None
    ) -> Viewer:
        """Return a viewer that goes on after ``since`` (``None``: from the start).

        Parameters
        ----------
        since
            The number of the last message already seen. What is no longer held is
            announced as a gap.
        newest
            Of the live messages that are held no more than so many.
        """
        seen = min(max(since or 0, 0), self.last_seq)
        viewer = Viewer(self, seen, *self._lanes)
        viewer.backfill(self._held(seen, newest))
        if self._ended:
            viewer.end()
        else:
            self._viewers.add(viewer)
        return viewer

    def tell_again(self, viewer: Viewer, *, newest: int | None = None) -> None:
        """Begin anew for one viewer, with what is held."""
        viewer.restart(self._held(0, newest), 0)

    def _held(self, seen: int, newest: int | None) -> list[Message]:
        live = list(self._held_live)[-newest:] if newest else self._held_live
        held = [m for m in (*self._held_kept, *live) if m.seq > seen]
        restarted = self._restarted
        if restarted is not None and seen <= restarted.seq:
            held.insert(0, restarted)  # what this viewer saw before no longer holds
        if self._announced is not None and self._announced is not restarted:
            held.append(self._announced)
        return sorted(held, key=lambda message: message.seq)

    def forget(self, viewer: Viewer) -> None:
        """Stop sending to ``viewer``."""
        self._viewers.discard(viewer)
        if viewer.traces:
            self.tell_wanted()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        for viewer in self._everybody():
            viewer.end()
