"""A shared house with patients who let therapists watch, as it is on disk."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import httpx

from biofeedback.model import Value
from biofeedback.service.consent_texts import CURRENT
from biofeedback.service.sign_ins import SignIns, cookie_name
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import DEFAULT_PORT
from biofeedback.store import AccountRow, Purpose, Role, Store, Stream

NS_PER_DAY = 86_400_000_000_000


class Clinic(Value, frozen=True):
    """Who is there: the cookie of each, good for a service on any port."""

    patients: tuple[str, ...]
    therapists: tuple[str, ...]


def prepare(
    data: Path, *, patients: int, therapists: int, database: str | None = None
) -> Clinic:
    """Make the accounts in ``data``, sign everybody in, let everybody watch everyone.

    By hand that would be an hour of invites; nothing else of it differs.
    """
    store = Store(data, database)
    try:
        sign_ins = SignIns(store)

        def add(role: Role, number: int) -> AccountRow:
            name = f"{role}{number}"
            return store.accounts.add(name=name, display=name.title(), role=role)

        add(Role.ADMIN, 0)
        practising = [add(Role.PATIENT, number) for number in range(patients)]
        watching = [add(Role.THERAPIST, number) for number in range(therapists)]
        for patient, therapist in product(practising, watching):
            store.consents.grant(
                person_id=patient.person_id,
                account_id=therapist.id,
                grants=[(stream, Purpose.LIVE) for stream in Stream],
                expires_at_utc_ns=store.now_ns() + 30 * NS_PER_DAY,
                text_version=CURRENT,
            )
        return Clinic(
            patients=tuple(sign_ins.enter(one) for one in practising),
            therapists=tuple(sign_ins.enter(one) for one in watching),
        )
    finally:
        store.close()


def cookie(address: str, token: str, *, shared: bool = False) -> dict[str, str]:
    """Return the header that says who asks; nodes that share a store share it too."""
    port = DEFAULT_PORT if shared else int(address.rpartition(":")[2])
    return {"Cookie": f"{cookie_name(port)}={token}"}


def practise(address: str, clinic: Clinic, *, shared: bool = False) -> list[str]:
    """Let every patient begin a session and share it; return their ids."""
    sessions = []
    with httpx.Client(base_url=f"http://{address}/api/v1", timeout=60) as client:
        for seed, token in enumerate(clinic.patients, 1):
            headers = cookie(address, token, shared=shared)
            body = {"strap": SIMULATED_ID, "plan": "practice", "seed": seed}
            answer = client.post("/sessions", json=body, headers=headers)
            answer.raise_for_status()
            id = str(answer.json()["id"])
            client.put(
                f"/sessions/{id}/sharing", json={"state": "on"}, headers=headers
            ).raise_for_status()
            sessions.append(id)
    return sessions
