"""What a password may be, how it is kept, and what checking it costs."""

from __future__ import annotations

import asyncio

import pytest

from biofeedback.errors import SettingsError
from biofeedback.service.passwords import (
    MOST_AT_ONCE,
    MOST_WAITING,
    Cost,
    Passwords,
    check_password,
)
from biofeedback.service.problems import Problem

CHEAP = Cost(memory_kib=8, passes=1)


@pytest.mark.parametrize(
    "password",
    [
        "three calm words",
        "aB3$xyz pq",
        "ein Spaziergang am Morgen",
        "呼吸をゆっくりと数える",
        "1 walk 2 hills 3 rivers",
        "n" * 20 + "abcd",
        "ab12cd34" * 25,
    ],
)
def test_nobody_is_told_which_signs_to_use(password: str) -> None:
    check_password(password, "kim", "Dr. Kim")


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("short", "10 to 200"),
        ("ninesigns", "10 to 200"),
        ("x1y2z3" * 40, "10 to 200"),
        ("", "10 to 200"),
        ("kim.park@example.org", "your name"),
        ("KIM.PARK@example.ORG", "your name"),
        ("Dr. Kimberley Park", "your name"),
        ("Password123", "Many people"),
        ("pass word 123", "Many people"),
        ("Passwort123", "Many people"),
        ("qwertzuiop", "Many people"),
        ("1234567890", "Many people"),
        ("abcdefghijklm", "Many people"),
        ("zyxwvutsrqpo", "Many people"),
        ("ababababababab", "Many people"),
        ("111111111111", "Many people"),
        ("biofeedback", "Many people"),
        ("ｐａｓｓｗｏｒｄ１２３", "Many people"),  # the same in wide signs
    ],
)
def test_what_is_soon_guessed_is_refused(password: str, because: str) -> None:
    with pytest.raises(SettingsError, match=because):
        check_password(password, "kim.park@example.org", "Dr. Kimberley Park")


async def test_the_cost_is_what_owasp_asks_for() -> None:
    passwords = Passwords()
    kept = await passwords.hash("three calm words")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches("three calm words", kept)
    assert not await passwords.matches("three calm word", kept)
    assert not passwords.is_dated(kept)
    assert Passwords(CHEAP).is_dated(kept)


async def test_one_sign_is_one_sign_however_it_is_typed() -> None:
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("Spaziergänge am See")
    assert await passwords.matches("Spazierga\u0308nge am See", kept)


async def test_nobody_has_no_password() -> None:
    passwords = Passwords(CHEAP)
    assert not await passwords.matches("nobody's password", None)
    assert not await passwords.matches("three calm words", "not a hash")
    assert passwords.n_computed == 2, "it costs what a wrong one costs"


async def test_a_crowd_is_told_to_come_again() -> None:
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("three calm words")
    room = MOST_AT_ONCE + MOST_WAITING
    answers = await asyncio.gather(
        *(passwords.matches("three calm words", kept) for _ in range(room + 5)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert answers.count(True) == room
    assert [(one.status, one.retry_after_s) for one in refused] == [(503, 2)] * 5
    assert await passwords.matches("three calm words", kept), "and then it goes on"
