"""A home that sends a finished recording as it is told to: whole, cut, doubled, late.

The real outbox is careful; what a hub must bear is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from ulid import ULID

from biofeedback.bus.interface import Bus, Delivery
from biofeedback.bus.log import Log, Logged
from biofeedback.bus.subjects import matches
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.messages import Again, Has, Have, Kept, of_json, to_json
from biofeedback.clinic.parcels import Begun, Ended, Entries, Parcel
from biofeedback.model import Notification, Tick
from biofeedback.recording.format import Stored
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.recording.writer import RecordingWriter
from biofeedback.store import CopyConsentRow, HomeRow, Store
from tests.recording.samples import INFO, NS_PER_S

YEAR_NS = 365 * 86_400 * NS_PER_S


class MemoryLog:
    """A log in memory: what is appended is there for every reader, also a later one."""

    def __init__(self) -> None:
        self.kept: list[Logged] = []
        self._ids: set[str] = set()
        self._more = asyncio.Event()

    async def append(self, subject: str, data: bytes, *, id: str) -> None:
        if id in self._ids:
            return
        self._ids.add(id)
        position = len(self.kept) + 1
        self.kept.append(Logged(position=position, subject=subject, data=data))
        self._more.set()
        self._more = asyncio.Event()

    async def read(
        self, subject: str, *, after: int = 0
    ) -> AsyncGenerator[Logged, None]:
        position = after
        while True:
            more = self._more
            for logged in self.kept[position:]:
                position = logged.position
                if matches(subject, logged.subject):
                    yield logged
            if position == len(self.kept):
                await more.wait()


def write_session(folder: Path, seconds: int, *, number: int = 0) -> Path:
    """Write the journal of a session; those of other numbers are others."""
    started_ns = INFO.started_at_utc_ns + number * 3600 * NS_PER_S
    id = str(ULID.from_timestamp(started_ns / NS_PER_S))
    info = msgspec.structs.replace(
        INFO, id=id, started_at_utc_ns=started_ns, person="P-HOME00"
    )
    path = folder / f"{id}.mcap.part"
    writer = RecordingWriter(path, info, min_free_bytes=0)
    sequence = 0
    for second in range(seconds):
        t_ns = second * NS_PER_S
        heart = b"\x10\x48" + (700 + (second + number) * 37 % 300).to_bytes(2, "little")
        for record in (
            Notification(t_ns=t_ns, source="strap", characteristic="2a37", data=heart),
            Tick(t_ns=t_ns + 1),
        ):
            sequence += 1
            writer.record(sequence, record)
        sequence += 1
        writer.message(sequence, t_ns + 1, "beat", b'{"v":1,"seq":%d}' % sequence)
    writer.close()
    return path


def parcels_of(
    path: Path, consent: str, *, size: int = 7, start: int = 1
) -> list[Parcel]:
    """Return what a home sends of a recording: its beginning, its entries, its end."""
    recording = open_recording(path)
    survey = recording.survey()
    entries = [one for one in recording.all() if one.sequence >= start]
    assert survey.last is not None
    return [
        begun_of(recording, consent),
        *(
            Entries(
                session=recording.info.id,
                consent=consent,
                after=entries[at].sequence - 1,
                entries=tuple(entries[at : at + size]),
            )
            for at in range(0, len(entries), size)
        ),
        Ended(
            session=recording.info.id,
            consent=consent,
            last=survey.last,
            content_sha256=survey.content_sha256,
        ),
    ]


def begun_of(recording: Recording, consent: str) -> Begun:
    return Begun(
        session=recording.info.id,
        consent=consent,
        info=msgspec.structs.replace(recording.info, person=""),
        metadata={**recording.session, "person": ""},
        software=dict(recording.software),
    )


def changed(stored: Stored) -> Stored:
    return msgspec.structs.replace(stored, data=stored.data + b"!")


@dataclass
class SmallHome:
    """One home of a clinic, and what it has to send."""

    row: HomeRow
    consent: CopyConsentRow
    log: Log
    bus: Bus
    sessions: dict[str, Path] = field(default_factory=dict)
    asked: list[Again] = field(default_factory=list)
    answers: bool = True
    _sending: set[asyncio.Task[str]] = field(default_factory=set)

    @classmethod
    async def join(cls, store: Store, log: Log, bus: Bus, number: int = 0) -> SmallHome:
        """Join a clinic; the person agrees to copies."""
        person = store.person_called(f"P-CLIN{number:02d}")
        row = store.homes.add(
            person_id=person.id, label="Kitchen", public_key=f"U{number:055d}"
        )
        consent = CopyConsentRow(
            id=str(ULID()),
            person_id=str(ULID()),
            home_id=row.id,
            granted_at_utc_ns=store.now_ns(),
            expires_at_utc_ns=store.now_ns() + YEAR_NS,
            text_version="1",
        )
        store.homes.take_consents(row, (), (consent,), given_to=())
        home = cls(row, consent, log, bus)
        await bus.subscribe(subjects.send_again(row.id), home._asked)
        return home

    def _asked(self, delivery: Delivery) -> None:
        again = of_json(Again, delivery.data)
        self.asked.append(again)
        if self.answers and again.session in self.sessions:
            path = self.sessions[again.session]
            task = asyncio.create_task(self.send(path, start=again.start))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def send(self, path: Path, *, start: int = 1, size: int = 7) -> str:
        """Send a whole recording from a sequence on; return the id of its session."""
        these = self.has(path, start=start, size=size)
        await self.post(these)
        return these[0].session

    def has(self, path: Path, *, start: int = 1, size: int = 7) -> list[Parcel]:
        """Have a recording; return what is to be sent of it from a sequence on."""
        these = parcels_of(path, self.consent.id, size=size, start=start)
        self.sessions[these[0].session] = path
        return these

    async def post(self, these: Iterable[Parcel]) -> None:
        """Send these parcels, in this order."""
        for parcel in these:
            await self.post_bytes(parcel.session, parcels.encode(parcel))

    async def post_bytes(self, session: str, data: bytes) -> None:
        """Send what may be no parcel at all."""
        await self.log.append(
            subjects.records(self.row.id, session), data, id=str(ULID())
        )

    async def kept(self, session: str) -> Kept:
        """Ask a hub how far its copy of a session is."""
        asked = to_json(Have(sessions=(session,)))
        answer = await self.bus.request(subjects.have(self.row.id), asked)
        return of_json(Has, answer).sessions.get(session, Kept())

    async def until(self, session: str, state: str, *, limit_s: float = 30) -> Kept:
        """Wait until a hub says this of a session."""
        async with asyncio.timeout(limit_s):
            while (kept := await self.kept(session)).state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return kept


def sha256_of(path: Path) -> str:
    """Return the hash of what is in a recording."""
    return open_recording(path).survey().content_sha256
