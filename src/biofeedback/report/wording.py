"""How a report says numbers, times and names; and how text of people is tamed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date, datetime

from biofeedback.report.streams import CODE

MINUS = "\N{MINUS SIGN}"
MORE = "\N{HORIZONTAL ELLIPSIS}"
NBSP = "\N{NO-BREAK SPACE}"
ARROW = "\N{RIGHTWARDS ARROW}"
NOT_KNOWN = "not known"

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()

QUESTIONS = {
    "pain_intensity": "Pain intensity",
    "pain_unpleasantness": "Unpleasantness",
    "gap": "Gap",
    "craving": "Craving",
    "self_control": "Self-control",
    "arousal": "Felt arousal",
    "mood": "Mood",
}
STREAMS = {
    "heart": "the heart",
    "breathing": "the breathing",
    "ratings": "the ratings",
    "notes": "the notes",
}
PRACTICES = {
    "zoom": "zoom in and out",
    "reappraisal": "a kinder thought",
    "movement": "gentle movement",
    "resonance": "resonance assessment",
    "resonance_sliding": "resonance assessment, sliding pace",
}

_KEPT = "\u200c\u200d\ufe0e\ufe0f"
"""Joiners and variants, which Persian and emoji are made of."""


def number(value: float, digits: int = 0) -> str:
    """Return a number with the minus sign of print.

    >>> number(-2.0), number(6.04, 1), number(-0.01, 1)
    ('−2', '6.0', '0.0')
    """
    text = f"{abs(value):.{digits}f}"
    return text if value >= 0 or not text.strip("0.") else MINUS + text


def points(value: float) -> str:
    """Return points of a scale: whole if they are.

    >>> points(7.0), points(-1.5)
    ('7', '−1.5')
    """
    return number(value, 0 if float(value).is_integer() else 1)


def percent(value: float, digits: int = 0) -> str:
    """Return a share; its sign stays beside it.

    >>> percent(28.57).replace(NBSP, "_")
    '29_%'
    """
    return f"{number(value, digits)}{NBSP}%"


def signed(value: float) -> str:
    """Return a difference in points with its sign.

    >>> signed(2.0), signed(-2.0), signed(0.0)
    ('+2', '−2', '0')
    """
    return f"+{points(value)}" if value > 0 else points(value)


def clock(seconds: float) -> str:
    """Return minutes and seconds since the start.

    >>> clock(64.9), clock(0), clock(3725)
    ('1:04', '0:00', '62:05')
    """
    whole = int(max(0.0, seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def named(text: str) -> str:
    """Return a name of ours as words.

    >>> named("posture_change"), named("mindful_breathing/settle")
    ('posture change', 'mindful breathing: settle')
    """
    return text.replace("_", " ").replace("/", ": ")


def practice(name: str | None) -> str:
    """Return the name of a practice; ``None`` is breathing alone."""
    return "breathing alone" if name is None else PRACTICES.get(name, named(name))


def who(by: str) -> str:
    """Return who entered something: a role, or the code of an account."""
    if CODE.fullmatch(by):
        return by
    return "patient" if by in ("person", "patient", "owner") else clean(by)


def listed(names: Iterable[str]) -> str:
    """Return names with commas and an "and".

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    found = list(names)
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} and {found[-1]}"


def day_said(day: date) -> str:
    """Return a day of the calendar.

    >>> day_said(date(2026, 11, 26))
    'Thursday, 26 November 2026'
    """
    return f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"


def zone_said(at: datetime) -> str:
    """Return how far clocks were ahead of UTC.

    >>> zone_said(datetime.fromisoformat("2026-11-26T10:00:00-03:30"))
    'UTC−3:30'
    """
    offset = at.utcoffset()
    minutes = 0 if offset is None else round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else MINUS}{hours}" + (
        f":{rest:02d}" if rest else ""
    )


def lower(sentence: str) -> str:
    """Return a sentence as it goes on behind a colon; abbreviations stay.

    >>> lower("No beats came."), lower("RSA needs breaths.")
    ('no beats came.', 'RSA needs breaths.')
    """
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def plural(n: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    >>> plural(1, "gap"), plural(2, "gap")
    ('1 gap', '2 gaps')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def clean(text: str) -> str:
    r"""Return what somebody typed on one line, without signs that steer a page.

    >>> clean("two\nlines\u202e\x00 here")
    'two lines here'
    """
    spaced = " ".join(text.split())
    return "".join(
        sign
        for sign in unicodedata.normalize("NFC", spaced)
        if sign in _KEPT or unicodedata.category(sign) not in _UNSEEN
    )


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")


def cut(text: str, most: int) -> str:
    """Return at most ``most`` signs; a cut is shown by an ellipsis.

    >>> cut("breathing", 9), cut("breathing", 7)
    ('breathing', 'breath…')
    """
    if len(text) <= most:
        return text
    kept = text[: max(0, most - 1)]
    while kept and (unicodedata.combining(kept[-1]) or kept[-1] in _KEPT):
        kept = kept[:-1]
    return kept.rstrip() + MORE
