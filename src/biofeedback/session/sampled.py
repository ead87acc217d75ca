"""ECG and acceleration of a recording, read anew from the strap's own bytes."""

from __future__ import annotations

from collections.abc import Iterator

from biofeedback.model import LinkChange, LinkState, Notification, SamplesEvent, Signal
from biofeedback.pmd_streams import PmdStreams
from biofeedback.recording.reader import Recording
from biofeedback.wire import uuids


def samples_of(recording: Recording, signal: Signal) -> Iterator[SamplesEvent]:
    """Yield the frames of one signal, placed on the session's clock."""
    streams = PmdStreams()
    for _, record in recording.inputs():
        match record:
            case Notification(characteristic=uuids.PMD_WRITTEN):
                streams.written(record)
            case Notification(characteristic=uuids.PMD_CONTROL_POINT):
                streams.answered(record)
            case Notification(characteristic=uuids.PMD_DATA):
                found = streams.receive(record)
                if isinstance(found, SamplesEvent) and found.signal is signal:
                    yield found
            case LinkChange(state=state) if state is not LinkState.STREAMING:
                streams.break_clocks()
