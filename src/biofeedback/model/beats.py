"""Beats and what was made of them."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from biofeedback.model.values import Value


class Beat(Value, frozen=True):
    """One heartbeat. ``rr_ms`` is the interval that ends with it.

    ``t_ns`` is the summed RR since the start of ``segment`` placed on the session
    clock, known to ``uncertainty_ms``. A new segment starts at every gap: no
    difference may be taken between beats of two segments.
    """

    index: int
    segment: int
    t_ns: int
    rr_ms: float
    uncertainty_ms: float


class Label(StrEnum):
    """What an interval was judged to be.

    ``artefact`` is an interval that no heart at rest makes, or that came without skin
    contact; the others are the classes of Lipponen & Tarvainen 2019.
    """

    NORMAL = "normal"
    ARTEFACT = "artefact"
    ECTOPIC = "ectopic"
    MISSED = "missed"
    EXTRA = "extra"
    LONG_SHORT = "long_short"


class Stage(IntEnum):
    """How much of its neighbourhood a judgement has seen."""

    UNJUDGED = 0
    """Only what can be said of the interval by itself."""
    PROVISIONAL = 1
    """Two more beats: most of what there is to find."""
    FINAL = 2
    """All that its judgement depends on: it will not change."""


class Interval(Value, frozen=True):
    """A beat with its judgement: ``rr_ms`` as measured, ``nn_ms`` if normal.

    ``nn_ms`` is ``None`` for anything but a normal interval; ``rr_ms`` is never
    overwritten. ``abrupt`` says, whatever the label, that the interval is the turning
    point of two opposite jumps that no breathing makes.
    """

    index: int
    segment: int
    t_ns: int
    rr_ms: float
    label: Label
    nn_ms: float | None
    abrupt: bool = False
    stage: Stage = Stage.FINAL


WHOLE_MINUTES = 5


class Baseline(Value, frozen=True):
    """Resting minutes of one person on one day, breathing naturally.

    The standard deviations are those the score is measured in: what was seen, drawn
    towards what is usual (:mod:`biofeedback.signal.activation`).
    """

    length_s: float
    n_windows: int
    hr_bpm: float
    hr_sd_bpm: float
    ln_rmssd: float
    ln_rmssd_sd: float

    @property
    def whole(self) -> bool:
        """Whether it is five minutes long."""
        return self.n_windows >= WHOLE_MINUTES


class RefereeValues(Value, frozen=True):
    """What NeuroKit2 computed on one window (``None``: it gave no number)."""

    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None
    lf_ms2: float | None
    hf_ms2: float | None
