"""The processes of a run: what they cost, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from bench.load.stage import TOKEN
from bench.load.viewers import Job
from bench.straps import child, cpu_s, said
from biofeedback.session.simulated import SIMULATED_ID

BEARER = {"Authorization": f"Bearer {TOKEN}"}
GOODBYE_S = 120.0
MINUTE_S = 60.0

Figures = dict[str, Any]


def rss_mib(pid: int) -> float:
    """Return the memory that process ``pid`` holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def helpers(pid: int) -> list[int]:
    """Return the processes that ``pid`` has started: NeuroKit2's worker."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


@contextmanager
def house(data: Path, *options: str) -> Iterator[tuple[Popen[str], str]]:
    """Run ``biofeedback run`` on ``data``; yield it and its address."""
    command = (sys.executable, "-m", "biofeedback.cli", "run", "--no-browser")
    process = Popen(
        [*command, "--port", "0", "--data", str(data), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "BIOFEEDBACK_TOKEN": TOKEN},
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("ready: "):
                yield process, urlsplit(line.removeprefix("ready: ")).netloc
                break
        else:
            raise SystemExit("'biofeedback run' ended before it was ready")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def stage(**options: object) -> Iterator[tuple[Popen[str], str]]:
    """Run :mod:`bench.load.stage`; yield it and its address."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"--{name}={value}" for name, value in options.items()]
        with child("bench.load.stage", f"--data={folder}", *arguments) as process:
            yield process, str(said(process)["address"])


def begin(address: str) -> str:
    """Begin a session with the only strap there is; return its id."""
    answer = httpx.post(
        f"http://{address}/api/v1/sessions",
        json={"strap": SIMULATED_ID, "plan": "practice"},
        headers=BEARER,
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def measured(
    job: Job,
    server: Popen[str],
    *,
    meanwhile: Callable[[], Figures] | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Figures:
    """Let viewers do ``job``; return what they found, and what it cost.

    Parameters
    ----------
    server
        Whose processor time and memory is looked at, the latter each minute.
    meanwhile
        What is done to the service while it is measured.
    tell
        Is told each minute how it goes.
    """
    with child("bench.load.viewers") as viewers:
        assert viewers.stdin is not None
        viewers.stdin.write(msgspec.json.encode(job).decode() + "\n")
        viewers.stdin.flush()
        said(viewers)  # all are there
        began_ns = int(str(said(viewers)["begun"]))
        pids = {"server": server.pid, "viewers": viewers.pid}
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        worker_s = {pid: cpu_s(pid) for pid in helpers(server.pid)}
        rss = [rss_mib(server.pid)]
        more = {} if meanwhile is None else meanwhile()
        ends_s = began_ns / 1e9 + job.seconds
        while (left_s := ends_s - time.monotonic()) > MINUTE_S:
            time.sleep(min(left_s, MINUTE_S))
            rss.append(rss_mib(server.pid))
            tell(f"{left_s / 60 - 1:.0f} min left, {rss[-1]:.0f} MiB")
        lasted_s = (int(str(said(viewers)["ended"])) - began_ns) / 1e9
        cost = {
            f"{name}_cpu_pct": 100 * (cpu_s(pid) - before[name]) / lasted_s
            for name, pid in pids.items()
        }
        cost["workers_cpu_pct"] = sum(
            100 * (cpu_s(pid) - worker_s.get(pid, 0.0)) / lasted_s
            for pid in helpers(server.pid)
        )
        rss.append(rss_mib(server.pid))
        found: Figures = said(viewers)
    per_s = found["messages"] / lasted_s
    return {
        **found,
        **cost,
        "per_s": per_s,
        "us_each": cost["server_cpu_pct"] * 1e4 / per_s,
        "rss_mib": [round(value, 1) for value in rss],
        **more,
    }
