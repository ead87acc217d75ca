"""How well the assessment finds a planted resonance, and whether it says so truly.

``python -m bench.resonance [--quick] [--json] [--write]``: synthetic hearts go through
the whole assessment, from intervals on the strap's grid to the report. ``--write`` puts
the tables into ``docs/resonance.md``. Every seed gives the same heart again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.page import put
from bench.resonance_hearts import Noise, PacedWhile, Planted, fibrillating, intervals
from biofeedback.model import Entry, Interval, PacerEvent
from biofeedback.practice.resonance import RATES_BPM, STEP_S, Part, plan
from biofeedback.session.assessment import Assessment, assess
from biofeedback.signal.series import Series

PAGE = Path(__file__).resolve().parents[1] / "docs" / "resonance.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

SEEDS, QUICK_SEEDS = 200, 40
FIRST_SEED = 10_000
"""The hearts below were looked at while the estimate was made."""
WITHIN_BPM = 0.25
LEVELS = (0.5, 1.0, 1.5, 2.0, 3.0)
BINS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


def parts_of(form: str, steps_s: float = STEP_S) -> tuple[Part, ...]:
    """Return the parts of an assessment."""
    return plan("sliding" if form == "sliding" else "stepped", steps_s=steps_s)


def scene(
    form: str = "stepped", steps_s: float = STEP_S
) -> tuple[tuple[PacedWhile, ...], float]:
    """Return the paces of an assessment, and when it ends (s)."""
    parts = parts_of(form, steps_s)
    found = []
    for part in parts:
        ends = [*(p.at_s for p in part.paces[1:]), part.lasts_s]
        for pace, end_s in zip(part.paces, ends, strict=False):
            found.append(
                PacedWhile(
                    begin_s=part.begins_s + pace.at_s,
                    end_s=part.begins_s + end_s,
                    rate_bpm=pace.rate_bpm,
                    breathed_bpm=pace.rate_bpm,
                )
            )
    return tuple(found), parts[-1].begins_s + parts[-1].lasts_s


def report(
    beats: Iterable[Interval],
    paces: Sequence[PacedWhile],
    end_s: float,
    form: str = "stepped",
    steps_s: float = STEP_S,
) -> Assessment:
    """Return the report of a session that held these beats and paces."""
    schedule, n = [], 0
    for pace in paces:
        schedule.append(
            PacerEvent(
                t_ms=1000 * pace.begin_s,
                origin_ms=1000 * pace.begin_s,
                rate_bpm=pace.rate_bpm,
                inhale_pct=40.0,
                hold_in_ms=0,
                hold_out_ms=0,
                from_breath=n,
            )
        )
        n += round((pace.end_s - pace.begin_s) * pace.rate_bpm / 60)
    entries = [
        Entry(
            t_ns=round(part.begins_s * 1e9),
            id=f"{k}",
            type="phase",
            by="person",
            text=part.text,
        )
        for k, part in enumerate(parts_of(form, steps_s))
    ]
    found = assess(
        Series.of(beats),
        tuple(schedule),
        entries,
        end_ms=1000 * end_s,
        started_at_utc_ns=0,
    )
    assert found is not None
    return found


def one(
    seed: int,
    *,
    level: float = 1.0,
    damping: float | None = None,
    form: str = "stepped",
    off_bpm: float = 0.0,
    ectopic_share: float | None = None,
) -> dict[str, Any]:
    """Put one heart through an assessment; with ``off_bpm``, one pace is not kept."""
    random = np.random.default_rng(seed)
    heart = Planted.drawn(random)
    if damping is not None:
        heart = msgspec.structs.replace(heart, damping=damping)
    noise = Noise().times(level)
    if ectopic_share is not None:
        noise = msgspec.structs.replace(noise, ectopic_share=ectopic_share)
    paces, end_s = scene(form)
    wrong = RATES_BPM[int(random.integers(len(RATES_BPM)))]
    if off_bpm:
        paces = tuple(
            msgspec.structs.replace(p, breathed_bpm=p.breathed_bpm + off_bpm)
            if p.rate_bpm == wrong
            else p
            for p in paces
        )
    found = report(intervals(heart, paces, noise, random, end_s), paces, end_s, form)
    scored = [step for step in found.steps if step.scored]
    estimate = found.estimate
    answer: dict[str, Any] = {
        "status": found.status,
        "n_scored": len(scored),
        "wrong_scored": any(s.rate_bpm == wrong for s in scored),
        "measured": sum(s.breath_error_bpm is not None for s in found.steps),
    }
    if estimate is not None:
        truth = min(
            (s.rate_bpm for s in scored),
            key=lambda rate: abs(math.log(rate / heart.resonance_bpm)),
        )
        answer["error_bpm"] = estimate.estimate_bpm - heart.resonance_bpm
        low, high = estimate.low_bpm, estimate.high_bpm
        answer["covered"] = low - 1e-9 <= heart.resonance_bpm <= high + 1e-9
        answer["width_bpm"] = high - low
        answer["told"] = [(s.probability, s.rate_bpm == truth) for s in scored]
    return answer


def irregular_one(seed: int) -> dict[str, Any]:
    """Put a rhythm without a pattern through an assessment."""
    random = np.random.default_rng(seed)
    paces, end_s = scene()
    found = report(fibrillating(random, end_s), paces, end_s, "stepped")
    return {"status": found.status, "estimated": found.estimate is not None}


def study(n: int, spread: Callable[..., Any] = map) -> dict[str, Any]:
    """Return all tables, over ``n`` seeds each."""
    told: dict[str, list[dict[str, Any]]] = {}
    seeds = range(FIRST_SEED, FIRST_SEED + n)

    def row(name: str, put: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        told[name] = list(spread(put, seeds))
        return {"name": name, **summary(told[name])}

    found: dict[str, Any] = {"seeds": n}
    found["levels"] = [
        row(f"× {level:g}", partial(one, level=level)) for level in LEVELS
    ]
    found["others"] = [
        row("sliding form", partial(one, form="sliding")),
        row("broad curve (damping 0.35)", partial(one, damping=0.35)),
        row("3 % premature beats", partial(one, ectopic_share=0.03)),
    ]
    found["reliability"] = reliability(
        answer for level in LEVELS for answer in told[f"× {level:g}"]
    )
    rhythm = list(spread(irregular_one, seeds))
    found["irregular_abstained_pct"] = 100 * _share(
        not answer["estimated"] for answer in rhythm
    )
    found["irregular_unreliable_pct"] = 100 * _share(
        answer["status"] == "unreliable" for answer in rhythm
    )
    found["off"] = []
    for off_bpm in (0.25, 0.6, 1.0, 3.0, 7.0):
        answers = list(spread(partial(one, off_bpm=off_bpm), seeds))
        share = 100 * _share(not answer["wrong_scored"] for answer in answers)
        found["off"].append({"off_bpm": off_bpm, "not_scored_pct": share})
    return found


def summary(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how often the answers were right, and how sure they were."""
    known = [a for a in answers if "error_bpm" in a]
    error = np.array([a["error_bpm"] for a in known])
    best = [max(a["told"]) for a in known]
    return {
        "answered_pct": 100 * len(known) / len(answers),
        "within_pct": 100 * float(np.mean(np.abs(error) <= WITHIN_BPM)),
        "rmse_bpm": float(np.sqrt(np.mean(error**2))),
        "bias_bpm": float(error.mean()),
        "covered_pct": 100 * _share(a["covered"] for a in known),
        "width_bpm": float(np.mean([a["width_bpm"] for a in known])),
        "brier": float(
            np.mean([sum((p - y) ** 2 for p, y in a["told"]) for a in known])
        ),
        "said_pct": 100 * float(np.mean([p for p, _ in best])),
        "right_pct": 100 * _share(y for _, y in best),
        "steps_scored": float(np.mean([a["n_scored"] for a in answers])),
        "steps_measured": float(np.mean([a["measured"] for a in answers])),
    }


def reliability(answers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for bins of told probabilities how often they were true."""
    pairs = [pair for answer in answers for pair in answer.get("told", ())]
    told = np.array([p for p, _ in pairs])
    true = np.array([y for _, y in pairs], float)
    rows = []
    for low, high in pairwise(BINS):
        inside = (told >= low) & ((told < high) | (high == BINS[-1]))
        n = int(inside.sum())
        if n:
            rows.append(
                {
                    "low": low,
                    "high": high,
                    "n": n,
                    "told_pct": 100 * float(told[inside].mean()),
                    "true_pct": 100 * float(true[inside].mean()),
                }
            )
    return rows


def tables(found: dict[str, Any]) -> list[str]:
    """Return the tables in Markdown."""
    out = [
        f"Made by `python -m bench.resonance --write`, {found['seeds']} hearts a row.",
        "",
        "| hearts | get an answer | within ± 0.25 | RMS error | bias "
        "| 90 % interval holds it | its width | Brier "
        "| best pace: told | best pace: right | steps scored |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in (*found["levels"], *found["others"]):
        name = f"noise {row['name']}" if row["name"][0] == "×" else row["name"]
        out.append(
            f"| {name} | {row['answered_pct']:.0f} % | {row['within_pct']:.0f} % | "
            f"{row['rmse_bpm']:.2f} | "
            f"{row['bias_bpm']:+.2f} | {row['covered_pct']:.0f} % | "
            f"{row['width_bpm']:.2f} | {row['brier']:.2f} | {row['said_pct']:.0f} % | "
            f"{row['right_pct']:.0f} % | {row['steps_scored']:.1f} |"
        )
    out += [
        "",
        "All but the first column are of those that get an answer. "
        "Brier is the multi-class score: 0 is perfect, 0.80 is what equal chances for "
        "five paces get, 2 the worst. Is a probability that was told true? All paces "
        "of the hearts above with noise × 0.5 to × 3:",
        "",
        "| told | mean told | true | cases |",
        "|---|---|---|---|",
    ]
    for row in found["reliability"]:
        out.append(
            f"| {100 * row['low']:.0f}–{100 * row['high']:.0f} % | "
            f"{row['told_pct']:.0f} % | {row['true_pct']:.0f} % | {row['n']} |"
        )
    out += [
        "",
        f"Rhythms without a pattern: {found['irregular_abstained_pct']:.1f} % get no "
        f"estimate, {found['irregular_unreliable_pct']:.1f} % are called not reliable.",
        "",
        "| one pace breathed faster than paced by | that step is not scored |",
        "|---|---|",
    ]
    for row in found["off"]:
        out.append(f"| {row['off_bpm']:g} a minute | {row['not_scored_pct']:.0f} % |")
    return out


def write(found: dict[str, Any], page: Path = PAGE) -> None:
    """Put the tables between the page's two markers."""
    put(tables(found), page, BEGIN, END)


def _share(answers: Iterable[object]) -> float:
    said = [bool(answer) for answer in answers]
    return sum(said) / len(said) if said else math.nan


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, print it, and write it down if asked to."""
    parser = argparse.ArgumentParser(prog="bench.resonance", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--quick", action="store_true", help="few hearts")
    parser.add_argument("--write", action="store_true", help="the page as well")
    options = parser.parse_args(arguments)
    n = QUICK_SEEDS if options.quick else SEEDS
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = study(n, partial(pool.map, chunksize=10))
    if options.write:
        write(found)
    print(json.dumps(found, indent=2) if options.json else "\n".join(tables(found)))


if __name__ == "__main__":
    main()
