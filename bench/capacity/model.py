"""What a clinic of any size needs, by what one of this size has cost.

Every cost is a sum of terms, none negative: one that is always there, one for each home
that is linked, one for each whose session is announced, one for each that is copied,
one for each session that somebody watches, and one for each viewer. They are fitted to
runs, and checked against larger runs that they were not fitted to. What a practice
costs when it ends was measured by itself.

Processor time is less than that sum where much is to do. Whatever comes has to be
done; where it finds the process asleep, that has to be woken besides. With *a* for the
one and *b* for the other, of λ in a second, a process that is busy for a share *u* of
the time is so for ``u = λ (a + b (1 - u))``. With ``s = λ (a + b)``, the sum above,
that is ``u = s / (1 + s b / (a + b))``; ``b / (a + b)`` is called ``wakes`` here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from biofeedback.model import Value

TERMS = ("fixed", "linked", "announced", "copied", "watched", "viewers")
DAY_S = 86_400.0


class Load(Value, frozen=True):
    """How many there are at one instant.

    ``linked`` homes have a link, of which ``announced`` share a session, ``copied``
    send one, ``watched`` are looked at, by ``viewers`` altogether.
    """

    linked: float
    announced: float
    copied: float
    watched: float
    viewers: float

    @property
    def terms(self) -> tuple[float, ...]:
        """What each term of a cost is multiplied with."""
        return (
            1.0,
            self.linked,
            self.announced,
            self.copied,
            self.watched,
            self.viewers,
        )


class Cost(Value, frozen=True):
    """What one thing costs: something fixed, and so much for each.

    ``wakes`` is the share of processor time that waking takes; 0 for all that is no
    processor time. That is in ms a second.
    """

    fixed: float = 0.0
    linked: float = 0.0
    announced: float = 0.0
    copied: float = 0.0
    watched: float = 0.0
    viewers: float = 0.0
    wakes: float = 0.0

    def sum(self, load: Load) -> float:
        """Return the sum of the terms: for processor time the most that it can be.

        >>> Cost(fixed=1, copied=2).sum(Load(5, 5, 5, 0, 0))
        11.0
        """
        coefficients = [getattr(self, term) for term in TERMS]
        pairs = zip(coefficients, load.terms, strict=True)
        return float(sum(one * n for one, n in pairs))

    def of(self, load: Load) -> float:
        """Return the cost of a load, in one process.

        >>> Cost(copied=100, wakes=0.5).of(Load(10, 10, 10, 0, 0))
        666.66...
        """
        return self.eased(self.sum(load))

    def eased(self, sum_ms: float) -> float:
        """Return what a sum comes to in one process, which is woken less when busy."""
        return sum_ms / (1 + self.wakes * sum_ms / 1000)

    def room(self, full_ms: float) -> float:
        """Return the sum that fits into one process which may be as busy as this."""
        return full_ms / (1 - self.wakes * full_ms / 1000)


WAKES = np.linspace(0, 0.98, 99)


def fitted(runs: Sequence[tuple[Load, float]], *, eases: bool = False) -> Cost:
    """Return the cost that is nearest to what was measured, relative to each.

    Where runs cannot tell two terms apart, one of them gets all.

    Parameters
    ----------
    eases
        Whether it is processor time.
    """
    loads = [load for load, _ in runs]
    measured = np.array([cost for _, cost in runs])
    scale = 1 / np.maximum(np.abs(measured), 1e-9)
    rows = np.array([load.terms for load in loads]) * scale[:, None]

    def with_share(wakes: float) -> tuple[float, Cost]:
        sums = measured / np.maximum(1 - wakes * measured / 1000, 1e-9)
        found, _ = nnls(rows, sums * scale)
        terms = dict(zip(TERMS, map(float, found), strict=True))
        cost = Cost(**terms, wakes=wakes)
        off = np.array([cost.of(load) for load in loads]) - measured
        return float(np.sum((off * scale) ** 2)), cost

    shares = WAKES if eases else WAKES[:1]
    return min((with_share(float(one)) for one in shares), key=lambda pair: pair[0])[1]


def error_pct(cost: Cost, load: Load, measured: float) -> float:
    """Return by how much the model says more than was measured."""
    return 100 * (cost.of(load) - measured) / measured


class Ended(Value, frozen=True):
    """What one practice costs once, from its beginning to its finished copy.

    Processor time is in seconds: of the hub, and of NeuroKit2's worker beside it.
    """

    hub_s: float
    worker_s: float
    rows: float
    recording_bytes: float


class Model(Value, frozen=True):
    """All costs.

    Processor time is in ms a second; memory in MiB; what is sent and written in bytes
    a second. ``hub`` is that of a service that keeps copies and has the viewers too.
    """

    hub_ms: Cost
    nats_ms: Cost
    postgres_ms: Cost
    hub_mib: Cost
    nats_mib: Cost
    nats_in: Cost
    nats_out: Cost
    log: Cost
    hub_disk: Cost
    ended: Ended


class Assumptions(Value, frozen=True):
    """What many sites are taken to do; each has one home.

    ``full`` is how much of a core a process may take; ``kept_days`` for how long the
    log keeps parcels, ``copies`` how many hubs keep each copy.
    """

    sites: int = 10_000
    at_once: float = 0.05
    watched: float = 0.2
    viewers_each: float = 1.0
    session_min: float = 20.0
    sessions_a_day: float = 2.0
    full: float = 0.6
    kept_days: float = 3.0
    copies: int = 2

    @property
    def load(self) -> Load:
        """Return how many that is at one instant."""
        practising = self.sites * self.at_once
        watched = practising * self.watched
        return Load(
            linked=self.sites,
            announced=practising,
            copied=practising,
            watched=watched,
            viewers=watched * self.viewers_each,
        )


class Plan(Value, frozen=True):
    """What is needed: cores are whole ones, at 100 %."""

    load: Load
    hubs: int
    hub_cores: float
    worker_cores: float
    nodes: int
    node_cores: float
    nats_cores: float
    nats_connections: float
    nats_in_mb_s: float
    nats_out_mb_s: float
    nats_gb: float
    log_gb: float
    postgres_cores: float
    rows_s: float
    recordings_gb_day: float
    hub_written_mb_s: float
    practices_s: float


def plan(model: Model, assumed: Assumptions) -> Plan:
    """Return what many sites need.

    Each hub and each node knows all homes, and hears of every session that is
    announced, also of those of others: that part does not get less by more processes.
    """
    load = assumed.load
    practices_s = load.copied / (60 * assumed.session_min)
    a_day = assumed.sites * assumed.sessions_a_day
    knows_ms = model.hub_ms.sum(
        Load(
            linked=load.linked,
            announced=load.announced,
            copied=0,
            watched=0,
            viewers=0,
        )
    )
    room_ms = model.hub_ms.room(1000 * assumed.full) - knows_ms
    copying_ms = assumed.copies * (
        model.hub_ms.copied * load.copied + 1000 * model.ended.hub_s * practices_s
    )
    showing_ms = (
        model.hub_ms.watched * load.watched + model.hub_ms.viewers * load.viewers
    )
    hubs = max(assumed.copies, _processes(copying_ms, room_ms))
    nodes = max(2, _processes(showing_ms, room_ms))
    # NATS sends each parcel to every hub that keeps a copy of it, and each message of
    # presence to every node and hub; one of each was measured.
    more_hubs, more_all = assumed.copies - 1, hubs + nodes - 1
    out = model.nats_out
    out_s = (
        out.of(load)
        + more_hubs * out.copied * load.copied
        + more_all * out.announced * load.announced
    )
    return Plan(
        load=load,
        hubs=hubs,
        hub_cores=hubs * model.hub_ms.eased(copying_ms / hubs + knows_ms) / 1000,
        worker_cores=assumed.copies * model.ended.worker_s * practices_s,
        nodes=nodes,
        node_cores=nodes * model.hub_ms.eased(showing_ms / nodes + knows_ms) / 1000,
        # On many cores: by how much it eases there was not measured.
        nats_cores=model.nats_ms.sum(load) / 1000 * out_s / max(out.of(load), 1e-9),
        nats_connections=assumed.sites + hubs + nodes,
        nats_in_mb_s=model.nats_in.of(load) / 1e6,
        nats_out_mb_s=out_s / 1e6,
        nats_gb=model.nats_mib.of(load) / 1024,
        log_gb=_log_bytes(model, assumed, a_day) / 1e9,
        postgres_cores=(hubs + nodes) * model.postgres_ms.sum(load) / 1000,
        rows_s=assumed.copies * model.ended.rows * practices_s,
        recordings_gb_day=assumed.copies * a_day * model.ended.recording_bytes / 1e9,
        hub_written_mb_s=assumed.copies * model.hub_disk.copied * load.copied / 1e6,
        practices_s=practices_s,
    )


def _processes(wanted_ms: float, room_ms: float) -> int:
    if room_ms <= 0:
        raise ValueError("one process is full of what it knows of others alone")
    return math.ceil(wanted_ms / room_ms)


def _log_bytes(model: Model, assumed: Assumptions, a_day: float) -> float:
    seconds = a_day * 60 * assumed.session_min * assumed.kept_days
    return model.log.copied * seconds


# --- From the figures of runs ---------------------------------------------------------


def load_of(row: Mapping[str, Any]) -> Load:
    """Return what there was in a run."""
    n = float(row["patients"])
    does = row["does"]
    return Load(
        linked=n,
        announced=n if does != "linked" else 0.0,
        copied=n if does == "all" else 0.0,
        watched=n if row["viewers"] else 0.0,
        viewers=float(row["viewers"]),
    )


MEASURED: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "hub_ms": lambda row: 10 * row["cpu_pct"]["hub"],
    "nats_ms": lambda row: 10 * row["cpu_pct"]["NATS"],
    "postgres_ms": lambda row: 10 * row["cpu_pct"]["PostgreSQL"],
    "hub_mib": lambda row: row["rss_mib"]["hub"],
    "nats_mib": lambda row: row["rss_mib"]["NATS"],
    "nats_in": lambda row: row["nats_per_s"]["in_bytes"],
    "nats_out": lambda row: row["nats_per_s"]["out_bytes"],
    "log": lambda row: row["disk_per_s"]["log"],
    "hub_disk": lambda row: row["written_per_s"]["hub"],
}
"""Where each cost stands among the figures of a run."""

BUSY = ("hub_ms", "nats_ms")
"""Those that are processor time of one process."""


def model_of(rows: Iterable[Mapping[str, Any]], finishing: Mapping[str, Any]) -> Model:
    """Return the model that fits these runs."""
    runs = [(load_of(row), row) for row in rows]
    costs = {
        name: fitted([(load, look(row)) for load, row in runs], eases=name in BUSY)
        for name, look in MEASURED.items()
    }
    cpu_s = finishing["cpu_s"]
    ended = Ended(
        hub_s=cpu_s["hub"],
        worker_s=cpu_s["NeuroKit2's worker"],
        rows=finishing["rows_written"],
        recording_bytes=finishing["recording_bytes"],
    )
    return Model(**costs, ended=ended)


def errors_pct(model: Model, row: Mapping[str, Any]) -> dict[str, float]:
    """Return by how much the model is off in a run that it was not fitted to."""
    load = load_of(row)
    return {
        name: error_pct(getattr(model, name), load, look(row))
        for name, look in MEASURED.items()
    }
