"""One step: so many homes, so many viewers, for a while; and what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from subprocess import Popen
from typing import Any

import msgspec

from bench.capacity import costs
from bench.capacity.clinic import Clinic, Screens, a_clinic
from bench.capacity.homes import Does
from bench.capacity.homes import Job as HomesJob
from bench.load.viewers import Job as ViewersJob
from bench.straps import child, said
from biofeedback.model import Value
from biofeedback.recording.reader import open_recording

HOMES_OF_A_PROCESS = 250
SETTLE_S = 6.0
"""From the last viewer on until it is measured: nobody catches up any more."""

ROOMS_SETTLE_S = 45.0
"""The same with rooms: each tile is written down in the audit before it is shown."""

N_CHECKED = 10
N_WHOLE = 6

Figures = dict[str, Any]


class Step(Value, frozen=True):
    """How many there are, what their homes do, and where they are looked at."""

    patients: int
    viewers_per_patient: int = 2
    does: Does = "all"
    screens: Screens = "sessions"
    apart: bool = False


def measure(step: Step, *, seconds: float) -> Figures:
    """Run one step; return its figures."""
    with ExitStack() as stack:
        clinic = stack.enter_context(
            a_clinic(
                patients=step.patients,
                viewers_per_patient=step.viewers_per_patient,
                screens=step.screens,
                apart=step.apart,
            )
        )
        homes = [
            stack.enter_context(child("bench.capacity.homes"))
            for _ in range(-(-step.patients // HOMES_OF_A_PROCESS))
        ]
        zeros: dict[str, float] = {}
        jobs = _jobs(clinic, len(homes), step.does)
        for process, their_job in zip(homes, jobs, strict=True):
            _ask(process, their_job)
        for process in homes:
            zeros |= dict(said(process)["zeros"])  # type: ignore[call-overload]
        viewers = stack.enter_context(child("bench.load.viewers"))
        job = ViewersJob(
            address=clinic.node_address,
            places=clinic.places,
            seconds=seconds,
            settle_s=SETTLE_S if step.screens == "sessions" else ROOMS_SETTLE_S,
            zeros_ns=zeros,
        )
        _ask(viewers, job)
        said(viewers)  # all are there
        said(viewers)  # it is measured from now on
        of_homes = {f"homes {i + 1}": p.pid for i, p in enumerate(homes)}
        others = {**of_homes, "viewers": viewers.pid}
        before = costs.take(clinic, others)
        _marks(homes)
        said(viewers)
        after = costs.take(clinic, others)
        sent = _together(_marks(homes))
        seen: Figures = said(viewers)
        cost = costs.between(before, after)
        for process in homes:
            _type(process, "end")
        ended = [said(process) for process in homes]
        checked = _checked(clinic, ended)
    lasted_s = float(cost["lasted_s"])
    return {
        "patients": step.patients,
        "viewers": len(clinic.places),
        "does": step.does,
        "screens": step.screens,
        "apart": step.apart,
        "viewed_per_s": seen["messages"] / seconds,
        **{
            name: seen[name]
            for name in ("spreads", "lost", "doubled", "closed", "messages")
        },
        "shed": seen["kinds"].get("gap", 0),
        **cost,
        "parcels_per_s": sent["parcels"] / lasted_s,
        "entries_per_s": sent["entries"] / lasted_s,
        "parcel_bytes_per_s": sent["parcel_bytes"] / lasted_s,
        **{
            name: sent[name]
            for name in ("sent_again", "late_ms", "acked_ms", "behind_s")
        },
        **checked,
    }


def finishing(*, homes: int = N_WHOLE) -> Figures:
    """Let homes send whole practices; return what one costs until it is finished."""
    with ExitStack() as stack:
        clinic = stack.enter_context(
            a_clinic(patients=homes + 1, viewers_per_patient=0)
        )
        first = stack.enter_context(child("bench.capacity.homes"))
        process = stack.enter_context(child("bench.capacity.homes"))
        (job,) = _jobs(clinic, 1, "linked")
        for one, patients in (
            (first, job.patients[:1]),
            (process, job.patients[1:]),
        ):
            _ask(one, msgspec.structs.replace(job, patients=patients))
            said(one)
        # NeuroKit2's worker takes seconds to start, once: that is no part of it.
        _type(first, "whole")
        said(first)
        time.sleep(SETTLE_S)
        idle = costs.take(clinic, {"homes 1": process.pid})
        time.sleep(SETTLE_S)
        before = costs.take(clinic, {"homes 1": process.pid})
        _type(process, "whole")
        sent = said(process)
        after = costs.take(clinic, {"homes 1": process.pid})
        finals = [
            path.stat().st_size for path in clinic.data.glob("recordings/*/*/*.mcap")
        ]
    was, cost = costs.between(idle, before), costs.between(before, after)
    lasted_s = cost["lasted_s"]

    def cpu(name: str) -> float:
        spent_pct = cost["cpu_pct"][name] - was["cpu_pct"].get(name, 0.0)
        return float(max(0.0, spent_pct) / 100 * lasted_s / homes)

    return {
        "homes": homes,
        "took_s": lasted_s / homes,
        "finished": len(finals) - 1,
        "cpu_s": {
            name: cpu(name) for name in ("hub", "NeuroKit2's worker", "PostgreSQL")
        },
        "recording_bytes": sum(finals) / max(1, len(finals)),
        "rows_written": cost["database_per_s"]["rows_written"] * lasted_s / homes,
        "commits": cost["database_per_s"]["commits"] * lasted_s / homes,
        "written_bytes": cost["written_per_s"]["hub"] * lasted_s / homes,
        "load": cost["load"],
        "sent": sent,
    }


def _jobs(clinic: Clinic, n: int, does: Does) -> Iterator[HomesJob]:
    for i in range(n):
        yield HomesJob(
            server=clinic.server,
            ca=str(clinic.ca),
            patients=clinic.patients[i::n],
            does=does,
            n_checked=-(-N_CHECKED // n),
        )


def _ask(process: Popen[str], job: msgspec.Struct) -> None:
    _type(process, msgspec.json.encode(job).decode())


def _type(process: Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _marks(homes: Sequence[Popen[str]]) -> list[Figures]:
    for process in homes:
        _type(process, "mark")
    return [dict(said(process)) for process in homes]


def _together(marks: list[Figures]) -> Figures:
    """Add up what several processes of homes did; of spreads the worst counts."""
    found: Figures = {}
    for name, value in marks[0].items():
        if isinstance(value, dict):
            found[name] = {key: max(mark[name][key] for mark in marks) for key in value}
        else:
            found[name] = sum(mark[name] for mark in marks)
    return found


def _checked(clinic: Clinic, ended: Sequence[Figures]) -> Figures:
    """Compare the finished copies with what the homes have sent."""
    hashes = {id: sha for one in ended for id, sha in dict(one["sha256"]).items()}
    same = 0
    for id, sha256 in hashes.items():
        copies = tuple(clinic.data.glob(f"recordings/*/*/{id}.mcap"))
        same += len(copies) == 1 and (
            open_recording(copies[0]).survey().content_sha256 == sha256
        )
    return {"checked": len(hashes), "same": same}
