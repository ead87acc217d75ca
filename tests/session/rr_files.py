"""Small files of RR, each with a rhythm of its own."""

from __future__ import annotations

import math
import os
from pathlib import Path


def rr_files(folder: Path, n: int, *, beats: int = 120) -> list[Path]:
    """Write ``n`` files whose hearts swing with a breath; return their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for k in range(n):
        path = folder / f"{k:04d}.csv"
        swing = (40 * math.sin(i * 0.6) + 7 * ((i * (k + 1)) % 5) for i in range(beats))
        path.write_text("rr_ms\n" + "".join(f"{700 + k + ms:.0f}\n" for ms in swing))
        paths.append(path)
    return paths


def doomed(path: Path) -> str:
    """Work that ends its process for a file called ``fatal``."""
    if path.name == "fatal":
        os._exit(1)
    return path.name
