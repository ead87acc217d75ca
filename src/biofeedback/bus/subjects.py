"""Subjects: what may be sent on, what may be listened to, and which meets which."""

from __future__ import annotations

import re

_TOKEN = r"[A-Za-z0-9_-]+"
_SUBJECT = re.compile(rf"{_TOKEN}(\.{_TOKEN})*")
_PATTERN = re.compile(rf"(({_TOKEN}|\*)\.)*({_TOKEN}|\*|>)")


def check_subject(subject: str) -> str:
    """Return a subject to send on, or raise ``ValueError``.

    >>> check_subject("live.node.N-7Q2M9K")
    'live.node.N-7Q2M9K'
    """
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(f"{subject!r} is no subject to send on")
    return subject


def check_pattern(pattern: str) -> str:
    """Return a subject to listen to, or raise ``ValueError``.

    >>> check_pattern("live.*.N-7Q2M9K.>")
    'live.*.N-7Q2M9K.>'
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(f"{pattern!r} is no subject to listen to")
    return pattern


def matches(pattern: str, subject: str) -> bool:
    """Return whether what is sent on a subject is heard with a pattern.

    >>> [matches(p, "a.b.c") for p in ("a.b.c", "a.*.c", "a.>", "a.*", "a.b.c.>")]
    [True, True, True, False, False]
    """
    wanted = pattern.split(".")
    found = subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(found) <= len(wanted):
            return False
        found = found[: len(wanted)]
    return len(wanted) == len(found) and all(
        want in ("*", token) for want, token in zip(wanted, found, strict=True)
    )
