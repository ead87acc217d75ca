"""The arithmetic of what many sites need."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.capacity.knee import knee
from bench.capacity.model import (
    Assumptions,
    Cost,
    Ended,
    Load,
    Model,
    error_pct,
    fitted,
    plan,
)

COST = Cost(fixed=20, linked=0.1, announced=0.2, copied=1.5, watched=0.5, viewers=0.25)
LOADS = [
    Load(linked=1, announced=0, copied=0, watched=0, viewers=0),
    Load(linked=500, announced=0, copied=0, watched=0, viewers=0),
    Load(linked=200, announced=200, copied=0, watched=0, viewers=0),
    Load(linked=200, announced=200, copied=200, watched=0, viewers=0),
    Load(linked=200, announced=200, copied=200, watched=200, viewers=200),
    Load(linked=350, announced=350, copied=350, watched=350, viewers=700),
]
NOTHING = Cost()
PRACTICE = Ended(hub_s=1.2, worker_s=2.4, rows=6, recording_bytes=1e6)


def model(**costs: Cost) -> Model:
    names = (
        *("hub_ms", "nats_ms", "postgres_ms", "hub_mib", "nats_mib", "nats_in"),
        *("nats_out", "log", "hub_disk"),
    )
    return Model(**{name: costs.get(name, NOTHING) for name in names}, ended=PRACTICE)


def test_what_made_the_figures_is_found_in_them() -> None:
    cost = fitted([(load, COST.of(load)) for load in LOADS])
    larger = Load(linked=500, announced=500, copied=500, watched=500, viewers=1000)
    assert error_pct(cost, larger, COST.of(larger)) == pytest.approx(0, abs=1e-6)
    assert cost.copied == pytest.approx(COST.copied)
    assert cost.viewers == pytest.approx(COST.viewers)


def test_how_much_is_waking_is_found_too() -> None:
    cost = msgspec.structs.replace(COST, wakes=0.4)
    more = [
        Load(linked=n, announced=n, copied=n, watched=n, viewers=2 * n)
        for n in (50, 100, 200)
    ]
    runs = [(load, cost.of(load)) for load in (*LOADS, *more)]
    found = fitted(runs, eases=True)
    assert found.wakes == pytest.approx(0.4)
    assert found.copied == pytest.approx(COST.copied, rel=1e-6)
    assert cost.of(LOADS[-1]) < cost.sum(LOADS[-1])
    assert cost.eased(cost.room(600.0)) == pytest.approx(600.0)


def test_no_part_of_a_cost_is_negative() -> None:
    falls = [(load, 100.0 - load.linked / 10) for load in LOADS]
    cost = fitted(falls)
    assert min(cost.of(load) for load in LOADS) >= 0


def test_many_sites_need_so_much() -> None:
    assumed = Assumptions(
        sites=10_000, at_once=0.06, watched=0.5, full=0.6, copies=2, sessions_a_day=3
    )
    planned = plan(
        model(
            hub_ms=Cost(fixed=40, linked=0.01, announced=0.1, copied=1.5, viewers=1),
            nats_in=Cost(copied=1000),
            nats_out=Cost(copied=1000),
            log=Cost(copied=1000),
        ),
        assumed,
    )
    assert planned.load == Load(
        linked=10_000, announced=600, copied=600, watched=300, viewers=300
    )
    # 600 of 20 minutes: one ends every two seconds. A process may take 600 ms a
    # second, of which 200 go for what it knows of all homes: 400 are left.
    assert planned.practices_s == pytest.approx(0.5)
    assert planned.hubs == 8  # 2 × (600 × 1.5 + 0.5 × 1200) = 3000 ms
    assert planned.hub_cores == pytest.approx(3.0 + 8 * 0.2)
    assert planned.nodes == 2  # 300 ms: one would do, two are the least
    assert planned.worker_cores == pytest.approx(2 * 2.4 * 0.5)
    assert planned.nats_in_mb_s == pytest.approx(0.6)
    assert planned.nats_out_mb_s == pytest.approx(1.2)  # to each hub that keeps it
    assert planned.nats_connections == 10_010
    assert planned.log_gb == pytest.approx(1000 * 30_000 * 1200 * 3 / 1e9)
    assert planned.rows_s == pytest.approx(2 * 6 * 0.5)
    assert planned.recordings_gb_day == pytest.approx(60)


def test_there_is_a_plan_only_where_a_process_has_room() -> None:
    with pytest.raises(ValueError, match="full"):
        plan(model(hub_ms=Cost(linked=0.1)), Assumptions())


def row(patients: int, **but: object) -> dict[str, Any]:
    return {
        "patients": patients,
        "viewers": 2 * patients,
        "spreads": {"heart": {"p99_ms": 20.0}},
        "behind_s": {"p99": 1.0},
        **dict.fromkeys(("lost", "doubled", "shed", "not_taken"), 0),
        **{"closed": {}, "checked": 10, "same": 10, "of_others_pct": 0.0},
        "cpu_pct": {"hub": 60.0, "NATS": 20.0},
        "machine_pct": 80.0,
        **but,
    }


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"spreads": {"heart": {"p99_ms": 101.0}}}, id="late"),
        pytest.param({"behind_s": {"p99": 2.1}}, id="behind"),
        pytest.param({"same": 9}, id="another copy"),
        pytest.param({"closed": {"1013": 1}}, id="shed"),
    ],
)
def test_the_knee_is_the_first_step_that_is_not_healthy(
    trouble: dict[str, Any],
) -> None:
    rows = [row(50), row(100), row(200, **trouble), row(350, **trouble)]
    found = knee(rows)
    assert found is not None
    assert (found.patients, found.full) == (200, "hub, 60 % of a core")
    assert knee(rows[:2]) is None
