"""Passwords: what one may be, how it is kept, and how it is checked.

Argon2id takes 20 ms and 19 MiB on purpose, so it runs in two threads of its own and
never on the event loop. A name that nobody has costs as much as a wrong password does:
time tells nobody who has an account here.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.service.common_passwords import COMMON
from biofeedback.service.problems import Problem

if TYPE_CHECKING:
    from argon2 import PasswordHasher

Result = TypeVar("Result")

SHORTEST, LONGEST = 10, 200
MOST_AT_ONCE = 2
MOST_WAITING = 32
RETRY_AFTER_S = 2
FEWEST_SIGNS = 4
"""Of so few different signs, even two hundred are soon tried."""


class Cost(Value, frozen=True):
    """What one guess costs whoever steals the database.

    The default is the least that OWASP's Password Storage Cheat Sheet asks of Argon2id.
    """

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class Passwords:
    """Makes and checks hashes, two at a time.

    Parameters
    ----------
    cost
        What hashes made from now on cost; older ones are made anew when next used.
    """

    def __init__(self, cost: Cost | None = None) -> None:
        self._cost = cost or Cost()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="argon2")
        self._n_asked = 0
        self.n_computed = 0
        """How often Argon2 has run: what a flood of guesses must not raise."""

    def check_room(self) -> None:
        """Refuse while too many are waiting.

        Raises
        ------
        Problem
            With status 503, and when to come again.
        """
        if self._n_asked >= MOST_AT_ONCE + MOST_WAITING:
            raise Problem(
                503,
                "Many people are signing in at once.",
                "Try again in a few seconds.",
                retry_after_s=RETRY_AFTER_S,
            )

    async def hash(self, password: str) -> str:
        """Return what may be kept of a password.

        Raises
        ------
        Problem
            With status 503, when too many are waiting.
        """
        return await self._in_turn(lambda: self._hasher.hash(prepared(password)))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Say whether a password is the one that was kept.

        ``None`` is nobody's: it takes as long, and nothing matches it.

        Raises
        ------
        Problem
            With status 503, when too many are waiting.
        """
        return await self._in_turn(lambda: self._verify(password, kept))

    def is_dated(self, kept: str) -> bool:
        """Say whether a hash was made at another cost than is asked now."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str | None) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        nobodys = self._nobodys  # made when first asked for, whoever is asked about
        try:
            self._hasher.verify(kept or nobodys, prepared(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        self.check_room()
        self._n_asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._counted, work
            )
        finally:
            self._n_asked -= 1

    def _counted(self, work: Callable[[], Result]) -> Result:
        self.n_computed += 1
        return work()

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher  # 30 ms, and single users never need it

        return PasswordHasher(
            time_cost=self._cost.passes,
            memory_cost=self._cost.memory_kib,
            parallelism=self._cost.lanes,
        )

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's password")


def prepared(password: str) -> str:
    """Return a password as it is hashed: keyboards write one sign in several ways.

    NIST SP 800-63B §3.1.1.2 asks for this normalisation.
    """
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *names: str) -> None:
    """Refuse what is soon guessed; which signs it is made of is everybody's own choice.

    Follows NIST SP 800-63B §3.1.1.2: length, a list of the commonest, nothing else.

    Parameters
    ----------
    names
        What others know of this person, which a guesser tries first.

    Raises
    ------
    SettingsError
        When it is too short or too long, or one that others try first.
    """
    password = prepared(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsError(
            f"A password has {SHORTEST} to {LONGEST} signs.",
            "Three or four words side by side are easy to keep in mind.",
        )
    plain = _plain(password)
    if plain in {_plain(prepared(name)) for name in names}:
        raise SettingsError(
            "A password cannot be your name.", "Choose one that others do not know."
        )
    if plain in COMMON or _is_pattern(plain):
        raise SettingsError(
            "Many people use this password, so it is soon guessed.",
            "Three or four words side by side are easy to keep in mind.",
        )


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _is_pattern(plain: str) -> bool:
    if len(set(plain)) < FEWEST_SIGNS:
        return True
    steps = {ord(b) - ord(a) for a, b in pairwise(plain)}
    return steps in ({1}, {-1})
