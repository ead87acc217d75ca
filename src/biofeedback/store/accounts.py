"""Accounts and what lets them in: invites, passkeys, access tokens."""

from __future__ import annotations

import secrets

from sqlalchemy import ColumnElement, Connection, Table, func, insert, select, update
from ulid import ULID

from biofeedback.errors import NotSoError
from biofeedback.store import tables as t
from biofeedback.store.engine import reading, writing
from biofeedback.store.mapping import Rows, columns_of
from biofeedback.store.rows import (
    AccessTokenRow,
    AccountRow,
    InviteRow,
    PasskeyRow,
    Person,
    Role,
)

CODE_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: none of them looks like another."""

CODE_LENGTH = 6


class Accounts(Rows):
    """Who signs in by name. Every method blocks, as those of the store do."""

    def any(self, role: Role | None = None) -> bool:
        """Say whether there is an account (of this role) that is not revoked.

        Whoever is only known as somebody of a clinic does not count.
        """
        accounts = t.accounts.c
        query = select(accounts.id).where(
            accounts.revoked_at_utc_ns.is_(None), accounts.clinic.is_(None)
        )
        if role is not None:
            query = query.where(accounts.role == role)
        with reading(self._engine) as connection:
            return connection.execute(query.limit(1)).first() is not None

    def all(self) -> tuple[AccountRow, ...]:
        """Return every account, revoked ones too, the oldest first."""
        accounts = t.accounts.c
        query = select(t.accounts).order_by(accounts.created_at_utc_ns, accounts.id)
        return self._all(AccountRow, query)

    def get(self, id: str) -> AccountRow:
        """Return one account.

        Raises
        ------
        NotSoError
            When there is none with this id.
        """
        return self._one(t.accounts.c.id == id)

    def named(self, name: str) -> AccountRow | None:
        """Return the account that signs in by this name, in whatever case."""
        name = name.strip().casefold()
        if "\0" in name:  # nobody's, and PostgreSQL cannot even be asked
            return None
        accounts = t.accounts.c
        return self._find((accounts.name == name) & accounts.clinic.is_(None))

    def coded(self, code: str) -> AccountRow | None:
        """Return the account of this code."""
        return self._find(t.accounts.c.code == code)

    def of_person(self, person_id: str) -> AccountRow | None:
        """Return the account of a person who has one."""
        return self._find(t.accounts.c.person_id == person_id)

    def add(
        self,
        *,
        name: str,
        display: str,
        role: Role,
        password_hash: str | None = None,
        person_id: str | None = None,
        invite_id: str | None = None,
    ) -> AccountRow:
        """Make an account, with a person of its own where ``person_id`` names none.

        ``invite_id`` is used up by it, all or nothing.

        Raises
        ------
        NotSoError
            When the name is taken, the invite is used, revoked or too old, the person
            is not known or has an account already, or a clinic was joined from here.
        """
        now_ns = self._now_ns()
        with writing(self._engine) as connection:
            clinics = t.clinics.c
            if _there(
                connection,
                t.clinics,
                clinics.left_at_utc_ns.is_(None) & (clinics.home_id != ""),
            ):
                raise NotSoError(
                    "This computer has joined a clinic, so it is one person's own.",
                    "Leave the clinic first: 'biofeedback leave'.",
                )
            name = name.strip().casefold()
            if _there(connection, t.accounts, t.accounts.c.name == name):
                raise NotSoError("This name is taken.", "Choose another name.")
            person = _person(connection, person_id, now_ns)
            if _there(connection, t.accounts, t.accounts.c.person_id == person):
                raise NotSoError(
                    "This person has an account already.",
                    "Make new credentials for that one instead.",
                )
            account = AccountRow(
                id=str(ULID()),
                code=_free_code(connection, role),
                name=name,
                display=display.strip() or name,
                role=role,
                person_id=person,
                created_at_utc_ns=now_ns,
                password_hash=password_hash,
            )
            connection.execute(insert(t.accounts).values(columns_of(account)))
            if invite_id is not None:
                _use_up(connection, invite_id, now_ns, became=account.id)
        return account

    def set_password(
        self, id: str, password_hash: str | None, *, invite_id: str | None = None
    ) -> None:
        """Keep another password's hash; ``invite_id`` is used up by it."""
        with writing(self._engine) as connection:
            if invite_id is not None:
                _use_up(connection, invite_id, self._now_ns(), became=id)
            connection.execute(
                update(t.accounts)
                .where(t.accounts.c.id == id)
                .values(password_hash=password_hash)
            )

    def keep_password(self, id: str, *, old: str, new: str) -> None:
        """Keep a newer hash of the same password, unless that has changed meanwhile."""
        accounts = t.accounts.c
        query = update(t.accounts).where(
            accounts.id == id, accounts.password_hash == old
        )
        with writing(self._engine, decides=False) as connection:
            connection.execute(query.values(password_hash=new))

    def renew(self, id: str, password_hash: str | None, *, invite_id: str) -> None:
        """Use up an invite to new credentials: all that let this account in is void.

        Raises
        ------
        NotSoError
            When the invite is used, revoked or too old.
        """
        now_ns = self._now_ns()
        with writing(self._engine) as connection:
            _use_up(connection, invite_id, now_ns, became=id)
            connection.execute(
                update(t.accounts)
                .where(t.accounts.c.id == id)
                .values(password_hash=password_hash)
            )
            connection.execute(t.passkeys.delete().where(t.passkeys.c.account_id == id))
            for table in (t.sign_ins, t.access_tokens):
                _revoke(connection, table, table.c.account_id == id, now_ns)

    def last_seen(self) -> dict[str, int]:
        """Return when somebody was last here by each account, where ever."""
        sign_ins = t.sign_ins.c
        query = (
            select(sign_ins.account_id, func.max(sign_ins.last_seen_utc_ns))
            .where(sign_ins.account_id.is_not(None))
            .group_by(sign_ins.account_id)
        )
        with reading(self._engine) as connection:
            return {id: at_ns for id, at_ns in connection.execute(query)}

    def revoke(self, id: str) -> None:
        """Make an account void for ever, with all that lets it in.

        What its person consented to ends as well: they can take nothing back any more.

        Raises
        ------
        NotSoError
            When it is the only administrator's: nobody could look after the others.
        """
        accounts = t.accounts.c
        now_ns = self._now_ns()
        with writing(self._engine) as connection:
            admin = (accounts.role == Role.ADMIN) & accounts.revoked_at_utc_ns.is_(None)
            if _there(
                connection, t.accounts, admin & (accounts.id == id)
            ) and not _there(connection, t.accounts, admin & (accounts.id != id)):
                raise NotSoError(
                    "This is the only administrator.", "Make another one first."
                )
            for table, mine in (
                (t.accounts, t.accounts.c.id == id),
                (t.sign_ins, t.sign_ins.c.account_id == id),
                (t.access_tokens, t.access_tokens.c.account_id == id),
                (
                    t.invites,
                    ((t.invites.c.account_id == id) | (t.invites.c.created_by == id))
                    & t.invites.c.used_at_utc_ns.is_(None),
                ),
                (
                    t.consents,
                    (t.consents.c.account_id == id)
                    | t.consents.c.person_id.in_(
                        select(accounts.person_id).where(accounts.id == id)
                    ),
                ),
                (
                    t.copy_consents,
                    t.copy_consents.c.person_id.in_(
                        select(accounts.person_id).where(accounts.id == id)
                    ),
                ),
            ):
                _revoke(connection, table, mine, now_ns)

    def revoked(self) -> tuple[AccountRow, ...]:
        """Return the accounts that are void."""
        query = select(t.accounts).where(t.accounts.c.revoked_at_utc_ns.is_not(None))
        return self._all(AccountRow, query)

    # --- Invites --------------------------------------------------------------------

    def add_invite(self, invite: InviteRow) -> None:
        """Keep an invite."""
        self._insert(t.invites, invite)

    def invite(self, token_sha256: str) -> InviteRow | None:
        """Return the invite of this token, whatever became of it."""
        query = select(t.invites).where(t.invites.c.token_sha256 == token_sha256)
        return next(iter(self._all(InviteRow, query)), None)

    def invites(self) -> tuple[InviteRow, ...]:
        """Return every invite, newest first."""
        invites = t.invites.c
        return self._all(
            InviteRow,
            select(t.invites).order_by(
                invites.created_at_utc_ns.desc(), invites.id.desc()
            ),
        )

    def revoke_invite(self, id: str) -> None:
        """Make an invite void."""
        with writing(self._engine, decides=False) as connection:
            _revoke(connection, t.invites, t.invites.c.id == id, self._now_ns())

    def inviter_of(self, account_id: str) -> str | None:
        """Return the account that invited this one, if it was one."""
        query = select(t.invites.c.created_by).where(t.invites.c.became == account_id)
        with reading(self._engine) as connection:
            found: str | None = connection.scalar(
                query.order_by(t.invites.c.used_at_utc_ns).limit(1)
            )
        return found

    # --- Passkeys -------------------------------------------------------------------

    def add_passkey(self, passkey: PasskeyRow) -> None:
        """Keep a passkey."""
        self._insert(t.passkeys, passkey)

    def passkey(self, credential_id: str) -> PasskeyRow | None:
        """Return one passkey."""
        query = select(t.passkeys).where(t.passkeys.c.credential_id == credential_id)
        return next(iter(self._all(PasskeyRow, query)), None)

    def passkeys(self, account_id: str) -> tuple[PasskeyRow, ...]:
        """Return the passkeys of an account, the oldest first."""
        query = (
            select(t.passkeys)
            .where(t.passkeys.c.account_id == account_id)
            .order_by(t.passkeys.c.created_at_utc_ns, t.passkeys.c.credential_id)
        )
        return self._all(PasskeyRow, query)

    def use_passkey(self, credential_id: str, sign_count: int) -> None:
        """Remember that a passkey let somebody in, and its counter."""
        with writing(self._engine, decides=False) as connection:
            connection.execute(
                update(t.passkeys)
                .where(t.passkeys.c.credential_id == credential_id)
                .values(sign_count=sign_count, last_used_utc_ns=self._now_ns())
            )

    def remove_passkey(self, account_id: str, credential_id: str) -> bool:
        """Forget a passkey of this account; say whether there was one."""
        passkeys = t.passkeys.c
        with writing(self._engine, decides=False) as connection:
            gone = connection.execute(
                t.passkeys.delete().where(
                    passkeys.account_id == account_id,
                    passkeys.credential_id == credential_id,
                )
            )
            return gone.rowcount > 0

    # --- Tokens of programs ----------------------------------------------------------

    def add_token(self, token: AccessTokenRow) -> None:
        """Keep an access token's hash."""
        self._insert(t.access_tokens, token)

    def token(self, token_sha256: str) -> AccessTokenRow | None:
        """Return the access token with this hash."""
        tokens = t.access_tokens
        query = select(tokens).where(tokens.c.token_sha256 == token_sha256)
        return next(iter(self._all(AccessTokenRow, query)), None)

    def tokens(self) -> tuple[AccessTokenRow, ...]:
        """Return every access token, the oldest first."""
        tokens = t.access_tokens.c
        query = select(t.access_tokens).order_by(tokens.created_at_utc_ns, tokens.id)
        return self._all(AccessTokenRow, query)

    def revoke_token(self, id: str) -> None:
        """Make an access token void."""
        mine = t.access_tokens.c.id == id
        with writing(self._engine, decides=False) as connection:
            _revoke(connection, t.access_tokens, mine, self._now_ns())

    def _find(self, which: ColumnElement[bool]) -> AccountRow | None:
        return next(iter(self._all(AccountRow, select(t.accounts).where(which))), None)

    def _one(self, which: ColumnElement[bool]) -> AccountRow:
        found = self._find(which)
        if found is None:
            raise NotSoError(
                "There is no such account.", "'biofeedback user list' shows them."
            )
        return found


def _there(connection: Connection, table: Table, which: ColumnElement[bool]) -> bool:
    query = select(func.count()).select_from(table).where(which)
    return bool(connection.scalar(query))


def _person(connection: Connection, person_id: str | None, now_ns: int) -> str:
    if person_id is None:
        id = ULID()
        person = Person(
            id=str(id), pseudonym=f"P-{str(id)[-6:]}", created_at_utc_ns=now_ns
        )
        connection.execute(insert(t.people).values(columns_of(person)))
        return person.id
    if not _there(connection, t.people, t.people.c.id == person_id):
        raise NotSoError("Nobody here has this id.", "Choose one of the people here.")
    return person_id


def _free_code(connection: Connection, role: Role) -> str:
    while True:
        signs = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
        code = f"{role.value[0].upper()}-{signs}"
        if not _there(connection, t.accounts, t.accounts.c.code == code):
            return code


def _use_up(connection: Connection, id: str, now_ns: int, *, became: str) -> None:
    invites = t.invites.c
    used = connection.execute(
        update(t.invites)
        .where(
            invites.id == id,
            invites.used_at_utc_ns.is_(None),
            invites.revoked_at_utc_ns.is_(None),
            invites.expires_at_utc_ns > now_ns,
        )
        .values(used_at_utc_ns=now_ns, became=became)
    )
    if used.rowcount != 1:
        raise NotSoError(
            "This invitation has been used already, or is too old.",
            "Ask whoever sent it for a new one.",
        )


def _revoke(
    connection: Connection, table: Table, mine: ColumnElement[bool], now_ns: int
) -> None:
    connection.execute(
        update(table)
        .where(mine, table.c.revoked_at_utc_ns.is_(None))
        .values(revoked_at_utc_ns=now_ns)
    )
