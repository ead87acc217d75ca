"""Which stream something that was entered belongs to.

The two pages of a report and the live room share by the same four streams. Where it is
not clear, what a person entered counts as their notes: the strictest of all.
"""

from __future__ import annotations

import re

from biofeedback.practice.ratings import SCALES
from biofeedback.store.rows import Stream

CODE = re.compile(r"([A-Z])-[0-9A-Z]{6}")
"""The code of an account: the first letter of its role, and six signs."""

OF_THE_PRACTICE = frozenset(
    {"phase", "practice", "plan", "deviation"}
    | {"pacer_proposed", "pacer_accepted", "pacer_declined"}
)
OF_THE_ROOM = frozenset({"sharing", "watching", "message", "message_shown", "hand"})
OF_THERAPISTS = frozenset(
    {"posture_change", "talking", "cough", "tearful", "movement", "zoom_in"}
    | {"savoring", "mark"}
)
"""What a therapist marks by one key; what it is about is said by the person's notes."""

ROLES = {"P": "patient", "T": "therapist", "R": "researcher", "A": "admin"}

NOTES = frozenset({Stream.NOTES})


def streams_of_entry(type: str, by: str) -> frozenset[Stream]:
    """Return the streams that all must be shared for an entry to be told.

    >>> sorted(streams_of_entry("craving", "person"))
    [<Stream.RATINGS: 'ratings'>]
    >>> streams_of_entry("thought", "person") == NOTES
    True
    >>> streams_of_entry("cough", "T-7Q2M9K")
    frozenset()
    """
    if type in SCALES:
        return frozenset({Stream.RATINGS})
    if type in OF_THE_PRACTICE:
        return frozenset({Stream.BREATHING})
    if type == "adapt":  # how the heart answered which pace
        return frozenset({Stream.HEART, Stream.BREATHING})
    if type in OF_THE_ROOM or (type in OF_THERAPISTS and CODE.fullmatch(by)):
        return frozenset()
    return NOTES


def role_of(by: str) -> str:
    """Return who entered something as a role, never as somebody.

    >>> role_of("T-7Q2M9K"), role_of("person"), role_of("Anna")
    ('therapist', 'patient', 'other')
    """
    if found := CODE.fullmatch(by):
        return ROLES.get(found[1], "other")
    if by in ("person", "patient", "owner"):
        return "patient"
    return by if by in ("program", "system", "therapist", "service") else "other"
