"""Invites and names of accounts: what they may be, and how a link is made."""

from __future__ import annotations

import secrets
import unicodedata
from enum import StrEnum
from typing import TypedDict

from ulid import ULID

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.service.sign_ins import NS_PER_S, sha256
from biofeedback.store import AccountRow, InviteRow, Role, Store

GOOD_FOR_S = 72 * 3600
SHORTEST_NAME, LONGEST_NAME = 2, 64
LONGEST_DISPLAY = 80
BESIDE_LETTERS = "._@+-"

ROLES = (Role.PATIENT, Role.THERAPIST, Role.RESEARCHER, Role.ADMIN)
"""What an account can be for."""


class InviteState(StrEnum):
    """What became of an invite."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state_of(invite: InviteRow, now_utc_ns: int) -> InviteState:
    """Return what became of an invite by now."""
    if invite.used_at_utc_ns is not None:
        return InviteState.USED
    if invite.revoked_at_utc_ns is not None:
        return InviteState.REVOKED
    expired = now_utc_ns >= invite.expires_at_utc_ns
    return InviteState.EXPIRED if expired else InviteState.OPEN


def invite(
    store: Store,
    role: Role,
    *,
    person_id: str | None = None,
    by: AccountRow | None = None,
) -> tuple[InviteRow, str]:
    """Keep an invite for a new account; return it and its token, which is not kept.

    Parameters
    ----------
    person_id
        Whom the account will belong to; ``None``: somebody who is new here.
    by
        Who invites; ``None`` is the command line, or the owner.

    Raises
    ------
    NotSoError
        When the person is not known or has an account, or when this would be the first
        account and no administrator's: then nobody could look after the others.
    """
    if person_id is not None:
        store.person(person_id)
        if store.accounts.of_person(person_id) is not None:
            raise NotSoError(
                "This person has an account already.",
                "Make new credentials for that one instead.",
            )
    if role is not Role.ADMIN and not store.accounts.any(Role.ADMIN):
        raise NotSoError(
            "There is no administrator yet.",
            "Make the first account one: 'biofeedback user add --role admin NAME'.",
        )
    return _kept(store, role, person_id=person_id, by=by)


def renewal(
    store: Store, account: AccountRow, *, by: AccountRow | None = None
) -> tuple[InviteRow, str]:
    """Keep an invite to new credentials for an account; earlier ones become void.

    Raises
    ------
    NotSoError
        When the account is revoked, or is of a clinic.
    """
    if account.clinic is not None:
        raise NotSoError(
            "This account is of the clinic and lets nobody in here.",
            "At the clinic they can make new credentials.",
        )
    if account.revoked_at_utc_ns is not None:
        raise NotSoError(
            "This account is revoked.", "Invite the person to a new account."
        )
    for other in store.accounts.invites():
        if other.account_id == account.id:
            store.accounts.revoke_invite(other.id)
    return _kept(store, account.role, account_id=account.id, by=by)


def _kept(
    store: Store,
    role: Role,
    *,
    person_id: str | None = None,
    account_id: str | None = None,
    by: AccountRow | None,
) -> tuple[InviteRow, str]:
    token = secrets.token_urlsafe(32)
    now_ns = store.now_ns()
    row = InviteRow(
        id=str(ULID()),
        token_sha256=sha256(token),
        role=role,
        account_id=account_id,
        person_id=person_id,
        created_by=None if by is None else by.id,
        created_at_utc_ns=now_ns,
        expires_at_utc_ns=now_ns + GOOD_FOR_S * NS_PER_S,
    )
    store.accounts.add_invite(row)
    return row, token


def link(url: str, token: str) -> str:
    """Return what is sent to whom is invited.

    The token stands in the fragment, which browsers keep to themselves: it is in no log
    of any server on the way.
    """
    return f"{url.rstrip('/')}/#invite={token}"


def typed_name(text: str) -> str:
    """Return a name as it would be kept, whether or not it could be one."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def checked_name(text: str) -> str:
    """Return a sign-in name as it is kept: the same however it is typed.

    Raises
    ------
    SettingsError
        When it cannot be one.

    >>> checked_name(" Kim.Park@Example.org ")
    'kim.park@example.org'
    """
    name = typed_name(text)
    is_fine = all(sign.isalnum() or sign in BESIDE_LETTERS for sign in name)
    if not is_fine or not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        raise SettingsError(
            f"A name to sign in with has {SHORTEST_NAME} to {LONGEST_NAME} letters, "
            f"digits and '{BESIDE_LETTERS}'.",
            "An e-mail address will do; nothing is ever sent to it.",
        )
    return name


def checked_display(text: str) -> str:
    """Return how others see somebody, in one line.

    Raises
    ------
    SettingsError
        When there is nothing to see, or too much.
    """
    display = " ".join(unicodedata.normalize("NFC", text).split())
    if not display.isprintable() or not 1 <= len(display) <= LONGEST_DISPLAY:
        raise SettingsError(
            f"How others see you is 1 to {LONGEST_DISPLAY} signs.",
            "A first name will do.",
        )
    return display


class About(TypedDict):
    """Whom an act was about, as the audit takes it; never what somebody typed."""

    person_id: str | None
    object_id: str | None


def about(account: AccountRow | None) -> About:
    """Return an account for the audit: a patient's is told by keyed hashes alone."""
    if account is None:
        return About(person_id=None, object_id=None)
    is_patient = account.role is Role.PATIENT
    return About(
        person_id=account.person_id if is_patient else None, object_id=account.code
    )
