"""Thousands of files by one process, a pool and a cluster: ``python -m bench.batch``.

Ratios of one run: files a second by each, what a task costs beside its work, and how
long a thousand files take that are there already. ``--kills 20`` kills the command, a
worker or the scheduler at random moments instead, starts again, and compares the rows
with those of an undisturbed process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from biofeedback.api import places
from biofeedback.session import parquet
from biofeedback.session.batch import Parameters, analyze_many
from biofeedback.session.cluster import Cluster
from biofeedback.session.hands import in_order
from biofeedback.session.places import Place
from biofeedback.session.results import Results
from tests.session.clusters import Dask, Storage, dask, kill, storage, until
from tests.session.rr_files import rr_files

PARAMETERS = Parameters(window_s=60)
WORKERS = 2

Places = Sequence[Path | Place]


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def named(path: Path) -> str:
    """Do the least that can be done with a file."""
    return path.name


def analyzed(found: Places, executor: Executor | None) -> None:
    """Analyze all, and keep nothing."""
    for one in analyze_many(found, parameters=PARAMETERS, executor=executor):
        assert one.error is None, one.error


def resumed(folder: Path, found: Places, executor: Executor | None) -> int:
    """Analyze what is not there, and keep it; return how much that was."""
    with Results(folder, PARAMETERS, time.monotonic) as results:
        skip = results.claim if executor is None else None
        for one in analyze_many(
            found, parameters=PARAMETERS, executor=executor, skip=skip, memory=results
        ):
            results.add(one)
        return results.n_added


def measure(folder: Path, n: int, bucket: Storage) -> dict[str, float]:
    """Measure everything once, one after the other."""
    paths = rr_files(bucket.folder / "study", n, beats=300)
    found: dict[str, float] = {}
    with (
        dask(folder / "cluster", WORKERS) as servers,
        ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool,
    ):
        servers.pids()
        with Cluster(servers.address) as cluster:
            hands: dict[str, Executor | None] = {
                "one process": None,
                f"pool of {WORKERS}": pool,
                f"cluster of {WORKERS}": cluster,
            }
            there = places("s3://study", **bucket.options)
            for name, executor in hands.items():
                analyzed(paths[: 4 * WORKERS], executor)  # imports are not measured
                took_s = seconds(lambda e=executor: analyzed(paths, e))  # type: ignore[misc]
                found[f"files/s, {name}"] = n / took_s
                if executor is not None:
                    took_s = seconds(
                        lambda e=executor: list(in_order(named, paths, executor=e))  # type: ignore[misc]
                    )
                    found[f"ms a task that does nothing, {name}"] = 1000 * took_s / n
            took_s = seconds(lambda: analyzed(there, cluster))
            found[f"files/s, cluster of {WORKERS}, from S3"] = n / took_s
            for name, many, who in (
                ("here, hashed", paths, None),
                ("here, hashed by the cluster", paths, cluster),
                ("from S3, by its promise", there, cluster),
            ):
                out = folder / name
                assert resumed(out, many, who) == n
                took_s = seconds(lambda o=out, m=many, w=who: resumed(o, m, w))  # type: ignore[misc]
                found[f"s for 1000 that are there, {name}"] = 1000 * took_s / n
            took_s = seconds(lambda: places("s3://study", **bucket.options))
            found["s to list 1000 in S3"] = 1000 * took_s / n
    return found


def rows_in(folder: Path) -> list[str]:
    """Return all rows of results, in all digits, but for where the files were."""
    return sorted(
        json.dumps({**row, "file": table})
        for table in ("summary", "windows", "refused")
        for path in (folder / table).glob("*.parquet")
        for row in parquet.read(path).to_pylist()
    )


def killed(folder: Path, n_files: int, n_kills: int, bucket: Storage) -> None:
    """Kill at random moments, and find the same rows each time all is done."""
    chance = random.Random(n_kills)
    paths = rr_files(bucket.folder / "study", n_files)
    resumed(folder / "whole", paths, None)
    expected, out, n_whole = rows_in(folder / "whole"), folder / "out-0", 0
    n_killed = {"command": 0, "worker": 0, "scheduler": 0}
    with dask(folder / "cluster") as servers:
        while sum(n_killed.values()) < n_kills:
            pids = servers.pids()
            command = subprocess.Popen(
                [
                    *(sys.executable, "-m", "biofeedback.cli", "analyze", "s3://study"),
                    *(*bucket.arguments, "--scheduler", servers.address),
                    *("--parquet", out, "--window", "60"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            until(partial(_begun, command, servers), "some work")
            with suppress(subprocess.TimeoutExpired):
                command.wait(chance.uniform(0, 10))
            who = chance.choice([*n_killed])
            if command.poll() is None:
                n_killed[who] += 1
            if who == "command":
                command.kill()
            elif who == "worker":
                os.kill(chance.choice(pids), signal.SIGKILL)
            else:
                kill(servers.processes[-2])
                kill(servers.processes[-1])
                servers.scheduler()
                servers.worker(WORKERS)
            said = command.communicate()[1]
            if command.returncode == 0:
                assert rows_in(out) == expected, out
                n_whole += 1
                out = folder / f"out-{n_whole}"
            elif who == "scheduler":
                assert said.startswith("The scheduler at"), said
                assert said.count("\n") == 1, said
        assert resumed(out, places("s3://study", **bucket.options), None) <= n_files
    assert rows_in(out) == expected, out
    print(f"Killed {n_killed}; {n_whole + 1} times all rows were the same, each once.")


def _begun(command: subprocess.Popen[str], servers: Dask) -> bool:
    return command.poll() is not None or servers.tasks() > 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="bench.batch", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--kills", type=int, default=0, help="kill, measure nothing")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with storage(folder / "buckets") as bucket:
            if options.kills:
                killed(folder, options.files, options.kills, bucket)
                return
            found = measure(folder, options.files, bucket)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for what, value in found.items():
        print(f"{value:10.2f}  {what}")


if __name__ == "__main__":
    main()
