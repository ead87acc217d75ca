"""The table of a run of :mod:`bench.recording`: made by it, never by hand."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from bench.page import put

PAGE = Path(__file__).resolve().parents[1] / "docs" / "recordings.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def write(found: dict[str, Any]) -> None:
    """Put the tables between the page's two markers."""
    put(tables(found), PAGE, BEGIN, END)


def tables(found: dict[str, Any]) -> list[str]:
    """Return the tables and what must be known to read them, in Markdown."""
    out = [
        "Made by `python -m bench.recording --write`: the simulated strap, all told "
        "per hour, the same records in every format, one run, Python "
        f"{platform.python_version()}, {platform.system()}. Only ratios mean something "
        "on another machine; they stand in brackets (ours = 1). *Append* is the "
        "processor's time for a record, *disk* the median wait once a second (ours, "
        "SQLite and the *fsync* rows are then safe on the disk; *buffered* files lose "
        "their last minutes in a crash). *Scan* reads everything; ours checks every "
        "checksum, the others have none. *Seek* finds the first record of minute 30. "
        "*Replay* reads all and computes every message again, as × real time: the "
        "same computation for each format.",
    ]
    for name, part in found.items():
        if isinstance(part, dict):
            out += _table(name, part)
    return out


def _table(name: str, part: dict[str, Any]) -> list[str]:
    ours = part["formats"][0]
    lines = [
        "",
        f"**{name[0].upper()}{name[1:]}**, {part['records']} records and messages an "
        "hour:",
        "",
        "| format | MB an hour | append, µs | disk, ms | scan, s | seek, ms | replay |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in part["formats"]:
        cells = [
            _cell(row[key], ours[key], digits)
            for key, digits in (
                ("mb_per_h", 2),
                ("append_us", 0),
                ("sync_ms", 2),
                ("scan_s", 2),
                ("seek_ms", 1),
            )
        ]
        lines.append(
            f"| {row['format']} | {' | '.join(cells)} | {row['replay_x']:.0f} × |"
        )
    lines += [
        "",
        f"While it is live our file has {ours['journal_mb_per_h']:.1f} MB an hour; "
        f"closing it takes {ours['close_s']:.1f} s."
        + (
            f" `verify`, which is a replay that compares every byte, takes "
            f"{part['verify_s']:.1f} s."
            if "verify_s" in part
            else ""
        ),
    ]
    return lines


def _cell(value: float, ours: float, digits: int) -> str:
    ratio = value / ours
    if ratio < 0.01:
        return "–"  # a buffered file waits for nothing
    return (
        f"{value:.{digits}f} ({ratio:.0f})"
        if ratio >= 10
        else (f"{value:.{digits}f} ({ratio:.2g})")
    )
