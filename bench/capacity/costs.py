"""What a step costs: processor time, memory, disk, and what servers say themselves."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.capacity.clinic import Clinic
from bench.load.processes import BEARER, helpers
from bench.straps import TICKS_PER_S, cpu_s
from biofeedback.model import Value

PREFIX = "biofeedback_"
LABELLED = re.compile(r'(\w+)(?:\{(?:[^}]*?"([^"]*)")?[^}]*\})? (\S+)')

Readings = dict[str, float]


class Snapshot(Value, frozen=True):
    """How things stood at one instant: everything rises but what is memory."""

    at_s: float
    cpu_s: Readings
    rss_mib: Readings
    written_bytes: Readings
    nats: Readings
    database: Readings
    service: Readings
    disk_bytes: Readings
    machine_s: float


def take(clinic: Clinic, others: Mapping[str, int]) -> Snapshot:
    """Look at all processes: those of the clinic, and ``others`` by their names."""
    at_s, machine_s = time.monotonic(), _machine_s()
    pids = {"hub": clinic.hub.pid, "NATS": clinic.nats_pid, **others}
    if clinic.node.pid != clinic.hub.pid:
        pids["node"] = clinic.node.pid
    postgres = _children(clinic.postgres_pid)
    workers = [*helpers(clinic.hub.pid), *helpers(clinic.node.pid)]
    cpu = {name: cpu_s(pid) for name, pid in pids.items()}
    cpu["PostgreSQL"] = _with_children_s(clinic.postgres_pid) + sum(
        cpu_s(pid) for pid in postgres
    )
    cpu["NeuroKit2's worker"] = sum(cpu_s(pid) for pid in set(workers))
    memory = {name: _pss_mib(pid) for name, pid in pids.items()}
    memory["PostgreSQL"] = sum(
        _pss_mib(pid) for pid in (clinic.postgres_pid, *postgres)
    )
    written = {name: _written(pid) for name, pid in pids.items()}
    written["PostgreSQL"] = sum(
        _written(pid) for pid in (clinic.postgres_pid, *postgres)
    )
    varz = clinic.nats("varz")
    wanted = ("in_msgs", "out_msgs", "in_bytes", "out_bytes", "connections")
    return Snapshot(
        at_s=at_s,
        cpu_s=cpu,
        rss_mib=memory,
        written_bytes=written,
        nats={name: float(varz[name]) for name in wanted},
        database=_database(clinic),
        service=_service(clinic.hub_address),
        disk_bytes={
            "log": _size(clinic.log),
            "copies": _size(clinic.data / "copies"),
        },
        machine_s=machine_s,
    )


def between(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Return what passed between two looks, per second where it can be."""
    lasted_s = after.at_s - before.at_s

    def per_s(name: str) -> Readings:
        was, now = getattr(before, name), getattr(after, name)
        return {key: (now[key] - was[key]) / lasted_s for key in now if key in was}

    cpu = {key: 100 * value for key, value in per_s("cpu_s").items()}
    machine_pct = 100 * (after.machine_s - before.machine_s) / lasted_s
    return {
        "lasted_s": lasted_s,
        "cpu_pct": cpu,
        "machine_pct": machine_pct,
        "of_others_pct": max(0.0, machine_pct - sum(cpu.values())),
        "rss_mib": after.rss_mib,
        "written_per_s": per_s("written_bytes"),
        "disk_per_s": per_s("disk_bytes"),
        "nats_per_s": per_s("nats"),
        "connections": after.nats["connections"],
        "database_per_s": per_s("database"),
        "fsync_p99_s": _p99(before.service, after.service, "copies_sync_seconds"),
        "loop_lag_p99_s": _p99(before.service, after.service, "loop_lag_seconds"),
        "not_taken": _not_taken(before.service, after.service),
        "load": os.getloadavg()[0],
    }


def _machine_s() -> float:
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, soft, *_ = map(int, fields)
    return (user + nice + system + irq + soft) / TICKS_PER_S


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _with_children_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S


def _pss_mib(pid: int) -> float:
    # What several share counts once: all of PostgreSQL's have the same buffers.
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("Pss:")[2].split()[0]) / 1024
    return 0.0


def _written(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/io").read_text()
        return float(text.partition("\nwrite_bytes:")[2].split()[0])
    return 0.0


def _size(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return float(total)


def _database(clinic: Clinic) -> Readings:
    row = clinic.postgres.execute(
        "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted, "
        "tup_returned, pg_current_wal_lsn() - '0/0' FROM pg_stat_database "
        f"WHERE datname = '{clinic.database}'"
    )[0]
    names = ("commits", "rows_written", "rows_read", "wal_bytes")
    return {name: float(value) for name, value in zip(names, row, strict=True)}


def _service(address: str) -> Readings:
    request = Request(f"http://{address}/metrics", headers=BEARER)
    with urlopen(request, timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    readings: Readings = {}
    for line in lines:
        if found := LABELLED.fullmatch(line):
            name, label, value = found.groups()
            readings[f"{name} {label or ''}".strip()] = float(value)
    return readings


def _p99(before: Readings, after: Readings, name: str) -> float:
    """Return the bound below which 99 of 100 were; infinite beyond the last."""
    mark = f"{PREFIX}{name}_bucket "
    counts = {
        float(key.removeprefix(mark)): after[key] - before.get(key, 0.0)
        for key in after
        if key.startswith(mark)
    }
    n = max(counts.values(), default=0.0)
    return min((le for le, count in counts.items() if count >= 0.99 * n), default=0.0)


def _not_taken(before: Readings, after: Readings) -> float:
    """Return how many parcels were not simply new."""
    mark = f"{PREFIX}copy_parcels_total "
    return sum(
        after[key] - before.get(key, 0.0)
        for key in after
        if key.startswith(mark) and key != f"{mark}new"
    )
