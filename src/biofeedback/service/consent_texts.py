"""What people agree to, in the words of the receipt. A change makes a new version."""

from __future__ import annotations

from collections.abc import Mapping

from biofeedback.model import Value
from biofeedback.store.rows import Purpose, Stream

CURRENT = "2"


class ConsentText(Value, frozen=True):
    """One version: what each stream holds, what each purpose allows, what always is."""

    streams: Mapping[Stream, str]
    purposes: Mapping[Purpose, str]
    always: tuple[str, ...]


_STREAMS: Mapping[Stream, str] = {
    Stream.HEART: "Your heartbeats, their numbers, and how the strap is doing.",
    Stream.BREATHING: "The pace you breathe at, and how well you keep to it.",
    Stream.RATINGS: "Your answers on pain, arousal, craving and mood.",
    Stream.NOTES: "What you mark and write down yourself.",
}
_LIVE = "To watch while you practise. You still say yes each time."
_ALWAYS = (
    "It ends on the day that it says.",
    "You can take it back at any time. It stops at once.",
    "You can practise just the same without it.",
    "Every look at your data is written down, and you can read that.",
)

TEXTS: Mapping[str, ConsentText] = {
    "1": ConsentText(
        streams=_STREAMS,
        purposes={
            Purpose.LIVE: _LIVE,
            Purpose.REPORT: "To read reports about your practices.",
            Purpose.RESEARCH: "To study your recordings, without your name or dates.",
        },
        always=_ALWAYS,
    ),
    # It reaches back, and now says so.
    "2": ConsentText(
        streams=_STREAMS,
        purposes={
            Purpose.LIVE: _LIVE,
            Purpose.REPORT: (
                "To read one page about each practice, and one about eight weeks. "
                "Practices before today count too."
            ),
            Purpose.RESEARCH: (
                "To study your recordings, without your name or dates. "
                "Those made before today count too. "
                "A recording needs heart, breathing and answers, all three."
            ),
        },
        always=_ALWAYS,
    ),
}


COPY_CURRENT = "1"

COPY_TEXTS: Mapping[str, tuple[str, ...]] = {
    "1": (
        "A copy holds all: heart, breathing, answers, and what you write.",
        "It goes for each practice that begins from now on. Earlier ones are not sent.",
        "Reports and research at your clinic need these copies.",
        "You can take it back any time. Sending stops at once.",
        "Copies that they have by then stay there. Ask them to erase these.",
        "You can practise just the same without it.",
    ),
}
"""What people agree to when their clinic may keep copies: as the page shows it."""
