"""NKeys: the credentials of homes and nodes on the clinic's bus.

The secret half, the seed, stays with whoever signs by it; servers and the store know
the public half only.
"""

from __future__ import annotations

import os
from types import ModuleType

from biofeedback.errors import PackageError
from biofeedback.model import Value


class Nkey(Value, frozen=True):
    """A credential: its ``seed`` is a secret, its ``public_key`` is not."""

    seed: str
    public_key: str

    def __repr__(self) -> str:
        return f"Nkey(public_key={self.public_key!r})"


def new_nkey() -> Nkey:
    """Return a new credential of a user.

    Raises
    ------
    PackageError
        When what makes them is not installed.
    """
    nkeys = _nkeys()
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    return nkey_of(bytes(seed).decode())


def nkey_of(seed: str) -> Nkey:
    """Return the credential of this seed.

    Raises
    ------
    ValueError
        When it is none.
    PackageError
        When what reads it is not installed.
    """
    nkeys = _nkeys()
    try:
        pair = nkeys.from_seed(bytearray(seed.encode()))
        public_key = pair.public_key.decode()
        pair.wipe()
    except Exception as error:  # it has no error of its own for all that can be wrong
        raise ValueError("this is no seed of a credential") from error
    return Nkey(seed=seed, public_key=public_key)


def _nkeys() -> ModuleType:
    try:
        import nkeys
    except ImportError as error:
        raise PackageError("A credential for the bus", "nkeys", "nats") from error
    found: ModuleType = nkeys
    return found
