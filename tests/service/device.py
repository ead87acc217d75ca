"""A device that holds passkeys, as far as a service can tell: it may also cheat."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40
ES256 = -7


class Device:
    """One key. Layouts are those of Web Authentication Level 3 §6.1 and §6.5."""

    def __init__(self, origin: str, rp_id: str = "localhost") -> None:
        self.origin = origin
        self.rp_id = rp_id
        self.flags = PRESENT | VERIFIED
        self.count = 0
        self.id = os.urandom(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer what ``passkeys/options`` asks."""
        data = self._authenticator_data(self.flags | WITH_KEY) + self._public()
        attested = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=cbor2.dumps(attested),
        )

    def get(self, options: dict[str, Any], *, handle: str = "") -> dict[str, Any]:
        """Answer what ``sign-in/passkey/options`` asks."""
        self.count += 1
        data = self._authenticator_data(self.flags)
        client = self._client_data("webauthn.get", options)
        signed = data + hashlib.sha256(client).digest()
        return self._credential(
            clientDataJSON=client,
            authenticatorData=data,
            signature=self._key.sign(signed, ec.ECDSA(SHA256())),
            userHandle=handle.encode(),
        )

    def _authenticator_data(self, flags: int) -> bytes:
        rp_id = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_id + bytes([flags]) + self.count.to_bytes(4, "big")

    def _public(self) -> bytes:
        point = self._key.public_key().public_numbers()
        x, y = (n.to_bytes(32, "big") for n in (point.x, point.y))
        key = cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: x, -3: y})
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + key

    def _client_data(self, type: str, options: dict[str, Any]) -> bytes:
        said = {
            "type": type,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(said).encode()

    def _credential(self, **response: bytes) -> dict[str, Any]:
        id = bytes_to_base64url(self.id)
        return {
            "id": id,
            "rawId": id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {k: bytes_to_base64url(v) for k, v in response.items()},
        }
