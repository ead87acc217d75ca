"""Thirty tiles on the therapist's page: frames a second, and how busy its thread is.

``python -m bench.room_page [--tiles 30] [--seconds 10]``. The page is the built one, in
a headless Chromium, fed by a scripted service in a process of its own. Beside it the
curves alone: swept as the page does it, and drawn whole in every frame as one would
otherwise. Only ratios of one run mean something elsewhere.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

from bench.room_scene import served
from tests.machine import browser

DASHBOARD = Path(__file__).resolve().parents[1] / "dashboard"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run")

FRAMES = """seconds => new Promise(done => {
    let n = 0, longest = 0, last = performance.now();
    const began = last;
    const frame = now => {
        n += 1;
        longest = Math.max(longest, now - last);
        last = now;
        if (now - began < 1000 * seconds) requestAnimationFrame(frame);
        else done({ fps: n / ((now - began) / 1000), longest_ms: longest });
    };
    requestAnimationFrame(frame);
})"""

CURVES = """async ({ n, whole }) => {
    const { Sweep } = await import('/src/sweep.js');
    const { BeatRing, heartRange } = await import('/src/ring.js');
    document.body.innerHTML = '<style>canvas{width:230px;height:44px}</style>';
    const people = [...Array(n)].map((_, k) => {
        const canvas = document.body.appendChild(document.createElement('canvas'));
        canvas.width = 230;
        canvas.height = 44;
        const one = { beats: new BeatRing(256), nBeats: 0, nJudged: 0,
                      nowMs: local => local + 60000, t: 0, canvas };
        one.pen = canvas.getContext('2d');
        one.sweep = whole ? null : new Sweep(canvas, one, 60000);
        return one;
    });
    const tell = (one, until) => {
        while (one.t < until) {
            const rr = 60000 / (65 + 6 * Math.sin(one.t / 1600));
            one.t += rr;
            one.beats.push({ t_ms: one.t, index: one.nBeats++, segment: 0,
                             label: 'normal', nn_ms: rr });
        }
    };
    const redraw = (one, now) => {
        const { pen } = one;
        const beats = one.beats.since(now - 60000);
        const [low, high] = heartRange(beats);
        pen.clearRect(0, 0, 230, 44);
        pen.strokeStyle = '#a35a12';
        pen.lineWidth = 1.75;
        pen.beginPath();
        for (const beat of beats) {
            const x = (beat.t_ms - now + 60000) / 60000 * 230;
            const y = 40 - (beat.hr_bpm - low) / (high - low) * 36;
            if (beat.joined) pen.lineTo(x, y); else pen.moveTo(x, y);
        }
        pen.stroke();
    };
    let drawn = -Infinity;
    const frame = local => {
        requestAnimationFrame(frame);
        if (local - drawn < 46) return;
        drawn = local;
        for (const one of people) {
            tell(one, local + 60000);
            if (whole) redraw(one, local + 60000); else one.sweep.draw(local);
        }
    };
    requestAnimationFrame(frame);
}"""


@contextmanager
def elsewhere(n: int) -> Iterator[str]:
    """Serve the scene in a process of its own; yield its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(n, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join(10)


def _serve(n: int, pipe: Connection) -> None:
    with served(n) as url:
        pipe.send(url)
        pipe.recv()


def busy(page: Page, seconds: float) -> dict[str, float]:
    """Measure for so long: frames a second, and the share of time the thread works."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")

    def spent() -> dict[str, float]:
        told = cdp.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in told}

    before = spent()
    frames: dict[str, float] = page.evaluate(FRAMES, seconds)
    after = spent()
    wall = after["Timestamp"] - before["Timestamp"]
    return frames | {
        "busy_pct": 100 * (after["TaskDuration"] - before["TaskDuration"]) / wall,
        "script_pct": 100 * (after["ScriptDuration"] - before["ScriptDuration"]) / wall,
    }


def measure(n: int, seconds: float) -> dict[str, Any]:
    """Measure the page, and the curves alone in both ways."""
    found: dict[str, Any] = {"tiles": n, "seconds": seconds}
    with compiled() as source, sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser(), args=list(FLAGS)
        )
        with elsewhere(n) as url:
            page = started.new_page(viewport={"width": 1920, "height": 1080})
            page.goto(url)
            page.locator(".tile").nth(n - 1).wait_for()
            page.wait_for_timeout(4_000)  # the past has been told by then
            found["page"] = busy(page, seconds)
            page.close()
        found["sweep"] = _curves(started, source, n, seconds, whole=False)
        found["whole"] = _curves(started, source, n, seconds, whole=True)
        started.close()
    return found


@contextmanager
def compiled() -> Iterator[Path]:
    """Compile the sweep by itself, as a module that a page can load."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tsconfig.json"
        options = {
            "outDir": folder,
            "rootDir": str(DASHBOARD),
            "types": [],
            "noEmit": False,
            "rewriteRelativeImportExtensions": True,
        }
        config.write_text(
            json.dumps(
                {
                    "extends": str(DASHBOARD / "tsconfig.json"),
                    "compilerOptions": options,
                    "include": [],
                    "files": [str(DASHBOARD / "src" / "sweep.ts")],
                }
            )
        )
        subprocess.run(
            ["npx", "tsc", "-p", str(config)],
            cwd=DASHBOARD,
            check=True,
        )
        yield Path(folder) / "src"


def _curves(
    started: Browser, source: Path, n: int, seconds: float, *, whole: bool
) -> dict[str, Any]:
    page = started.new_page(viewport={"width": 1920, "height": 1080})

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/src/")[2]
        if name.endswith(".js"):
            body = (source / name).read_text(encoding="utf-8")
            route.fulfill(body=body, content_type="text/javascript")
        else:
            route.fulfill(body="<body></body>", content_type="text/html")

    page.route("http://curves.test/**", answer)
    page.goto("http://curves.test/")
    page.evaluate(CURVES, {"n": n, "whole": whole})
    page.wait_for_timeout(1_000)
    found = busy(page, seconds)
    page.close()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.room_page", description=__doc__)
    parser.add_argument("--tiles", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(arguments)
    print(json.dumps(measure(options.tiles, options.seconds), indent=2))


if __name__ == "__main__":
    main()
