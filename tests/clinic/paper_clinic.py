"""A clinic of paper on a real NATS server with TLS: what a home sees of one."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nkeys

from biofeedback.bus import Delivery
from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.bus.nats import NatsBus
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.messages import (
    Accounts,
    Consents,
    GranteeAccount,
    Has,
    Have,
    Kept,
    Revoked,
    of_json,
    to_json,
)
from biofeedback.clinic.ticket import FORMAT, Clinic, Ticket
from biofeedback.service.certificates import new_authority, new_page
from biofeedback.store import Role
from tests.clinic.home_disk import HOME, PaperCopy
from tests.nats_server import NatsServer

CLINIC = Clinic(id="C-3F6T2A", name="Clinic by the lake")
KIM = GranteeAccount(
    account="01KB00000000000000000000K1",
    code="T-7Q2M9K",
    display="Kim",
    role=Role.THERAPIST,
)
ADA = GranteeAccount(
    account="01KB00000000000000000000A1",
    code="R-7Q2M9K",
    display="Ada",
    role=Role.RESEARCHER,
)
FOREVER_NS = 2**62


@dataclass
class PaperClinic:
    """Who is there, what was consented to, and the copies of one home."""

    server: NatsServer
    bus: NatsBus
    ticket: Ticket
    people: tuple[GranteeAccount, ...] = (KIM, ADA)
    consents: Consents = field(default_factory=lambda: Consents(consents=(), copies=()))
    n_told: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    holds: set[str] = field(default_factory=set)
    copies: dict[str, PaperCopy] = field(default_factory=dict)

    async def serve(self) -> None:
        home = self.ticket.home
        await self.bus.answer(subjects.ask_accounts(home), self._accounts)
        await self.bus.answer(subjects.tell_consents(home), self._told)
        await self.bus.answer(subjects.have(home), self._has)

    async def tell_accounts(self) -> None:
        said = Accounts(clinic=CLINIC.name, people=self.people)
        await self.bus.publish(subjects.new_accounts(HOME), to_json(said))

    async def revoke(self, *ids: str) -> None:
        self.ends |= dict.fromkeys(ids, 1)
        said = Revoked(ends=self.ends)
        await self.bus.publish(subjects.ended_consents(HOME), to_json(said))

    async def read(self, log: JetStreamLog) -> None:
        async for logged in log.read(subjects.records(HOME, ">")):
            parcel = parcels.decode(logged.data)
            self.copies.setdefault(parcel.session, PaperCopy()).take(parcel)

    async def _accounts(self, _: Delivery) -> bytes:
        return to_json(Accounts(clinic=CLINIC.name, people=self.people))

    async def _told(self, delivery: Delivery) -> bytes:
        self.consents = of_json(Consents, delivery.data)
        self.n_told += 1
        self.holds -= {*self.consents.never}
        return to_json(Revoked(ends=self.ends, holds=tuple(self.holds)))

    async def _has(self, delivery: Delivery) -> bytes:
        asked = of_json(Have, delivery.data).sessions
        kept = {
            id: Kept(last=copy.last, state="complete" if copy.complete else "open")
            for id in asked
            if (copy := self.copies.get(id)) is not None
        }
        return to_json(Has(sessions=kept))


@contextlib.contextmanager
def clinic_server(folder: Path) -> Iterator[tuple[NatsServer, Ticket, Path]]:
    """Start the server of a clinic that one home may reach; give the home's ticket."""
    folder.mkdir(exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    authority = new_authority(["localhost"], now)
    page = new_page(authority, ["localhost"], now)
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    ca.write_bytes(authority.certificate_pem)
    cert.write_bytes(page.certificate_pem)
    key.write_bytes(page.key_pem)
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    may = subjects.permissions(HOME)
    config = f"""
    max_payload: 4MB
    tls {{ cert_file: "{cert}", key_file: "{key}" }}
    authorization {{ users: [
      {{ user: clinic, password: clinic }},
      {{ nkey: {public}, permissions: {{
        publish: {{ allow: {_list(may.publish)} }},
        subscribe: {{ allow: {_list(may.subscribe)} }},
        allow_responses: true
      }} }}
    ] }}
    """
    with NatsServer(folder / "nats", config=config) as server:
        ticket = Ticket(
            format=FORMAT,
            clinic=CLINIC,
            home=HOME,
            servers=(f"tls://localhost:{server.port}",),
            ca=authority.certificate_pem.decode(),
            seed=seed.decode(),
            join_before_utc_ns=FOREVER_NS,
        )
        yield server, ticket, ca


@contextlib.asynccontextmanager
async def paper_clinic(folder: Path) -> AsyncIterator[PaperClinic]:
    """Give a clinic that serves one home, until the block ends."""
    with clinic_server(folder) as (server, ticket, ca):
        url = f"tls://clinic:clinic@localhost:{server.port}"
        bus = NatsBus(url, name="clinic", tls_ca=ca)
        await bus.open()
        log = JetStreamLog(bus)
        await log.open(create=True)
        clinic = PaperClinic(server, bus, ticket)
        await clinic.serve()
        reading = asyncio.create_task(clinic.read(log))
        try:
            yield clinic
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await log.close()
            await bus.close()


def _list(subjects: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in subjects) + "]"
