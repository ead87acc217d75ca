"""Passkeys: a device proves that it holds a key, and nobody types anything (WebAuthn).

The key belongs to the name under which the page was opened, and browsers offer it at no
other; an IP number is no such name (Web Authentication Level 3 §5.1.2). A challenge is
made here, is good once and for five minutes.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

from biofeedback.model import Value
from biofeedback.store import AccountRow, PasskeyRow

Json: TypeAlias = dict[str, Any]

CHALLENGE_BYTES = 32
CHALLENGE_GOOD_S = 5 * 60.0
MOST_CHALLENGES = 2_000
SERVICE_NAME = "Biofeedback"

_MADE_BY = re.compile(
    rb"(node\.N-[0-9A-Z]{6}).{%d}" % CHALLENGE_BYTES, re.DOTALL | re.ASCII
)


class PasskeyError(Exception):
    """What a browser sent is no proof; why is for the log."""


class Site(Value, frozen=True):
    """The place a page was opened at: what its keys belong to, and its origin."""

    rp_id: str
    origin: str


class NewPasskey(Value, frozen=True):
    """A key that a device has made. ``is_verified``: it made sure who holds it."""

    credential_id: str
    public_key: str
    sign_count: int
    is_verified: bool


def site_of(scheme: str, host: str) -> Site | None:
    """Return where passkeys of a page at this address belong.

    ``None``: browsers make none there, because it is an IP number or not encrypted.

    >>> site_of("http", "localhost:8765").rp_id
    'localhost'
    >>> site_of("https", "192.168.1.7:8765") is None
    True
    """
    host = host.lower()
    name = host.rpartition("]")[0][1:] if host[:1] == "[" else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return None
    is_secure = scheme == "https" or name == "localhost" or name.endswith(".localhost")
    return Site(rp_id=name, origin=f"{scheme}://{host}") if name and is_secure else None


class Challenges:
    """What devices are to sign; each is good once, for whom it was made.

    The oldest is forgotten when there are too many, so memory has an end.

    Parameters
    ----------
    most
        How many are kept.
    maker
        The name of this node, which each begins with: another one that is shown the
        answer asks whoever made the challenge.
    """

    def __init__(self, most: int = MOST_CHALLENGES, *, maker: str = "") -> None:
        self._most = most
        self._maker = maker.encode()
        self._made: OrderedDict[bytes, tuple[str | None, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._made)

    def make(self, account_id: str | None = None, *, now_s: float) -> bytes:
        """Return a new one; ``None`` is for whoever can sign it."""
        challenge = self._maker + secrets.token_bytes(CHALLENGE_BYTES)
        self._made[challenge] = (account_id, now_s)
        if len(self._made) > self._most:
            self._made.popitem(last=False)
        return challenge

    def redeem(
        self, challenge: bytes, account_id: str | None = None, *, now_s: float
    ) -> bool:
        """Use one up; say whether it was one of ours, for this account, and fresh."""
        made_for, made_s = self._made.pop(challenge, ("", 0.0))
        return made_for == account_id and now_s - made_s < CHALLENGE_GOOD_S


def maker_of(challenge: bytes) -> str | None:
    """Return the node that says to have made a challenge, if one does."""
    found = _MADE_BY.fullmatch(challenge)
    return None if found is None else found[1].decode()


def challenge_in(credential: Json) -> bytes:
    """Return the challenge that a credential says it answers.

    Raises
    ------
    PasskeyError
        When there is none in it.
    """
    from webauthn.helpers import base64url_to_bytes

    try:
        client_data = json.loads(
            base64url_to_bytes(credential["response"]["clientDataJSON"])
        )
        return bytes(base64url_to_bytes(client_data["challenge"]))
    except Exception as error:  # bytes from anywhere
        raise PasskeyError("no challenge") from error


def creation_options(
    site: Site, account: AccountRow, has: Sequence[PasskeyRow], challenge: bytes
) -> Json:
    """Return what a page hands to ``navigator.credentials.create``."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=SERVICE_NAME,
        user_name=account.name,
        user_id=account.id.encode(),
        user_display_name=account.display,
        challenge=challenge,
        timeout=int(CHALLENGE_GOOD_S * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            # Found without a name being typed: that is what makes it the easy way.
            resident_key=ResidentKeyRequirement.REQUIRED,
            # A finder must not come in; and Chromium does not offer a key that can be
            # found without a name to whom the device has not verified.
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id))
            for one in has
        ],
    )
    return options_to_json_dict(options)


def request_options(site: Site, challenge: bytes) -> Json:
    """Return what a page hands to ``navigator.credentials.get``."""
    import webauthn
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=challenge,
        timeout=int(CHALLENGE_GOOD_S * 1000),
    )
    return options_to_json_dict(options)


def made(site: Site, credential: Json, challenge: bytes) -> NewPasskey:
    """Return the key that a device made for ``challenge``.

    Raises
    ------
    PasskeyError
        When this does not hold together.
    """
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
        )
    except Exception as error:  # a parser of bytes from anywhere
        raise PasskeyError(str(error)) from error
    return NewPasskey(
        credential_id=bytes_to_base64url(found.credential_id),
        public_key=bytes_to_base64url(found.credential_public_key),
        sign_count=found.sign_count,
        is_verified=found.user_verified,
    )


def proven(site: Site, credential: Json, challenge: bytes, passkey: PasskeyRow) -> int:
    """Return the device's counter, once ``challenge`` was signed with this key.

    A device that counts must have counted on since: else somebody has copied it.

    Raises
    ------
    PasskeyError
        When it was not.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes

    try:
        handle = credential["response"].get("userHandle")
        if handle and base64url_to_bytes(handle) != passkey.account_id.encode():
            raise PasskeyError("made for another account")
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except PasskeyError:
        raise
    except Exception as error:  # a parser of bytes from anywhere
        raise PasskeyError(str(error)) from error
    return found.new_sign_count
