"""What a session offers on LSL: names, units and ids of the streams.

A stream's ``source_id`` is made of the session's id and its own name, so an inlet finds
the stream again after the program that sends it was started anew. A replay takes the id
of what it replays.
"""

from __future__ import annotations

from biofeedback.model import (
    Label,
    SamplesEvent,
    SessionInfo,
    Signal,
    SignalsEvent,
    Value,
)
from biofeedback.pipeline import ALGORITHM
from biofeedback.recording.reader import Recording
from biofeedback.recording.tables import PLAIN_NAMES, UNITS, WINDOW_NAMES, WINDOWS

PACER_PHASE_HZ = 10

IRREGULAR_HZ = 0.0

LABELS = tuple(Label)
"""The numbers of the labels on LSL are their places in here, from 0."""

PHASES = ("in", "hold_in", "out", "hold_out")
"""The numbers of a breath's parts on LSL, from 0."""

_SUFFIXES = {
    "_ms2": "milliseconds^2",
    "_ms": "milliseconds",
    "_bpm": "per minute",
    "_pct": "percent",
    "_hz": "hertz",
    "_deg": "degrees",
}
_UNITS = {"uV": "microvolts", "mG": "milli-g"}  # as XDF's convention spells them
_AXES = {Signal.ECG: ("ecg_uv",), Signal.ACC: ("x_mg", "y_mg", "z_mg")}


class Channel(Value, frozen=True):
    """One number of each sample."""

    label: str
    unit: str


class Stream(Value, frozen=True):
    """One LSL stream. ``kind`` tells those of a session apart.

    ``rate_hz`` is in session time, 0 where samples come as they come; ``format`` is
    LSL's. ``note`` says in a sentence what the numbers are.
    """

    kind: str
    type: str
    format: str
    rate_hz: float
    channels: tuple[Channel, ...]
    note: str


class About(Value, frozen=True):
    """What stands in the description of every stream of one session.

    No pseudonym: what is sent can be read by anybody on the same network.
    """

    session: str
    replay_of: str | None
    speed: float
    simulated: bool
    device: str
    software: str
    algorithm: str

    @classmethod
    def of(cls, info: SessionInfo) -> About:
        """Return what may be told of a session."""
        return cls(
            session=info.id,
            replay_of=info.replay_of,
            speed=info.speed or 1.0,
            simulated=info.simulated,
            device=info.strap_name,
            software=info.software,
            algorithm=ALGORITHM,
        )

    @property
    def replay(self) -> bool:
        """Whether it is shown again instead of happening now."""
        return self.replay_of is not None

    @property
    def lasting_id(self) -> str:
        """Return the id of what is sent: a replay's is its recording's."""
        return self.replay_of or self.session

    @property
    def labels(self) -> dict[str, bool | float]:
        """Return what every marker says beside itself."""
        said: dict[str, bool | float] = {}
        if self.simulated:
            said["simulated"] = True
        if self.replay:
            said |= {"replay": True, "speed": self.speed}
        return said

    def name_of(self, stream: Stream) -> str:
        """Return the name by which people find a stream."""
        again = " (replay)" if self.replay else ""
        return f"Biofeedback {stream.kind} {self.lasting_id}{again}"

    def source_id_of(self, stream: Stream) -> str:
        """Return the id by which an inlet finds a stream again."""
        again = "replay:" if self.replay else ""
        return f"biofeedback:{again}{self.lasting_id}:{stream.kind}"


def about_replay(recorded: SessionInfo, speed: float) -> About:
    """Return what may be told of a replay of this session, before it begins."""
    return About(
        session=recorded.id,
        replay_of=recorded.id,
        speed=speed,
        simulated=recorded.simulated,
        device=recorded.strap_name,
        software=recorded.software,
        algorithm=ALGORITHM,
    )


def _channels(*labels: str) -> tuple[Channel, ...]:
    return tuple(Channel(label=label, unit=unit_of(label)) for label in labels)


def unit_of(label: str) -> str:
    """Return the unit that a name carries, spelled out (``none``: a plain number)."""
    return next(
        (
            unit
            for suffix, unit in _SUFFIXES.items()
            if label.endswith(suffix) or f"{suffix}_" in label
        ),
        "none",
    )


RR = Stream(
    kind="RR",
    type="RR",
    format="double64",
    rate_hz=IRREGULAR_HZ,
    channels=_channels("rr_ms", "index", "segment", "uncertainty_ms"),
    note=(
        "Each interval once, as the strap measured it, stamped with the beat that ends "
        "it. No difference may be taken between two segments."
    ),
)

NN = Stream(
    kind="NN",
    type="RR",
    format="double64",
    rate_hz=IRREGULAR_HZ,
    channels=_channels("nn_ms", "label", "index", "segment", "final"),
    note=(
        "Each interval once its judgement is final, some 50 beats later; NaN where "
        "it is not normal. At the end come those not yet judged for good, final 0. "
        "label: "
        + ", ".join(f"{number} {label}" for number, label in enumerate(LABELS))
        + "."
    ),
)

HR = Stream(
    kind="HR",
    type="HeartRate",
    format="float32",
    rate_hz=IRREGULAR_HZ,
    channels=_channels("hr_bpm", "contact"),
    note="The rate that the strap itself reports; contact is 1, 0 or NaN (not told).",
)

HRV = Stream(
    kind="HRV",
    type="HRV",
    format="double64",
    rate_hz=1.0,
    channels=_channels(
        *(f"{name}_{seconds}s" for seconds in WINDOWS for name in WINDOW_NAMES),
        *PLAIN_NAMES,
        "breathing_bpm",
        "followed",
        "suitable",
    ),
    note="The live metrics, once a second; NaN where they are not known.",
)

MARKERS = Stream(
    kind="Markers",
    type="Markers",
    format="string",
    rate_hz=IRREGULAR_HZ,
    channels=(Channel(label="json", unit="none"),),
    note="Ratings, marks, phases and the link, a JSON object each. Never free text.",
)

PACER = Stream(
    kind="Pacer",
    type="Pacer",
    format="string",
    rate_hz=IRREGULAR_HZ,
    channels=(Channel(label="json", unit="none"),),
    note=(
        "The breathing schedule as a JSON object, sent when it changes and stamped "
        "with the start of the first breath it holds for, which may lie ahead."
    ),
)

PACER_PHASE = Stream(
    kind="PacerPhase",
    type="Pacer",
    format="float32",
    rate_hz=PACER_PHASE_HZ,
    channels=_channels("fullness", "phase", "breath", "rate_bpm"),
    note=(
        "Where the pacer was, ten times a second, sent once a second with the stamps "
        "of what people saw. fullness: 0 empty lungs, 1 full. phase: "
        + ", ".join(f"{number} {phase}" for number, phase in enumerate(PHASES))
        + "."
    ),
)

STREAMS = (RR, NN, HR, HRV, MARKERS, PACER, PACER_PHASE)
"""What every session has; ECG and acceleration begin when the strap sends them."""


USUAL_HZ = {Signal.ECG: 130, Signal.ACC: 50}
"""What a strap is asked for where nobody names a rate (drivers' own choice)."""

_NOMINAL_HZ = {Signal.ECG: (130, 250, 500), Signal.ACC: (25, 50, 100, 200)}

_NEAR = 0.15
"""How far a strap's true rate is from its nominal one at most, as a share."""


_LOOKED_AT = 20


def is_near(rate_hz: float, samples: SamplesEvent) -> bool:
    """Say whether samples that come in this rhythm may have this nominal rate."""
    return abs(rate_hz * samples.interval_ms / 1000 - 1) < _NEAR


def stream_of(samples: SamplesEvent) -> Stream | None:
    """Return the stream for these samples; ``None``: they are not sent."""
    signal = samples.signal
    if len(_AXES.get(signal, ())) != samples.channels:
        return None
    nominal = (rate_hz for rate_hz in _NOMINAL_HZ[signal] if is_near(rate_hz, samples))
    return sampled(signal, next(nominal, round(1000 / samples.interval_ms)))


def streams_asked(event: SignalsEvent) -> dict[Signal, Stream]:
    """Return the streams that are to be expected when these signals were asked for."""
    return {
        ask.signal: sampled(ask.signal, ask.rate_hz or USUAL_HZ[ask.signal])
        for ask in event.signals
        if ask.signal in _AXES
    }


def streams_in(recording: Recording) -> list[Stream]:
    """Return the streams of ECG and acceleration that a recording will need."""
    found: dict[Signal, list[Stream]] = {signal: [] for signal in _AXES}
    for _, samples in recording.samples():
        if (stream := stream_of(samples)) is not None:
            found[samples.signal].append(stream)
        if all(len(streams) >= _LOOKED_AT for streams in found.values()):
            break
    return [
        max(streams, key=streams.count)  # of the first ones, some are far off
        for streams in found.values()
        if streams
    ]


def sampled(signal: Signal, rate_hz: int) -> Stream:
    """Return the stream of ECG or acceleration at this rate, in samples per second.

    The rate is part of its kind, so that a strap that is asked for another rate gets
    another stream: an LSL stream cannot change its own.
    """
    unit = _UNITS[UNITS[signal]]
    return Stream(
        kind=f"{signal.upper()}-{rate_hz}Hz",
        type="ECG" if signal is Signal.ECG else "Accelerometer",
        format="int32",
        rate_hz=rate_hz,
        channels=tuple(Channel(label=axis, unit=unit) for axis in _AXES[signal]),
        note=(
            "Samples as the strap sent them, each with its own stamp; where some are "
            "missing the stamps jump."
        ),
    )
