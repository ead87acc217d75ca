"""Numbers what the pipeline says: one code path for live sessions and replays."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from biofeedback.model import AnyEvent, AnyRecord, SamplesEvent, Signal, Value
from biofeedback.recording.format import SAMPLES_KIND
from biofeedback.wire.samples import encode_samples

if TYPE_CHECKING:
    from biofeedback.pipeline import Pipeline

_LOGGER = logging.getLogger(__name__)

PROTOCOL_VERSION = 1


class Message(Value, frozen=True):
    """One live message: ``data`` is its JSON text, exactly as sent and recorded.

    Of samples (``signal`` is then not ``None``) it is the binary frame. They have no
    part in the numbering: their ``seq`` is that of the JSON message before them.
    """

    seq: int
    kind: str
    t_ms: float
    data: bytes
    signal: Signal | None = None
    source: str = "strap"


class Transcript:
    """Feeds a pipeline and numbers its events from 1, without a hole.

    Frames of samples are numbered as well, by themselves: from 1 for each signal of
    each device. ``last_seq`` and ``frames`` are the last numbers already given.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        last_seq: int = 0,
        frames: Mapping[tuple[str, Signal], int] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._encoder = msgspec.json.Encoder()
        self._frames: Counter[tuple[str, Signal]] = Counter(frames or {})
        self.last_seq = last_seq

    def feed(self, record: AnyRecord) -> tuple[Message, ...]:
        """Process ``record`` and return what viewers and the recording are told.

        A mistake in the pipeline costs the events of that one record, live and in a
        replay alike; the session goes on, and the record itself is kept.
        """
        try:
            events = self._pipeline.receive(record)
            # Frames first: what cannot be one must not leave a number unused.
            frames = [self._frame(e) for e in events if isinstance(e, SamplesEvent)]
        except Exception:
            _LOGGER.exception("A %s could not be processed", type(record).__name__)
            return ()
        numbered = [self.say(e) for e in events if not isinstance(e, SamplesEvent)]
        return (*numbered, *frames)

    def say(self, event: AnyEvent) -> Message:
        """Give ``event``, which is no frame of samples, the next number."""
        self.last_seq += 1
        body = self._encoder.encode(event)
        head = b'{"v":%d,"seq":%d,' % (PROTOCOL_VERSION, self.last_seq)
        return Message(
            seq=self.last_seq,
            kind=str(event.__struct_config__.tag),
            t_ms=event.t_ms,
            data=head + body[1:],
        )

    def _frame(self, event: SamplesEvent) -> Message:
        trace = (event.source, event.signal)
        self._frames[trace] += 1
        return Message(
            seq=self.last_seq,
            kind=SAMPLES_KIND,
            t_ms=event.t_ms,
            data=encode_samples(event, self._frames[trace]),
            signal=event.signal,
            source=event.source,
        )
