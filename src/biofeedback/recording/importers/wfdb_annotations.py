"""WFDB annotation files, of any annotator.

Read here and not by the package wfdb, whose reader (4.3.1) never ends on a comment at
the start that begins with ``## `` and is neither a clock nor a definition: one damaged
byte is enough. Source: annot(5) of the WFDB Applications Guide. The tests compare both.
"""

from __future__ import annotations

import re
import struct

from biofeedback.model import Value

SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E",
    11: "j", 12: "/", 13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D",
    22: '"', 23: "=", 24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?",
    31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(",
    40: ")", 41: "r",
}  # fmt: skip
"""Codes of PhysioBank; those from 42 to 49 a file may define for itself."""

NOTE = 22
SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63
LAST_CODE = 49

BEAT_CODES = frozenset((*range(1, 14), 25, 30, 34, 35, 38, 41))
LEAST_ANNOTATIONS = 16
FIRST_BYTES = 64

_CLOCK = re.compile(r"## time resolution: (\d+(?:\.\d*)?)")
_DEFINED = re.compile(r"(\d+) (\S+)( .*)?")


class Annotations(Value, frozen=True, kw_only=True):
    """What an annotation file holds, in its order.

    ``times`` are counted at ``hz``, or like the samples of the record where it is
    ``None``. ``whole`` says whether the end was there and all before it made sense.
    """

    times: tuple[int, ...]
    codes: tuple[int, ...]
    symbols: tuple[str, ...]
    texts: tuple[str, ...]
    hz: float | None
    whole: bool


def parse(data: bytes) -> Annotations:
    """Return the annotations of a file, as far as they make sense."""
    times: list[int] = []
    codes: list[int] = []
    texts: list[str] = []
    at, time, whole = 0, 0, False
    while at + 2 <= len(data):
        (word,) = struct.unpack_from("<H", data, at)
        code, low = word >> 10, word & 0x3FF
        at += 2
        if word == 0:
            whole = at + 2 >= len(data)
            break
        if code == SKIP:  # the high half first, as a PDP-11 had it
            if at + 4 > len(data):
                break
            high, rest = struct.unpack_from("<hH", data, at)
            time += (high << 16) + rest
            at += 4
        elif code in (NUM, SUB, CHN):
            continue  # of the annotation before: nothing that is needed here
        elif code == AUX:
            if at + low > len(data):
                break
            if texts:
                texts[-1] = data[at : at + low].decode("latin-1").strip("\0 ")
            at += low + low % 2
        elif code <= LAST_CODE:
            time += low
            if code:  # 0 is no annotation, only its time
                times.append(time)
                codes.append(code)
                texts.append("")
        else:
            break
    return _defined(times, codes, texts, whole)


def _defined(
    times: list[int], codes: list[int], texts: list[str], whole: bool
) -> Annotations:
    """Take out what the first comments say of the file itself."""
    hz: float | None = None
    symbols = dict(SYMBOLS)
    first, defining = 0, False
    while first < len(times) and times[first] == 0 and codes[first] == NOTE:
        text = texts[first]
        if (clock := _CLOCK.match(text)) is not None:
            hz = float(clock[1]) or None
        elif text in ("## annotation type definitions", "## end of definitions"):
            defining = text.endswith("type definitions")
        elif defining and (told := _DEFINED.fullmatch(text)) is not None:
            symbols[int(told[1])] = told[2]
        elif not text.startswith("## "):
            break
        first += 1
    codes = codes[first:]
    return Annotations(
        times=tuple(times[first:]),
        codes=tuple(codes),
        symbols=tuple(symbols.get(code, f"[{code}]") for code in codes),
        texts=tuple(texts[first:]),
        hz=hz,
        whole=whole,
    )


def look_like_annotations(data: bytes, *, cut: bool) -> bool:
    """Whether bytes make sense as annotations: they have no magic number.

    Parameters
    ----------
    data
        The file, or its beginning.
    cut
        Whether there is more: the word of zero that a file ends with is not to be seen.
    """
    # Letters make sense as annotations, too: as premature beats a second apart.
    start = data[:FIRST_BYTES]
    if start.isascii() and start.decode("ascii").isprintable():
        return False
    if data.isascii() and b"\0" not in data:
        return False
    found = parse(data)
    n_beats = sum(code in BEAT_CODES for code in found.codes)
    rising = all(a <= b for a, b in zip(found.times, found.times[1:], strict=False))
    if found.whole:
        return n_beats > 0 and rising
    enough = len(found.codes) >= LEAST_ANNOTATIONS and n_beats > 0.8 * len(found.codes)
    # Two bytes are an annotation, as a rule: what stopped early made no sense.
    return cut and enough and rising and 16 * len(found.codes) > len(data)
