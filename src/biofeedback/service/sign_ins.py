"""Who may come in: the one-time link, the cookie after it, and the token of programs.

Tokens are 256 random bits. Only their SHA-256 is kept, so neither the database nor
the memory of the service lets anyone in; with that many bits a slow hash adds nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable

from biofeedback.model import Value
from biofeedback.settings import DEFAULT_PORT
from biofeedback.store import Person, SignInRow, Store, StoreError

_LOGGER = logging.getLogger(__name__)

COOKIE = "biofeedback_session"
NS_PER_S = 1_000_000_000
IDLE_LIMIT_S = 7 * 24 * 3600
ABSOLUTE_LIMIT_S = 30 * 24 * 3600
SEEN_EVERY_S = 60
"""How exactly "last seen" is kept: not every request needs a write."""


def cookie_name(port: int) -> str:
    """Return the cookie's name: browsers send one host's cookies to all its ports.

    So two services on one computer need two names (RFC 6265 §8.5).
    """
    return COOKIE if port == DEFAULT_PORT else f"{COOKIE}_{port}"


class Caller(Value, frozen=True):
    """Who asks; ``sign_in`` is the hash of a browser's token, or ``None``."""

    person: Person
    sign_in: str | None

    @property
    def role(self) -> str:
        """What stands as ``by`` beside everything this caller enters."""
        return "program" if self.sign_in is None else "person"


class SignIns:
    """Exchanges tokens for cookies and cookies for people. Blocks, as the store does.

    Parameters
    ----------
    store
        Where the cookies' hashes are kept.
    program_token
        What programs may send as ``Authorization: Bearer``; ``None``: none may.
    """

    def __init__(self, store: Store, program_token: str | None = None) -> None:
        self._store = store
        self._links: set[str] = set()
        self._program = _sha256(program_token) if program_token else None
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._seeing_fails = False

    def new_link_token(self) -> str:
        """Return a token that signs in one browser, once."""
        token = secrets.token_urlsafe(32)
        self._links.add(_sha256(token))
        return token

    def exchange(self, link_token: str) -> tuple[Person, str] | None:
        """Return the person and a cookie for a link's token; the token is used up.

        Raises
        ------
        StoreError
            When the sign-in could not be kept; the token is then still good.
        """
        link = _sha256(link_token)
        try:
            self._links.remove(link)
        except KeyError:
            return None
        try:
            return self._signed_in()
        except BaseException:
            self._links.add(link)
            raise

    def _signed_in(self) -> tuple[Person, str]:
        person = self._store.person()
        cookie = secrets.token_urlsafe(32)
        now_ns = self._store.now_ns()
        self._store.add_sign_in(
            SignInRow(
                token_sha256=_sha256(cookie),
                person_id=person.id,
                created_at_utc_ns=now_ns,
                last_seen_utc_ns=now_ns,
                expires_at_utc_ns=now_ns + ABSOLUTE_LIMIT_S * NS_PER_S,
            )
        )
        return person, cookie

    def caller(self, *, cookie: str | None, authorization: str | None) -> Caller | None:
        """Return who asks, or ``None`` when nobody here knows them."""
        if authorization is not None:
            return self._program_caller(authorization)
        return None if cookie is None else self._browser(_sha256(cookie))

    def _program_caller(self, authorization: str) -> Caller | None:
        scheme, _, token = authorization.partition(" ")
        if self._program is None or scheme.lower() != "bearer":
            return None
        if not hmac.compare_digest(_sha256(token.strip()), self._program):
            return None
        return Caller(person=self._store.person(), sign_in=None)

    def _browser(self, token_sha256: str) -> Caller | None:
        row = self._store.sign_in(token_sha256)
        now_ns = self._store.now_ns()
        if row is None or row.revoked_at_utc_ns is not None:
            return None
        idle_ns = now_ns - row.last_seen_utc_ns
        if now_ns >= row.expires_at_utc_ns or idle_ns >= IDLE_LIMIT_S * NS_PER_S:
            return None
        if idle_ns >= SEEN_EVERY_S * NS_PER_S:
            self._see(token_sha256)
        return Caller(person=self._store.person(row.person_id), sign_in=token_sha256)

    def _see(self, token_sha256: str) -> None:
        try:
            self._store.see_sign_in(token_sha256)
        except StoreError as error:  # a full disk must not lock anybody out
            if not self._seeing_fails:
                _LOGGER.warning("Who was here when cannot be kept: %s", error)
            self._seeing_fails = True
        else:
            self._seeing_fails = False

    def revoke(self, token_sha256: str) -> None:
        """Make a browser's cookie void."""
        self._store.revoke_sign_in(token_sha256)

    # Open websockets of a browser that signs out are closed at once. These three are
    # called on the event loop.

    def watch(self, token_sha256: str, leave: Callable[[], None]) -> None:
        """Call ``leave`` when this browser signs out."""
        self._watchers.setdefault(token_sha256, set()).add(leave)

    def unwatch(self, token_sha256: str, leave: Callable[[], None]) -> None:
        """Forget ``leave``."""
        watchers = self._watchers.get(token_sha256, set())
        watchers.discard(leave)
        if not watchers:
            self._watchers.pop(token_sha256, None)

    def dismiss(self, token_sha256: str) -> None:
        """Let everyone who watches this browser know that it has signed out."""
        for leave in tuple(self._watchers.pop(token_sha256, ())):
            leave()


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
