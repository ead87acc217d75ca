"""Who may come in: the one-time link, the cookie after it, and the token of programs.

Tokens are 256 random bits. Only their SHA-256 is kept, so neither the database nor
the memory of the service lets anyone in; with that many bits a slow hash adds nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress

from biofeedback.errors import NotSoError
from biofeedback.model import Value
from biofeedback.settings import DEFAULT_PORT
from biofeedback.store import (
    AccountRow,
    Person,
    Role,
    SignInRow,
    Store,
    StoreError,
)

_LOGGER = logging.getLogger(__name__)

COOKIE = "biofeedback_session"
TOKEN_PREFIX = "bft_"
"""By this, whoever finds an access token in a file knows what it opens."""

Dismissed = Callable[[tuple[str, ...]], None]
"""Told the hashes of what was made void."""

NS_PER_S = 1_000_000_000
IDLE_LIMIT_S = 7 * 24 * 3600
ABSOLUTE_LIMIT_S = 30 * 24 * 3600
STAFF_IDLE_LIMIT_S = 30 * 60
"""Others' data must not stay on a screen that was left: automatic logoff, as 45 CFR
164.312(a)(2)(iii) asks for."""

STAFF_ABSOLUTE_LIMIT_S = 12 * 3600
SEEN_EVERY_S = 60
"""How exactly "last seen" is kept: not every request needs a write."""

OWN_DATA_ONLY = frozenset({Role.OWNER, Role.PATIENT})


def idle_limit_s(role: Role) -> int:
    """Return how long a browser may rest before it must sign in anew."""
    return IDLE_LIMIT_S if role in OWN_DATA_ONLY else STAFF_IDLE_LIMIT_S


def absolute_limit_s(role: Role) -> int:
    """Return how long a browser stays signed in however much it is used."""
    return ABSOLUTE_LIMIT_S if role in OWN_DATA_ONLY else STAFF_ABSOLUTE_LIMIT_S


def cookie_name(port: int, *, https: bool = False) -> str:
    """Return the cookie's name: browsers send one host's cookies to all its ports.

    So two services on one computer need two names (RFC 6265 §8.5). Over https
    ``__Host-`` keeps every other host from setting it (RFC 6265bis §4.1.3.2).
    """
    name = COOKIE if port == DEFAULT_PORT else f"{COOKIE}_{port}"
    return f"__Host-{name}" if https else name


class Caller(Value, frozen=True):
    """Who asks.

    ``sign_in`` is the hash of a browser's token; ``None`` is a program, which may have
    sent an access token: ``access_token`` is its hash. ``account`` is ``None`` where
    nobody has one: then whoever sits here is the owner. ``shared`` says whether anybody
    has; ``writes`` whether more than reading is allowed. ``origin`` is the address they
    ask from.
    """

    person: Person
    sign_in: str | None
    account: AccountRow | None = None
    shared: bool = False
    writes: bool = True
    access_token: str | None = None
    origin: str | None = None

    @property
    def credential(self) -> str | None:
        """What let them in and can be taken back while they are here."""
        return self.sign_in or self.access_token

    @property
    def role(self) -> Role:
        """What they are here for."""
        if self.account is not None:
            return self.account.role
        return Role.PROGRAM if self.sign_in is None else Role.OWNER

    @property
    def everything(self) -> bool:
        """Say whether all that is here is theirs: nobody has an account."""
        return not self.shared and self.role in (Role.OWNER, Role.PROGRAM)

    @property
    def operates(self) -> bool:
        """Say whether this is only a program that looks after a shared service."""
        return self.shared and self.role is Role.PROGRAM

    @property
    def by(self) -> str:
        """What stands beside everything they enter: never a name."""
        if self.account is not None and self.account.role is not Role.PATIENT:
            return self.account.code
        return self.by_own

    @property
    def by_own(self) -> str:
        """What stands beside what they enter in a session of their own."""
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
        self._program = sha256(program_token) if program_token else None
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._used: set[str] = set()
        self._left: set[str] = set()
        self._seeing_fails = False
        self._told: set[Dismissed] = set()
        self._shared = store.accounts.any()

    @property
    def shared(self) -> bool:
        """Say whether anybody has an account; then links let nobody in."""
        return self._shared

    def new_link_token(self) -> str:
        """Return a token that signs in one browser, once."""
        token = secrets.token_urlsafe(32)
        self._links.add(sha256(token))
        return token

    def exchange(self, link_token: str) -> tuple[Person, str] | None:
        """Return the person and a cookie for a link's token; the token is used up.

        Raises
        ------
        StoreError
            When the sign-in could not be kept; the token is then still good.
        """
        if self._shared:
            return None
        link = sha256(link_token)
        try:
            self._links.remove(link)
        except KeyError:
            return None
        try:
            person = self._store.person()
            return person, self._new_cookie(person.id, None, Role.OWNER)
        except BaseException:
            self._links.add(link)
            raise

    def enter(self, account: AccountRow) -> str:
        """Return a cookie for somebody who has shown who they are.

        Raises
        ------
        StoreError
            When the sign-in could not be kept.
        """
        return self._new_cookie(account.person_id, account.id, account.role)

    def _new_cookie(self, person_id: str, account_id: str | None, role: Role) -> str:
        cookie = secrets.token_urlsafe(32)
        now_ns = self._store.now_ns()
        self._store.add_sign_in(
            SignInRow(
                token_sha256=sha256(cookie),
                person_id=person_id,
                account_id=account_id,
                created_at_utc_ns=now_ns,
                last_seen_utc_ns=now_ns,
                expires_at_utc_ns=now_ns + absolute_limit_s(role) * NS_PER_S,
            )
        )
        return cookie

    def caller(self, *, cookie: str | None, authorization: str | None) -> Caller | None:
        """Return who asks, or ``None`` when nobody here knows them."""
        if authorization is not None:
            return self._program_caller(authorization)
        if cookie is None:
            return None
        known = self._browser(sha256(cookie))
        if known is None:
            return None
        caller, row = known
        self._see(row)
        return caller

    def is_starter(self, authorization: str | None) -> bool:
        """Say whether this is the token of the program that started the service.

        That needs no store.
        """
        sent = _bearer(authorization)
        return sent is not None and self._is_program(sent)

    def _is_program(self, token_sha256: str) -> bool:
        known = self._program
        return known is not None and hmac.compare_digest(token_sha256, known)

    def _program_caller(self, authorization: str) -> Caller | None:
        token_sha256 = _bearer(authorization)
        if token_sha256 is None:
            return None
        if self._is_program(token_sha256):
            person = self._store.person()
            return Caller(person=person, sign_in=None, shared=self._shared)
        return self._by_access_token(token_sha256) if self._shared else None

    def _by_access_token(self, token_sha256: str) -> Caller | None:
        row = self._store.accounts.token(token_sha256)
        if row is None or row.revoked_at_utc_ns is not None:
            return None
        account = self._account(row.account_id)
        if account is None or self._store.now_ns() >= row.expires_at_utc_ns:
            return None
        return Caller(
            person=self._store.person(account.person_id),
            sign_in=None,
            account=account,
            shared=True,
            writes=row.scope == "all",
            access_token=token_sha256,
        )

    def _browser(self, token_sha256: str) -> tuple[Caller, SignInRow] | None:
        if token_sha256 in self._left:
            return None
        row = self._store.sign_in(token_sha256)
        if row is None or row.revoked_at_utc_ns is not None:
            return None
        # Who was the owner is nobody any more, once somebody has an account.
        if (row.account_id is None) is self._shared:
            return None
        account = None
        if row.account_id is not None:
            account = self._account(row.account_id)
            if account is None:
                return None
        now_ns = self._store.now_ns()
        idle_ns = now_ns - row.last_seen_utc_ns
        idle_limit_ns = idle_limit_s(account.role if account else Role.OWNER) * NS_PER_S
        if now_ns >= row.expires_at_utc_ns or idle_ns >= idle_limit_ns:
            return None
        caller = Caller(
            person=self._store.person(row.person_id),
            sign_in=token_sha256,
            account=account,
            shared=self._shared,
        )
        return caller, row

    def _account(self, id: str) -> AccountRow | None:
        try:
            account = self._store.accounts.get(id)
        except NotSoError:  # erased just now
            return None
        return account if account.revoked_at_utc_ns is None else None

    def _see(self, row: SignInRow) -> None:
        if self._store.now_ns() - row.last_seen_utc_ns < SEEN_EVERY_S * NS_PER_S:
            return
        try:
            self._store.see_sign_in(row.token_sha256)
        except StoreError as error:  # a full disk must not lock anybody out
            if not self._seeing_fails:
                _LOGGER.warning("Who was here when cannot be kept: %s", error)
            self._seeing_fails = True
        else:
            self._seeing_fails = False

    def revoke(self, *tokens_sha256: str) -> None:
        """Make browsers' cookies void, at once; a full disk must keep nobody in.

        What the store does not take now is tried again with every sweep.
        """
        self._left.update(tokens_sha256)
        try:
            self._write_the_left(tokens_sha256)
        except StoreError as error:
            _LOGGER.warning("Who signed out could not be kept yet: %s", error)

    def _write_the_left(self, tokens_sha256: Iterable[str]) -> None:
        for token_sha256 in tokens_sha256:
            self._store.revoke_sign_in(token_sha256)
            self._left.discard(token_sha256)

    def is_in(self, person_id: str) -> bool:
        """Say whether anything still lets this person in. Blocks."""
        browsers = (
            self._browser(row.token_sha256)
            for row in reversed(self._store.sign_ins_of(person_id))
            if row.revoked_at_utc_ns is None
        )
        programs = (
            self._by_access_token(row.token_sha256)
            for row in self._store.accounts.tokens()
        )
        return any(browsers) or any(
            caller is not None and caller.person.id == person_id for caller in programs
        )

    # Open websockets of whoever signs out are closed at once. All of these are called
    # on the event loop.

    def watch(self, credential: str, leave: Callable[[], None]) -> None:
        """Call ``leave`` when this browser signs out, or this token is revoked."""
        self._watchers.setdefault(credential, set()).add(leave)

    def unwatch(self, credential: str, leave: Callable[[], None]) -> None:
        """Forget ``leave``."""
        watchers = self._watchers.get(credential, set())
        watchers.discard(leave)
        if not watchers:
            self._watchers.pop(credential, None)

    def dismiss(self, *credentials: str) -> None:
        """Let everyone who watches one of these know that it is void, on any node."""
        self._let_go(credentials)
        for told in tuple(self._told):
            told(credentials)

    def _let_go(self, credentials: Iterable[str]) -> None:
        for credential in credentials:
            for leave in tuple(self._watchers.pop(credential, ())):
                leave()

    def on_dismissed(self, told: Dismissed) -> None:
        """Call ``told`` from now on with what was made void here."""
        self._told.add(told)

    def off_dismissed(self, told: Dismissed) -> None:
        """Call ``told`` no longer."""
        self._told.discard(told)

    async def heard(self, credentials: Iterable[str]) -> None:
        """Close what is open by these: another node says that it made them void.

        Raises
        ------
        StoreError
            When the store cannot say so: they are closed all the same, and whoever is
            still signed in opens them again.
        """
        watched = tuple(one for one in credentials if one in self._watchers)
        try:
            void = await asyncio.to_thread(self._void, (), watched)
        except StoreError:
            self._let_go(watched)
            raise
        self._let_go(void)
        await self._look_whether_shared()

    async def _look_whether_shared(self) -> None:
        # Another node, or the command line, may have made the first account.
        if not self._shared and await asyncio.to_thread(self._store.accounts.any):
            self.become_shared()

    def use(self, caller: Caller) -> None:
        """Take note that somebody did something over an open websocket."""
        if caller.sign_in is not None:
            self._used.add(caller.sign_in)

    def become_shared(self) -> None:
        """Turn whoever came by a link out: the first account has been made."""
        if not self._shared:
            self._shared = True
            self._links.clear()
            self.dismiss(*self._watchers)

    async def sweep(self) -> None:
        """Close what is open of those whose time is over, or who were turned out.

        The command line may have revoked somebody meanwhile, in the store alone.
        """
        used, self._used = self._used, set()
        void = await asyncio.to_thread(self._void, used, tuple(self._watchers))
        self._let_go(void)
        if self._store.is_shared:
            await self._look_whether_shared()

    def _void(self, used: Iterable[str], watched: Iterable[str]) -> list[str]:
        with suppress(StoreError):
            self._write_the_left(tuple(self._left))
        for token_sha256 in used:
            if (known := self._browser(token_sha256)) is not None:
                self._see(known[1])
        return [
            credential
            for credential in watched
            if not (self._browser(credential) or self._by_access_token(credential))
        ]


def _bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return sha256(token.strip()) if scheme.lower() == "bearer" else None


def sha256(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
