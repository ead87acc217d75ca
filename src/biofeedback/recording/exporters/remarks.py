"""What happened, in a few words: for formats that know only a time and a text."""

from __future__ import annotations

import re

from biofeedback.recording.exporters.entries import GAP, Row, number

MOST_LETTERS = 200
"""A longer text is cut: one long annotation makes every record of an EDF longer."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def remark(row: Row) -> str:
    """Return kind, value and circumstances of a row as one line of text."""
    if row.kind == GAP:
        return "gap: no beats are known"
    words = [row.kind, number(row.value), row.scale or ""]
    circumstances = [row.moment or "", f"by {row.by}"]
    if row.corrects:
        circumstances.append("corrects an earlier one")
    if row.superseded:
        circumstances.append("corrected later")
    words.append(f"({', '.join(word for word in circumstances if word)})")
    text = " ".join(word for word in words if word)
    if row.text:
        text += f": {row.text}"
    return _CONTROL.sub(" ", text)


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Return at most so many letters, with an ellipsis where some are missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
