"""The tables of a run, for the terminal and for the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from bench.capacity import knee
from bench.capacity.model import (
    Assumptions,
    Cost,
    Model,
    Plan,
    errors_pct,
    model_of,
    plan,
)
from bench.page import put

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PERFORMANCE = DOCS / "operate.md", DOCS / "performance.md"
BEGIN, END = "<!-- capacity: begin -->", "<!-- capacity: end -->"

USUAL = Assumptions()
WORST = Assumptions(at_once=0.3, watched=1.0)

NAMES = {
    "hub_ms": "hub and node, ms of a core a second",
    "nats_ms": "NATS, ms of a core a second",
    "postgres_ms": "PostgreSQL, ms of a core a second",
    "hub_mib": "hub and node, MiB",
    "nats_mib": "NATS, MiB",
    "nats_in": "into NATS, B/s",
    "nats_out": "out of NATS, B/s",
    "log": "the log on disk, B/s",
    "hub_disk": "written by the hub, B/s",
}

Figures = Mapping[str, Any]

Check: TypeAlias = tuple[Figures, Mapping[str, float]]
"""A step, and by how many percent a model of all smaller ones is off there."""

N_CHECKS = 3


def write(found: Figures) -> None:
    """Put the tables between their marks, and a line beside the other figures."""
    put(text(found), PAGE, BEGIN, END)
    put([*_machine(found), "", *_short(found)], PERFORMANCE, BEGIN, END)


def text(found: Figures) -> list[str]:
    """Return all that was found as Markdown."""
    rows = found["steps"]
    model, checks = modelled(found)
    return [
        *_machine(found),
        "",
        *_steps([*rows, *_on_screens(found)]),
        "",
        _knee(rows),
        "",
        *_costs([*rows, *found["beside"]]),
        "",
        *_finishing(found["finishing"]),
        "",
        *_model(model, checks),
        "",
        *_plans(model),
    ]


def modelled(found: Figures) -> tuple[Model, list[Check]]:
    """Return the model, fitted to all runs but the largest, and how it was checked.

    For each of the larger steps a model is fitted to all smaller ones and asked what
    this one costs.
    """
    steps = found["steps"]
    beside = [
        row
        for row in found["beside"]
        if row["screens"] == "sessions" and not row["apart"]
    ]
    models = [
        model_of([*steps[:i], *beside], found["finishing"]) for i in range(len(steps))
    ]
    checks: list[Check] = [
        (row, errors_pct(model, row)) for model, row in zip(models, steps, strict=True)
    ]
    return models[-1], checks[-N_CHECKS:]


def _machine(found: Figures) -> list[str]:
    n = os.cpu_count()
    return [
        f"Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {n} cores for everything, {found['seconds']:.0f} s a "
        f"step, {datetime.now(UTC):%Y-%m-%d}."
    ]


def _on_screens(found: Figures) -> list[Figures]:
    return [row for row in found["beside"] if row["screens"] == "rooms" or row["apart"]]


def _where(row: Figures) -> str:
    if row["screens"] == "rooms":
        return f"{row['viewers']} rooms of 30"
    return f"{row['viewers']} at another node" if row["apart"] else f"{row['viewers']}"


def _steps(rows: Sequence[Figures]) -> list[str]:
    return [
        "| patients | viewers | messages/s to viewers | record → viewer p50 / p95 / "
        "p99 | parcels/s | copies behind p50 / p99 | forced to disk p99 | lost, "
        "doubled | copies compared, the same | healthy |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['patients']} | {_where(row)} | {row['viewed_per_s']:.0f} | "
            f"{_spread(row)} | {row['parcels_per_s']:.0f} | "
            f"{row['behind_s']['p50']:.2f} / {row['behind_s']['p99']:.2f} s | "
            f"≤ {row['fsync_p99_s']:g} s | {row['lost']}, {row['doubled']} | "
            f"{row['checked']}, {row['same']} | "
            f"{'; '.join(knee.troubles(row)) or 'yes'} |"
            for row in rows
        ),
    ]


def _spread(row: Figures) -> str:
    heart = row["spreads"].get("heart")
    if heart is None:
        return "–"
    return " / ".join(f"{heart[f'p{n}_ms']:.1f}" for n in (50, 95, 99)) + " ms"


def _knee(rows: Sequence[Figures]) -> str:
    found = knee.knee(rows)
    if found is None:
        last = rows[-1]
        return (
            f"**No knee** up to {last['patients']} patients with {last['viewers']} "
            f"viewers; what had least left there: {knee.full(last)}."
        )
    return (
        f"**The knee** is at {found.patients} patients with {found.viewers} viewers: "
        f"{'; '.join(found.why)}. The busiest there: {found.full}."
    )


def _costs(rows: Sequence[Figures]) -> list[str]:
    return [
        "| patients, viewers | hub | node apart | NATS | PostgreSQL | homes | viewers "
        "| all, others' work | hub, NATS, PostgreSQL in memory | NATS in / out, "
        "messages/s | in / out, kB/s | written by hub, NATS, kB/s | homes late p99 | "
        "load |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_cost(row) for row in rows),
    ]


DOES = {"linked": " (only linked)", "announced": " (only announced)", "all": ""}


def _cost(row: Figures) -> str:
    cpu, nats, wrote = row["cpu_pct"], row["nats_per_s"], row["written_per_s"]
    homes = sum(share for name, share in cpu.items() if name.startswith("homes"))
    memory = ", ".join(
        f"{row['rss_mib'][name]:.0f}" for name in ("hub", "NATS", "PostgreSQL")
    )
    node = f"{cpu['node']:.0f} %" if "node" in cpu else "–"
    return (
        f"| {row['patients']}{DOES[row['does']]}, {_where(row)} | {cpu['hub']:.0f} % | "
        f"{node} | {cpu['NATS']:.0f} % | {cpu['PostgreSQL']:.1f} % | {homes:.0f} % | "
        f"{cpu['viewers']:.0f} % | {row['machine_pct']:.0f} %, "
        f"{row['of_others_pct']:.0f} % | {memory} MiB | {nats['in_msgs']:.0f} / "
        f"{nats['out_msgs']:.0f} | {nats['in_bytes'] / 1e3:.0f} / "
        f"{nats['out_bytes'] / 1e3:.0f} | {wrote['hub'] / 1e3:.0f}, "
        f"{wrote['NATS'] / 1e3:.0f} | {row['late_ms']['p99']:.0f} ms | "
        f"{row['load']:.1f} |"
    )


def _finishing(row: Figures) -> list[str]:
    cpu = row["cpu_s"]
    return [
        f"A practice of 20 minutes, sent at once and finished: {cpu['hub']:.2f} s of "
        f"the hub's processor time, {cpu[WORKER]:.2f} s of NeuroKit2's worker, "
        f"{cpu['PostgreSQL']:.2f} s of PostgreSQL, {row['rows_written']:.0f} rows, "
        f"{row['recording_bytes'] / 1e3:.0f} kB "
        f"({row['finished']} of {row['homes']}, load {row['load']:.1f})."
    ]


WORKER = "NeuroKit2's worker"


def _model(model: Model, checks: Sequence[Check]) -> list[str]:
    heads = [f"error at {row['patients']}, {row['viewers']}" for row, _ in checks]
    return [
        "The model, fitted to all runs but the largest step; and by how much one that "
        "is fitted to all smaller ones says more, or less, than a step has cost.",
        "",
        "| what | always | a linked home | an announced session | a copied one | a "
        f"watched one | a viewer | waking | {' | '.join(heads)} |",
        f"|---|---|---|---|---|---|---|---|{'---|' * len(heads)}",
        *(
            f"| {name} | {_terms(getattr(model, key))} | "
            + " | ".join(f"{errors[key]:+.0f} %" for _, errors in checks)
            + " |"
            for key, name in NAMES.items()
        ),
    ]


def _terms(cost: Cost) -> str:
    values = (
        cost.fixed,
        cost.linked,
        cost.announced,
        cost.copied,
        cost.watched,
        cost.viewers,
    )
    wakes = f"{100 * cost.wakes:.0f} %" if cost.wakes else "–"
    shown = (f"{value:.3g}" if value > 1e-6 else "0" for value in values)
    return " | ".join([*shown, wakes])


def _plans(model: Model) -> list[str]:
    assumed = (USUAL, WORST)
    plans = [plan(model, one) for one in assumed]
    heads = [
        f"{one.at_once:.0%} at once, {one.watched:.0%} of them watched"
        for one in assumed
    ]
    rows: list[tuple[str, list[str]]] = [
        (
            "practising, watched",
            [f"{p.load.copied:.0f}, {p.load.watched:.0f}" for p in plans],
        ),
        (
            "hubs (processes), cores used",
            [f"{p.hubs}, {p.hub_cores:.1f}" for p in plans],
        ),
        ("NeuroKit2's workers, cores used", [f"{p.worker_cores:.1f}" for p in plans]),
        (
            "nodes for viewers, cores used",
            [f"{p.nodes}, {p.node_cores:.1f}" for p in plans],
        ),
        ("NATS: cores used, connections", [_nats(p) for p in plans]),
        (
            "NATS: in, out",
            [f"{p.nats_in_mb_s:.1f}, {p.nats_out_mb_s:.1f} MB/s" for p in plans],
        ),
        (
            "NATS: memory; log of 3 days",
            [f"{p.nats_gb:.1f} GB; {p.log_gb:.0f} GB" for p in plans],
        ),
        (
            "PostgreSQL: cores used, rows written",
            [f"{p.postgres_cores:.2f}, {p.rows_s:.0f}/s" for p in plans],
        ),
        (
            "recordings, all copies",
            [f"{p.recordings_gb_day:.1f} GB a day" for p in plans],
        ),
        ("written by all hubs", [f"{p.hub_written_mb_s:.1f} MB/s" for p in plans]),
    ]
    return [
        f"**{USUAL.sites} sites**, one home each, by this model: practices of "
        f"{USUAL.session_min:.0f} minutes, {USUAL.sessions_a_day:g} a day; "
        f"{USUAL.copies} hubs keep each copy; no process is to take more than "
        f"{USUAL.full:.0%} of a core.",
        "",
        f"| what | {' | '.join(heads)} |",
        "|---|---|---|",
        *(f"| {name} | {' | '.join(values)} |" for name, values in rows),
    ]


def _nats(planned: Plan) -> str:
    return f"{planned.nats_cores:.1f}, {planned.nats_connections:.0f}"


def _short(found: Figures) -> list[str]:
    """Return the steps in short, and the knee."""
    rows = found["steps"]
    return [
        "| patients | viewers | record → viewer p50 / p95 / p99 | copies behind p99 | "
        "lost, doubled | hub CPU | healthy |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row['patients']} | {row['viewers']} | {_spread(row)} | "
            f"{row['behind_s']['p99']:.2f} s | {row['lost']}, {row['doubled']} | "
            f"{row['cpu_pct']['hub']:.0f} % | {'no' if knee.troubles(row) else 'yes'} |"
            for row in rows
        ),
        "",
        _knee(rows),
    ]
