"""How often somebody may try to come in, by where they are and whom they say they are.

An attempt is counted before it is looked at, so a thousand at the same moment are not a
thousand guesses; one that was right is given back. Whether a name exists plays no part:
whoever tries learns nothing from being held up. Nobody who is signed in is asked again,
and a passkey is not held up by guesses at a password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

AT_ONCE = 30
"""Attempts from one address at once: a clinic's tablets may share one."""

PER_S = 0.5
"""And after these, one every two seconds."""

FREE_REFUSALS = 10
"""Wrong passwords of one name before each further one takes a wait."""

FIRST_LOCK_S = 60.0
LONGEST_LOCK_S = 15 * 60.0
FORGET_AFTER_S = 24 * 3600.0

MOST_ADDRESSES = 10_000
MOST_NAMES = 10_000

IPV6_PREFIX = 64
"""One household has 2**64 addresses of IPv6, and would have as many attempts."""


@dataclass(frozen=True, slots=True)
class HeldUp:
    """An attempt that is not looked at; ``is_first`` of the ones held up in a row."""

    retry_after_s: int
    is_first: bool


@dataclass(slots=True)
class _Bucket:
    attempts: float
    at_s: float
    is_told: bool = False


@dataclass(slots=True)
class _Refusals:
    n: int
    at_s: float
    locked_until_s: float
    is_told: bool = False


Entry = TypeVar("Entry")


class _Newest(Generic[Entry]):
    # Who was seen last is kept: memory has an end, and a name under attack is seen.

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Entry | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> Entry:
        self._entries[key] = entry
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry

    def drop(self, key: bytes) -> None:
        self._entries.pop(key, None)


class Limits:
    """Counts attempts. Only its own event loop may use it."""

    def __init__(
        self, *, most_addresses: int = MOST_ADDRESSES, most_names: int = MOST_NAMES
    ) -> None:
        self._buckets: _Newest[_Bucket] = _Newest(most_addresses)
        self._refusals: _Newest[_Refusals] = _Newest(most_names)

    def __len__(self) -> int:
        """Return how many addresses and names are remembered."""
        return len(self._buckets) + len(self._refusals)

    def attempt(
        self, address: str | None, name: str | None = None, *, now_s: float
    ) -> HeldUp | None:
        """Count an attempt; say if it must wait instead, and then count nothing.

        Parameters
        ----------
        address
            Where it comes from.
        name
            Whose password is tried; ``None`` where there is nothing to guess.
        """
        bucket = self._bucket(_place(address), now_s)
        if bucket.attempts < 1:
            return _told(bucket, (1 - bucket.attempts) / PER_S)
        refusals = None if name is None else self._refused(_key(name), now_s)
        if refusals is not None:
            # A clock that was set back must not lock anybody for longer.
            wait_s = min(LONGEST_LOCK_S, refusals.locked_until_s - now_s)
            if wait_s > 0:
                refusals.locked_until_s = now_s + wait_s
                return _told(refusals, wait_s)
            refusals.n += 1
            refusals.at_s = now_s
            refusals.is_told = False
            if refusals.n >= FREE_REFUSALS:
                refusals.locked_until_s = now_s + _lock_s(refusals.n)
        bucket.attempts -= 1
        bucket.is_told = False
        return None

    def was_right(
        self, address: str | None, name: str | None = None, *, now_s: float
    ) -> None:
        """Give an attempt back: whoever knows the password has guessed nothing."""
        bucket = self._bucket(_place(address), now_s)
        bucket.attempts = min(float(AT_ONCE), bucket.attempts + 1)
        if name is not None:
            self._refusals.drop(_key(name))

    def _bucket(self, key: bytes, now_s: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._buckets.put(key, _Bucket(float(AT_ONCE), now_s))
        passed_s = max(0.0, now_s - bucket.at_s)
        bucket.attempts = min(float(AT_ONCE), bucket.attempts + passed_s * PER_S)
        bucket.at_s = now_s
        return bucket

    def _refused(self, key: bytes, now_s: float) -> _Refusals:
        refusals = self._refusals.get(key)
        if refusals is None or now_s - refusals.at_s >= FORGET_AFTER_S:
            return self._refusals.put(key, _Refusals(0, now_s, -math.inf))
        return refusals


def _lock_s(n_refusals: int) -> float:
    doublings = min(n_refusals - FREE_REFUSALS, 10)
    return float(min(LONGEST_LOCK_S, FIRST_LOCK_S * 2**doublings))


def _told(held: _Bucket | _Refusals, wait_s: float) -> HeldUp:
    is_first, held.is_told = not held.is_told, True
    return HeldUp(max(1, math.ceil(wait_s)), is_first)


def _key(text: str) -> bytes:
    # What somebody typed into the wrong field may be a password: only its hash stays.
    return hashlib.sha256(text.strip().casefold().encode("utf-8", "replace")).digest()


def _place(address: str | None) -> bytes:
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return _key(f"place {address}")
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped.packed
        return ip.packed[: IPV6_PREFIX // 8]
    return ip.packed
