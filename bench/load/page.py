"""The tables of a run, for the terminal and for ``docs/performance.md``."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from bench.load.processes import Figures
from bench.page import PAGE, put

BEGIN, END = "<!-- under load: begin -->", "<!-- under load: end -->"
HEART, DUE, METRICS = "heart", "heart, since it was due", "metrics"


def write(found: dict[str, list[Figures]]) -> None:
    """Put the tables of ``found`` into the page, between its marks."""
    put(table(found), PAGE, BEGIN, END)


def table(found: dict[str, list[Figures]]) -> list[str]:
    """Return all that was found as Markdown."""
    packages = ("uvicorn", "websockets", "fastapi", "uvloop")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    lines = [
        f"Python {platform.python_version()}, {versions}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, "
        f"{datetime.now(UTC):%Y-%m-%d}."
    ]
    if rows := [*found.get("practice", []), *found.get("room", [])]:
        lines += ["", *_practice(rows)]
    if rows := found.get("fanout", []):
        lines += ["", *_fan_out(rows)]
    if rows := [row for part in found for row in found[part] if "trouble" in row]:
        lines += ["", *_troubles(rows)]
    return lines


def _practice(rows: list[Figures]) -> list[str]:
    return [
        "| patients | viewers of one each | rooms of all | messages/s | strap → viewer "
        "p50 / p95 / p99 | since due p99 | tick → viewer p99 | lost, doubled | "
        "server CPU | NeuroKit2's worker | memory at start, min, max, end |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['patients']} | {row['viewers']} | {row['rooms']} | "
            f"{row['per_s']:.0f} | {_spread(row, HEART, 50, 95, 99)} | "
            f"{_spread(row, DUE, 99)} | {_spread(row, METRICS, 99)} | "
            f"{row['lost']}, {row['doubled']} | {row['server_cpu_pct']:.0f} % | "
            f"{row['workers_cpu_pct']:.0f} % | {_memory(row)} |"
            for row in rows
        ),
    ]


def _fan_out(rows: list[Figures]) -> list[str]:
    floor = rows[-1]["us_each"]
    return [
        "| server | viewers | bytes a message | messages/s | p50 / p95 / p99 | lost | "
        "server CPU | µs a message | × the bare loop |",
        "|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['server']} | {row['viewers']} | {row['bytes_each']} | "
            f"{row['per_s']:.0f} | {_spread(row, HEART, 50, 95, 99)} | {row['lost']} | "
            f"{row['server_cpu_pct']:.0f} % | {row['us_each']:.1f} | "
            f"{row['us_each'] / floor:.1f} |"
            for row in rows
        ),
    ]


def _troubles(rows: list[Figures]) -> list[str]:
    return [
        "| trouble | others' p50 / p99 | lost by others | server CPU | memory at "
        "start, min, max, end | what became of it |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['trouble']} | {_spread(row, _looked_at(row), 50, 99)} | "
            f"{row['lost']} | {row['server_cpu_pct']:.0f} % | {_memory(row)} | "
            f"{_became(row)} |"
            for row in rows
        ),
    ]


def _looked_at(row: Figures) -> str:
    return "frame" if "frame" in row["spreads"] else HEART


def _spread(row: Figures, kind: str, *percentiles: int) -> str:
    spread = row["spreads"][kind]
    return " / ".join(f"{spread[f'p{p}_ms']:.1f}" for p in percentiles) + " ms"


def _memory(row: Figures) -> str:
    rss = row["rss_mib"]
    return f"{rss[0]:.0f}, {min(rss):.0f}, {max(rss):.0f}, {rss[-1]:.0f} MiB"


def _became(row: Figures) -> str:
    said = []
    if "commands" in row:
        said.append(f"{row['commands']} commands")
    for code, n in row.get("put_out", {}).items():
        said.append(f"put out {n} × {code}")
    if "healthz_ms" in row:
        said.append(f"another's request p99 {row['healthz_ms']['p99']:.0f} ms")
    for status, n in row.get("answers", {}).items():
        said.append(f"{n} × {status}")
    if "let_in" in row:
        said.append(f"{row['let_in']} let in, {row['took_s']} s")
    return "; ".join(said)
