"""What each column of the exported tables holds: the data dictionary."""

from __future__ import annotations

from biofeedback.recording.exporters.options import ExportOptions

LABELS = {
    "normal": "A normal interval.",
    "artefact": (
        "An interval that no heart at rest makes, or that came without skin contact."
    ),
    "ectopic": "Ectopic by the method of Lipponen and Tarvainen (2019).",
    "missed": "A beat was missed, by the same method.",
    "extra": "A beat too many was detected, by the same method.",
    "long_short": "Much too long or short, by the same method.",
}

KINDS = {
    "beat": "A heartbeat. rr_ms is the interval that ends with it.",
    "gap": "No beats are known from onset on, for the duration.",
    "pacer": "The breathing pacer begins this pace (value: breaths a minute).",
    "pain_intensity": "How strong the pain is, 0 to 10.",
    "pain_unpleasantness": "How unpleasant the pain is, 0 to 10.",
    "arousal": "Felt arousal, 1 to 9.",
    "other": "Something else that was entered.",
}

DESCRIPTIONS = {
    "t_s": "Seconds since the session started; of a beat, the end of its interval.",
    "t_utc": "The same instant in UTC, cut to milliseconds.",
    "onset_s": "Seconds since the session started.",
    "duration_s": "How long it lasted, in seconds; 0 is an instant.",
    "rr_ms": "Interval that ends with this beat, as measured, in ms.",
    "ok": "1 where the interval was judged normal, else 0.",
    "artefact": "What the interval was judged to be; empty where normal.",
    "label": "What the interval was judged to be.",
    "nn_ms": "The interval if it is normal, in ms; empty otherwise.",
    "segment": "Number of the gap-free piece; no difference may be taken across two.",
    "uncertainty_ms": "How well the beat's time is known, in ms.",
    "final": "Whether the judgement is for good.",
    "index": "Number of the beat in the session.",
    "kind": "What happened.",
    "value": "Its value, if it has one.",
    "scale": "Scale or unit of the value.",
    "by": "Who did it, as a role.",
    "text": "The name of a phase and the like; what was typed only where asked for.",
    "moment": "Before, during or after the practice.",
    "id": "Identifier of the entry.",
    "corrects": "Identifier of the entry that this one replaces.",
    "superseded": "1 where a later entry replaces this one.",
    "hr_bpm": "Heart rate that the strap itself reports, in beats a minute.",
    "contact": "1 skin contact, 0 none, empty where the strap does not say.",
    "rate_bpm": "Pace of the breath, in breaths a minute.",
    "inhale_pct": "Share of the breath that is breathing in, in percent.",
    "hold_in_ms": "Pause after breathing in, in ms.",
    "hold_out_ms": "Pause after breathing out, in ms.",
    "from_breath": "Number of the first breath of this pace.",
    "ecg_uv": "Electrocardiogram in microvolt.",
    "x_mg": "Acceleration along x in mG.",
    "y_mg": "Acceleration along y in mG.",
    "z_mg": "Acceleration along z in mG.",
    "source": "Device of the session that sent it.",
    "session_id": "Identifier of the session.",
    "lf_ms2": "Power from 0.04 to 0.15 Hz, in ms².",
    "hf_ms2": "Power from 0.15 to 0.40 Hz, in ms².",
    "lf_peak_hz": "Frequency of the highest peak of the newest 64 s, in Hz.",
    "rsa_bpm": "Rise and fall of the heart rate with a paced breath, beats a minute.",
    "rsa_ms": "The same of the intervals, in ms.",
    "coherence_ratio": "Power around the peak over the rest, newest 64 s.",
    "phase_deg": "How far the heart lags the pacer, in degrees.",
    "in_phase_pct": "Paced breaths in which the heart kept its lag, in percent.",
    "breathing_bpm": "Breaths a minute, as measured.",
    "followed": "1 where the measured breath was the pacer's, 0 where not.",
    "suitable": "1 where the rhythm suits heart rate variability, 0 where not.",
}

WINDOWED = {
    "hr_bpm": "Mean heart rate of the last {s} s, in beats a minute.",
    "rmssd_ms": "RMSSD of the last {s} s, in ms.",
    "sdnn_ms": "SDNN of the last {s} s, in ms.",
    "pnn50_pct": "pNN50 of the last {s} s, in percent.",
    "coverage": "Share of the last {s} s covered by normal intervals, 0 to 1.",
    "artefact_pct": "Intervals of the last {s} s that are not normal, in percent.",
}


def description(name: str) -> str:
    """Return what a column holds, in a sentence.

    >>> description("rmssd_ms_60s")
    'RMSSD of the last 60 s, in ms.'
    """
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    stem, _, window = name.rpartition("_")
    return WINDOWED[stem].format(s=window.removesuffix("s"))


def described(names: tuple[str, ...], options: ExportOptions) -> dict[str, str]:
    """Return the dictionary of a table's columns, in their order."""
    found = {name: description(name) for name in names}
    if "t_utc" in found and not options.dates:
        found["t_utc"] += " The date is removed (1985-01-01); the time of day is true."
    return found
