"""Does a session again from its recording: the same bytes in, the same bytes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.pipeline import Pipeline
from biofeedback.recording.format import (
    MESSAGE_CHANNELS,
    SAMPLES_KIND,
    Role,
    Stored,
    decode,
    samples_channel,
)
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.session.transcript import Message, Transcript
from biofeedback.wire.samples import decode_samples


class Difference(Value, frozen=True):
    """The first place where a replay and its recording part.

    ``field`` is the path to the value, as in ``window_s.60.rmssd_ms``; ``recorded``
    and ``replayed`` are JSON text, ``None`` where there is nothing.
    """

    sequence: int
    kind: str
    field: str
    recorded: str | None
    replayed: str | None


class Verdict(Value, frozen=True):
    """Whether a recording can be trusted: in a sentence, and what to do if not."""

    ok: bool
    complete: bool
    n_records: int
    n_messages: int
    sentence: str
    advice: str = ""
    first_difference: Difference | None = None


def replay_messages(recording: Recording) -> Iterator[Message]:
    """Yield the live messages again, samples included, as fast as asked for."""
    transcript = Transcript(Pipeline())
    for _, record in recording.inputs():
        yield from transcript.feed(record)


def verify(path: Path | str) -> Verdict:
    """Check every checksum, and that a replay gives byte-identical messages.

    A recording that is unfinished or cut off is not in order, even where all that is
    left of it is; the sentence says how much that is. Never raises for what it finds.
    """
    proof = _Proof()
    try:
        recording = open_recording(path)
        proof.complete = recording.complete
        proof.difference = _first_difference(recording, proof)
        if recording.recovery is not None:
            proof.missing = recording.survey().missing
    except RecordingError as error:
        return proof.verdict(False, error.message, error.advice)
    return proof.judged(recording.path.name)


class _Proof:
    # What has been proved so far.

    def __init__(self) -> None:
        self.complete = False
        self.n_records = 0
        self.n_messages = 0
        self.difference: Difference | None = None
        self.missing: tuple[tuple[int, int], ...] = ()

    def judged(self, name: str) -> Verdict:
        same = (
            f"{self.n_records} records give the same {self.n_messages} messages, "
            "byte for byte"
        )
        difference = self.difference
        if self.missing:
            first, last = self.missing[0]
            return self.verdict(
                False,
                f"Records {first} to {last} of {name} were lost to damage, so a replay "
                "cannot be the same from there on.",
                "What is there is checked by its sums and can be analysed.",
            )
        if difference is not None:
            return self.verdict(
                False,
                f"{name} differs from its replay at record {difference.sequence} "
                f"({difference.kind}) in {difference.field or 'the whole message'}: "
                f"recorded {difference.recorded or 'nothing'}, "
                f"replayed {difference.replayed or 'nothing'}.",
                "Another version of the program may have made it; 'software' in the "
                "recording says which.",
            )
        if not self.complete:
            return self.verdict(
                False,
                f"{name} is unfinished or cut off; as far as it goes, {same}.",
                f"'biofeedback recover {name}' finishes it.",
            )
        return self.verdict(True, f"{name} is whole: {same}.")

    def verdict(self, ok: bool, sentence: str, advice: str = "") -> Verdict:
        return Verdict(
            ok=ok,
            complete=self.complete,
            n_records=self.n_records,
            n_messages=self.n_messages,
            sentence=sentence,
            advice=advice,
            first_difference=self.difference,
        )


def _first_difference(recording: Recording, count: _Proof) -> Difference | None:
    transcript = Transcript(Pipeline())
    expected: deque[Message] = deque()
    sequence = 0
    for stored in recording.all():
        sequence = stored.sequence
        if stored.channel.role is Role.INPUT:
            if expected:  # every message is logged before the next record
                return _absent(sequence, expected[0])
            count.n_records += 1
            expected.extend(transcript.feed(decode(stored)))
            continue
        count.n_messages += 1
        if not expected:
            return Difference(
                sequence=sequence,
                kind=stored.channel.kind,
                field="",
                recorded=_text(stored.channel.kind, stored.data),
                replayed=None,
            )
        message = expected.popleft()
        if (_topic(message), message.data) != (stored.channel.topic, stored.data):
            return _difference(stored, message)
    if expected and recording.complete and recording.recovery is None:
        return _absent(sequence + 1, expected[0])
    return None


def _absent(sequence: int, message: Message) -> Difference:
    return Difference(
        sequence=sequence,
        kind=message.kind,
        field="",
        recorded=None,
        replayed=_text(message.kind, message.data),
    )


def _topic(message: Message) -> str:
    if message.signal is not None:
        return samples_channel(message.signal, message.source).topic
    return MESSAGE_CHANNELS[message.kind].topic


def _difference(stored: Stored, message: Message) -> Difference:
    recorded = _fields(stored.channel.kind, stored.data)
    replayed = _fields(message.kind, message.data)
    field = next(
        (
            key
            for key in [*replayed, *recorded]
            if recorded.get(key) != replayed.get(key)
        ),
        "",
    )
    if field:
        here, there = recorded.get(field), replayed.get(field)
    else:
        here = _text(stored.channel.kind, stored.data)
        there = _text(message.kind, message.data)
    return Difference(
        sequence=stored.sequence,
        kind=stored.channel.kind,
        field=field,
        recorded=here,
        replayed=there,
    )


def _text(kind: str, data: bytes) -> str:
    return data.hex() if kind == SAMPLES_KIND else data.decode(errors="replace")


def _fields(kind: str, data: bytes) -> dict[str, str]:
    """Flatten a message to paths and JSON text."""
    flat: dict[str, str] = {}

    def walk(path: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}" if path else str(key), inner)
        else:
            flat[path] = msgspec.json.encode(value).decode()

    try:
        walk("", _readable(kind, data))
    except (ValueError, msgspec.DecodeError):
        flat[""] = _text(kind, data)
    return flat


def _readable(kind: str, data: bytes) -> object:
    if kind != SAMPLES_KIND:
        return msgspec.json.decode(data)
    frame, event = decode_samples(data)
    return {"frame": frame, **msgspec.to_builtins(event)}
