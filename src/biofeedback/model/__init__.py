"""The shared nouns: values that travel between layers.

Everything here is frozen, slotted and keyword-only, with tuples inside, and carries
its units in its names. Two families meet in :mod:`biofeedback.pipeline`:

- **Records** go in. Whatever enters the core is a record: a notification from the
  radio, a change of the link, a button, a timer tick. Records are numbered, logged
  and only then processed, so a recording holds all that is needed to do it again.
- **Events** come out. Each is one message of the live websocket, told apart by
  ``kind``.

``t_ns`` is always integer nanoseconds since the start of the session.
``None`` means unknown or not in the packet; zero means zero.
"""

from biofeedback.model.beats import (
    Baseline,
    Beat,
    Interval,
    Label,
    RefereeValues,
    Stage,
)
from biofeedback.model.events import (
    KEPT_KINDS,
    Activation,
    AnyEvent,
    BeatEvent,
    Breathing,
    EntryEvent,
    Event,
    HeartEvent,
    LinkEvent,
    MetricsEvent,
    PacerEvent,
    RefereeEvent,
    RestatedEvent,
    SamplesEvent,
    SignalsEvent,
    WindowMetrics,
    Windows,
)
from biofeedback.model.records import (
    AdaptCommand,
    AnyRecord,
    ClockReading,
    Config,
    Entry,
    LinkChange,
    Notification,
    PacerCommand,
    Record,
    RefereeReport,
    SignalsCommand,
    Tick,
)
from biofeedback.model.sessions import (
    SessionInfo,
)
from biofeedback.model.straps import (
    Ask,
    FoundStrap,
    LinkReason,
    LinkState,
    LinkStep,
    Signal,
    Strap,
)
from biofeedback.model.values import (
    Value,
)

__all__ = [
    "KEPT_KINDS",
    "Activation",
    "AdaptCommand",
    "AnyEvent",
    "AnyRecord",
    "Ask",
    "Baseline",
    "Beat",
    "BeatEvent",
    "Breathing",
    "ClockReading",
    "Config",
    "Entry",
    "EntryEvent",
    "Event",
    "FoundStrap",
    "HeartEvent",
    "Interval",
    "Label",
    "LinkChange",
    "LinkEvent",
    "LinkReason",
    "LinkState",
    "LinkStep",
    "MetricsEvent",
    "Notification",
    "PacerCommand",
    "PacerEvent",
    "Record",
    "RefereeEvent",
    "RefereeReport",
    "RefereeValues",
    "RestatedEvent",
    "SamplesEvent",
    "SessionInfo",
    "Signal",
    "SignalsCommand",
    "SignalsEvent",
    "Stage",
    "Strap",
    "Tick",
    "Value",
    "WindowMetrics",
    "Windows",
]
