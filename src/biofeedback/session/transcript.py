"""Numbers what the pipeline says: one code path for live sessions and replays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from biofeedback.model import AnyEvent, AnyRecord, Value

if TYPE_CHECKING:
    from biofeedback.pipeline import Pipeline

_LOGGER = logging.getLogger(__name__)

PROTOCOL_VERSION = 1


class Message(Value, frozen=True):
    """One live message: ``data`` is its JSON text, exactly as sent and recorded."""

    seq: int
    kind: str
    t_ms: float
    data: bytes


class Transcript:
    """Feeds a pipeline and numbers its events from 1, without a hole."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._encoder = msgspec.json.Encoder()
        self.last_seq = 0

    def feed(self, record: AnyRecord) -> tuple[Message, ...]:
        """Process ``record`` and return what viewers and the recording are told.

        A mistake in the pipeline costs the events of that one record, live and in a
        replay alike; the session goes on, and the record itself is kept.
        """
        try:
            events = self._pipeline.receive(record)
        except Exception:
            _LOGGER.exception("A %s could not be processed", type(record).__name__)
            return ()
        return tuple(self._number(event) for event in events)

    def _number(self, event: AnyEvent) -> Message:
        self.last_seq += 1
        body = self._encoder.encode(event)
        head = b'{"v":%d,"seq":%d,' % (PROTOCOL_VERSION, self.last_seq)
        return Message(
            seq=self.last_seq,
            kind=str(event.__struct_config__.tag),
            t_ms=event.t_ms,
            data=head + body[1:],
        )
