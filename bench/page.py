"""The page and the chart of a run: made by this script, never by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

INK, QUIET, OURS, ALONE = "#24323b", "#7b8a93", "#1f6f8b", "#5a9a6e"
PEERS = ("#8a6bb1", "#b8863b", "#6b7fb1", "#9a7d8c", "#7d9a8c")


def write(found: dict[str, Any]) -> None:
    """Write the page's measured part and the chart."""
    chart(found, CHART)
    put(tables(found), PAGE, BEGIN, END)


def put(lines: Iterable[str], page: Path, begin: str, end: str) -> None:
    """Put lines between two marks of a page."""
    head, rest = page.read_text(encoding="utf-8").split(begin)
    _, tail = rest.split(end)
    body = "\n".join(lines)
    page.write_text(f"{head}{begin}\n{body}\n{end}{tail}", encoding="utf-8")


def tables(found: dict[str, Any]) -> list[str]:
    """Return the page's measured part, in Markdown."""
    nk, day = found["neurokit"], found["day"]
    out = [
        f"Python {found['python']}, NumPy {found['numpy']}, {found['machine']}, one "
        "thread, one run: medians of 64 ticks, means for RSA and beats. NeuroKit2 for "
        "one session: "
        f"{nk['windows_us'] / 1000:.1f} ms for the windows of a tick, "
        f"{nk['fixpeaks_us'] / 1000:.1f} ms for the artefacts at a beat. Largest "
        f"difference of ours: {nk['max_difference']:.1e}.",
        "",
        "| sessions | a tick, µs each | × NeuroKit2 per window | slowest tick | RSA "
        "and phase, µs a second | tick and RSA × NeuroKit2 | beats, µs a second | all "
        "of it × NeuroKit2 | floor: transform, µs | floor: memory, µs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    out += [
        f"| {row['n_sessions']} | {row['tick_us']:.1f} | {row['ratio']:.0f} | "
        f"{row['tick_p99_ms']:.2f} ms | {row['rsa_us']:.0f} | "
        f"{row['ratio_with_rsa']:.0f} | {row['beats_us']:.0f} | "
        f"{row['ratio_with_beats']:.0f} | {row['rfft_us']:.2f} | {row['copy_us']:.2f} |"
        for row in found["ticks"]
    ]
    out += [
        "",
        f"A day of one heart ({day['n_beats']} beats), metrics and spectrum at each of "
        f"{day['n_ticks']} seconds:",
        "",
        "| windows | spectra | engine | judging | `analyze`, as a command | NeuroKit2 "
        "per window (from one tick) | ratio |",
        "|---|---|---|---|---|---|---|",
        f"| {day['windows_s']:.2f} s | {day['spectra_s']:.2f} s | "
        f"{day['engine_s']:.2f} s | {day['judge_s']:.2f} s | "
        f"{day['analyze_s']:.1f} s | "
        f"{day['neurokit_s']:.0f} s | {day['ratio']:.0f} |",
        "",
        "One window at a time, as each library is called (µs; 30, 60, 300 s):",
        "",
        "| library | NumPy | time domain | Welch | largest error of RMSSD, SDNN, ms | "
        "memory, MiB |",
        "|---|---|---|---|---|---|",
        *(_peer(row) for row in found["peers"]),
    ]
    if "imports" in found:
        out += ["", "| import | time | memory |", "|---|---|---|"]
        out += [
            f"| `{name}` | {row['seconds']:.2f} s | {row['mib']:.0f} MiB |"
            for name, row in found["imports"].items()
        ]
    return out


def _peer(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"| {row['peer']} | | {row['error']} | | | |"

    def times(kind: str) -> str:
        values = [row[f"{kind}_{length_s}s_us"] for length_s in (30, 60, 300)]
        return " / ".join("–" if value is None else f"{value:.0f}" for value in values)

    broken = f" ({row['broken']})" if "broken" in row else ""
    memory = f"{row['memory_mib']:.0f}" if "memory_mib" in row else "–"
    return (
        f"| {row['peer']} {row['version']} | {row['numpy']} | {times('time')} | "
        f"{times('welch')}{broken} | "
        f"{row['rmssd_error_ms']:.0e}, {row['sdnn_error_ms']:.0e} | {memory} |"
    )


def chart(found: dict[str, Any], path: Path) -> None:
    """Draw what a second of one session costs, over how many there are."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "performance"
    from matplotlib import pyplot

    sizes = [row["n_sessions"] for row in found["ticks"]]
    figure, axes = pyplot.subplots(figsize=(7.6, 4.6), layout="constrained")
    axes.set_xscale("log")
    axes.set_yscale("log")
    lines = [("NeuroKit2, per window", found["neurokit"]["windows_us"])]
    for row in found["peers"][1:]:
        if "error" not in row:
            # Three windows in time, two spectra: what one tick asks for.
            parts = [f"time_{s}s_us" for s in (30, 60, 300)]
            parts += [f"welch_{s}s_us" for s in (60, 300)]
            if all(row.get(part) for part in parts):
                total = sum(row[part] for part in parts)
                lines.append((row["peer"], total))
    beside = 0  # names take turns, so that none stands on another
    for (name, value), colour in zip(
        sorted(lines, key=lambda x: -x[1]), PEERS, strict=False
    ):
        axes.axhline(value, color=colour, linewidth=1.2)
        axes.annotate(
            name,
            ((sizes[-1], 260, 26)[beside % 3], value),
            color=colour,
            ha="right",
            va="bottom",
            fontsize=9,
        )
        beside += 1
    for key, name, colour, style in (
        ("tick_us", "a tick: windows and spectra", OURS, "-"),
        ("rsa_us", "RSA and phase, at a breath", ALONE, "-"),
        ("rfft_us", "floor: the bare transform", QUIET, "--"),
        ("copy_us", "floor: reading the memory", QUIET, ":"),
    ):
        values = [row[key] for row in found["ticks"]]
        axes.plot(
            sizes, values, style, color=colour, linewidth=2 if style == "-" else 1.2
        )
        axes.annotate(
            name,
            (sizes[0], values[0]),
            color=colour,
            va="bottom",
            fontsize=9,
            xytext=(2, 5),
            textcoords="offset points",
        )
    axes.set_ylim(top=3 * max(value for _, value in lines))
    axes.set_xlabel("sessions at once", color=INK)
    axes.set_ylabel("µs a session and second", color=INK)
    axes.tick_params(colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, which="major", color="#e4e9ec", linewidth=0.8)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
