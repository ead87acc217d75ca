"""What travels about accounts: invites, passkeys, passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from biofeedback.service.inviting import InviteState, state_of
from biofeedback.service.shapes import Body, PersonShape, instant
from biofeedback.store import AccountRow, InviteRow, PasskeyRow, Person, Role

Name = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[str, Field(max_length=1000)]
Token = Annotated[str, Field(min_length=1, max_length=200)]
Credential = dict[str, Any]
RoleOfAccount = Literal["patient", "therapist", "researcher", "admin"]


class DoorsShape(BaseModel):
    """How one comes in here: by account or by link, and whether by passkey too."""

    shared: bool
    passkeys: bool


class PasswordSignInBody(Body):
    """Who somebody says they are, and the proof."""

    name: Name
    password: Password


class CredentialBody(Body):
    """What a browser made of the options: ``credential.toJSON()``."""

    credential: Credential


class NewPasskeyBody(CredentialBody):
    """A new passkey, and what to call it."""

    label: Annotated[str, Field(max_length=60)] | None = None


class OptionsShape(BaseModel):
    """What a page hands to ``navigator.credentials``, as JSON (WebAuthn Level 3)."""

    options: dict[str, Any]


class PasskeyShape(BaseModel):
    """A passkey, without its key."""

    id: str
    label: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: PasskeyRow) -> PasskeyShape:
        """Return what may be told of a passkey."""
        return cls(
            id=row.credential_id,
            label=row.label,
            created_at=instant(row.created_at_utc_ns),
            last_used_at=_maybe(row.last_used_utc_ns),
        )


class PasskeysShape(BaseModel):
    """The passkeys of an account, the oldest first."""

    passkeys: list[PasskeyShape]


class PasswordBody(Body):
    """A new password, and the one it replaces."""

    old: Password | None = None
    new: Password


class LookBody(Body):
    """The token of an invite."""

    token: Token


class LookShape(BaseModel):
    """What an invite is for. ``name`` is told where it renews an account."""

    role: RoleOfAccount
    invited_by: str | None
    expires_at: datetime
    for_account: bool
    name: str | None


class AcceptBody(Body):
    """What to be called, and a password, or none where a passkey follows at once."""

    token: Token
    name: Name | None = None
    display: Annotated[str, Field(max_length=200)] | None = None
    password: Password | None = None


class InviteBody(Body):
    """Whom to invite. ``person`` is somebody known here who has no account yet."""

    role: RoleOfAccount
    person: Annotated[str, Field(max_length=26)] | None = None


class InviterShape(BaseModel):
    """Who invited."""

    code: str
    display: str


class RenewedShape(BaseModel):
    """Whose credentials are made anew."""

    id: str
    code: str
    display: str


class InviteShape(BaseModel):
    """An invite, without its token. ``invited_by`` null is the command line."""

    id: str
    role: RoleOfAccount
    state: InviteState
    for_account: RenewedShape | None
    person: PersonShape | None
    invited_by: InviterShape | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(
        cls,
        row: InviteRow,
        accounts: dict[str, AccountRow],
        people: dict[str, Person],
        now_utc_ns: int,
    ) -> InviteShape:
        """Return what may be told of an invite."""
        renewed = accounts.get(row.account_id or "")
        inviter = accounts.get(row.created_by or "")
        person = people.get(row.person_id or "")
        return cls(
            id=row.id,
            role=role_of(row.role),
            state=state_of(row, now_utc_ns),
            for_account=None
            if renewed is None
            else RenewedShape(
                id=renewed.id, code=renewed.code, display=renewed.display
            ),
            person=None if person is None else PersonShape.of(person),
            invited_by=None
            if inviter is None
            else InviterShape(code=inviter.code, display=inviter.display),
            created_at=instant(row.created_at_utc_ns),
            expires_at=instant(row.expires_at_utc_ns),
            used_at=_maybe(row.used_at_utc_ns),
            revoked_at=_maybe(row.revoked_at_utc_ns),
        )


class InvitesShape(BaseModel):
    """Invites, newest first."""

    invites: list[InviteShape]


class MadeInviteShape(BaseModel):
    """A new invite. Its token is told this once; only its hash is kept."""

    invite: InviteShape
    token: str
    url: str


class AccountShape(BaseModel):
    """An account, as administrators see it."""

    id: str
    code: str
    name: str
    display: str
    role: RoleOfAccount
    person: PersonShape
    created_at: datetime
    revoked_at: datetime | None
    has_password: bool
    n_passkeys: int
    last_seen_at: datetime | None

    @classmethod
    def of(
        cls,
        row: AccountRow,
        person: Person,
        *,
        n_passkeys: int,
        last_seen_utc_ns: int | None,
    ) -> AccountShape:
        """Return what may be told of an account."""
        return cls(
            id=row.id,
            code=row.code,
            name=row.name,
            display=row.display,
            role=role_of(row.role),
            person=PersonShape.of(person),
            created_at=instant(row.created_at_utc_ns),
            revoked_at=_maybe(row.revoked_at_utc_ns),
            has_password=row.password_hash is not None,
            n_passkeys=n_passkeys,
            last_seen_at=_maybe(last_seen_utc_ns),
        )


class AccountsShape(BaseModel):
    """Every account, the oldest first."""

    accounts: list[AccountShape]


def role_of(role: Role) -> RoleOfAccount:
    """Return what an account is for, as it travels."""
    match role.value:
        case "patient" | "therapist" | "researcher" | "admin" as name:
            return name
    raise ValueError(f"no account is for a {role}")


def _maybe(utc_ns: int | None) -> datetime | None:
    return None if utc_ns is None else instant(utc_ns)
