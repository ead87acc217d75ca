"""Draws the icons of the installed app, in the colours of ``src/styles/tokens.css``.

Two discs, as in ``public/icon.svg``: a breath, and what is still in its middle. Run it
again when a colour changes: ``python dashboard/icons.py``.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).parent
PUBLIC = HERE / "public"
EDGE = 32
"""The icon is thought of as 32 by 32, like the SVG."""
OUTER, INNER = 15.0, 8.5
SAFE = 0.8
"""A mask leaves at least the middle four fifths (W3C manifest, "safe zone")."""

Colour = tuple[int, int, int]


def colour(name: str) -> Colour:
    """Return a colour of the light page by the name of its token."""
    tokens = (HERE / "src" / "styles" / "tokens.css").read_text(encoding="utf-8")
    found = re.search(rf"--{name}: #([0-9a-f]{{6}})", tokens)
    if found is None:
        raise LookupError(f"tokens.css has no colour --{name}")
    red, green, blue = bytes.fromhex(found[1])
    return red, green, blue


def draw(size_px: int, *, ground: Colour | None, scale: float) -> bytes:
    """Return a square PNG; without ``ground`` what is outside the discs is clear."""
    outer, inner = colour("breath-area"), colour("accent")
    rows = bytearray()
    for y in range(size_px):
        rows.append(0)  # each row is kept as it is: PNG filter "None"
        for x in range(size_px):
            far = EDGE / size_px / scale * _distance(x, y, size_px)
            share = _cover(far, OUTER, size_px * scale)
            if ground is None:
                rows += bytes(_mix(outer, inner, _cover(far, INNER, size_px * scale)))
                rows.append(round(255 * share))
            else:
                under = _mix(ground, outer, share)
                core = _cover(far, INNER, size_px * scale)
                rows += bytes((*_mix(under, inner, core), 255))
    header = struct.pack(">IIBBBBB", size_px, size_px, 8, 6, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _distance(x: int, y: int, size_px: int) -> float:
    middle = size_px / 2
    return float(((x + 0.5 - middle) ** 2 + (y + 0.5 - middle) ** 2) ** 0.5)


def _cover(far: float, radius: float, size_px: float) -> float:
    # How much of a pixel lies within the disc: a soft edge, one pixel wide.
    return min(1.0, max(0.0, (radius - far) * size_px / EDGE + 0.5))


def _mix(under: Colour, over: Colour, share: float) -> Colour:
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(under, over, strict=True)
    )
    return red, green, blue


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def main() -> None:
    """Write every icon the page and the manifest name."""
    ground = colour("ground")
    for name, size_px, behind, scale in (
        ("icon-192.png", 192, None, 1.0),
        ("icon-512.png", 512, None, 1.0),
        ("icon-maskable-512.png", 512, ground, SAFE),
        ("apple-touch-icon.png", 180, ground, SAFE),
    ):
        (PUBLIC / name).write_bytes(draw(size_px, ground=behind, scale=scale))


if __name__ == "__main__":
    main()
