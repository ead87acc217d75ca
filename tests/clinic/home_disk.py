"""A home's disk with recordings that grow, end and crash; and a clinic made of paper.

The paper clinic keeps what comes over a log as a hub does, by the rules of the parcels
alone, so that a copy can be compared with the home's recording by its hash.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from ulid import ULID

from biofeedback.bus import Bus, BusError, Delivery
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.messages import Has, Have, Kept, of_json, to_json
from biofeedback.clinic.outbox import Outgoing
from biofeedback.clinic.parcels import Begun, Ended, Entries
from biofeedback.model import Notification, Tick
from biofeedback.recording.compaction import compact
from biofeedback.recording.format import Stored
from biofeedback.recording.recover import find_parts, recover_parts
from biofeedback.recording.writer import RecordingWriter
from biofeedback.store import CopyConsentRow
from biofeedback.store.clinics import Covered
from tests.recording.samples import INFO, NS_PER_S

HOME = "H-7Q2M9K"
NOW_UTC_NS = INFO.started_at_utc_ns


class Sitting:
    """A session at home that is being recorded."""

    def __init__(self, folder: Path, number: int) -> None:
        started_ns = NOW_UTC_NS + number * 3600 * NS_PER_S
        self.id = str(ULID.from_timestamp(started_ns / NS_PER_S))
        self.path = folder / f"{self.id}.mcap"
        self.part = self.path.with_name(f"{self.path.name}.part")
        info = msgspec.structs.replace(INFO, id=self.id, started_at_utc_ns=started_ns)
        self.writer = RecordingWriter(self.part, info, min_free_bytes=0)
        self.sequence = 0
        self.on_disk = 0

    def write(self, seconds: int) -> None:
        """Record some seconds; nothing of it is safe yet."""
        for _ in range(seconds):
            t_ns = self.sequence * NS_PER_S
            heart = b"\x10\x48" + (700 + self.sequence % 300).to_bytes(2, "little")
            for record in (
                Notification(
                    t_ns=t_ns, source="strap", characteristic="2a37", data=heart
                ),
                Tick(t_ns=t_ns + 1),
            ):
                self.sequence += 1
                self.writer.record(self.sequence, record)
            self.sequence += 1
            beat = b'{"v":1,"seq":%d}' % self.sequence
            self.writer.message(self.sequence, t_ns + 1, "beat", beat)

    def sync(self) -> None:
        """Bring it to the disk."""
        self.on_disk = self.writer.sync()

    def end(self) -> None:
        """Finish the recording."""
        self.writer.close()
        compact(self.part, self.path, b"{}")


@dataclass
class HomeDisk:
    """The shelf of an outbox: real files, and a consent that can be taken back."""

    folder: Path
    consent: CopyConsentRow | None = None
    sittings: list[Sitting] = field(default_factory=list)
    live: Sitting | None = None

    def agree(self) -> None:
        """Let copies be kept from now on, of all that is here."""
        self.consent = CopyConsentRow(
            id=str(ULID()),
            person_id=str(ULID()),
            home_id=HOME,
            granted_at_utc_ns=NOW_UTC_NS,
            expires_at_utc_ns=NOW_UTC_NS + 10**18,
            text_version="1",
        )

    def begin(self) -> Sitting:
        """Begin a session."""
        self.live = Sitting(self.folder, len(self.sittings))
        self.sittings.append(self.live)
        return self.live

    def end(self) -> None:
        """End the session that goes on."""
        ending, self.live = self.live, None
        if ending is not None:
            ending.end()

    def crash(self) -> None:
        """Lose power in the middle of a session; the next start recovers it."""
        if (crashed := self.live) is None:
            return
        self.live = None
        crashed.writer._closed = True  # nothing more is written
        assert crashed.writer._descriptor is not None
        os.close(crashed.writer._descriptor)
        recover_parts(find_parts(self.folder))

    # --- As the outbox sees it ----------------------------------------------------

    def covered(self) -> Covered | None:
        if self.consent is None:
            return None
        return Covered(consent=self.consent, since_utc_ns=NOW_UTC_NS)

    def knows(self, consent: str) -> bool:
        return True

    def recordings(self, since_utc_ns: int) -> tuple[Outgoing, ...]:
        return tuple(
            Outgoing(session=one.id, path=one.path) for one in reversed(self.sittings)
        )

    def safe(self, session: str) -> int | None:
        live = self.live
        return live.on_disk if live is not None and live.id == session else None

    def now_utc_ns(self) -> int:
        return NOW_UTC_NS


@dataclass
class PaperLog:
    """A log in memory that fails as it is told: before it keeps something, or after."""

    disk: HomeDisk
    kept: list[bytes] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    down: bool = False

    async def append(self, subject: str, data: bytes, *, id: str) -> None:
        parcel = parcels.decode(data)
        assert subject == subjects.records(HOME, parcel.session)
        # The two promises: nothing without consent, nothing that is not on the disk.
        assert self.disk.consent is not None
        assert parcel.consent == self.disk.consent.id
        safe = self.disk.safe(parcel.session)
        if isinstance(parcel, Entries) and safe is not None:
            assert parcel.entries[-1].sequence <= safe
        failure = self.failures.pop() if self.failures else ""
        if self.down or failure == "before":
            raise BusError("Nothing can be sent now.")
        if failure == "twice":
            self.kept.append(data)
        if id not in self.ids or failure == "twice":
            self.ids.add(id)
            self.kept.append(data)
        if failure == "after":
            raise BusError("That it is kept did not arrive.")


@dataclass
class PaperCopy:
    """A copy as a hub keeps it: in order, each entry once."""

    entries: list[Stored] = field(default_factory=list)
    started_ns: int = 0
    ended: Ended | None = None

    @property
    def last(self) -> int:
        return self.entries[-1].sequence if self.entries else 0

    def take(self, parcel: Begun | Entries | Ended) -> None:
        match parcel:
            case Begun():
                assert parcel.info.person == parcel.metadata["person"] == ""
                self.started_ns = parcel.info.started_at_utc_ns
            case Entries():
                before = parcel.after
                for entry in parcel.entries:
                    if entry.sequence > self.last and before == self.last:
                        self.entries.append(entry)
                    before = entry.sequence
            case Ended():
                self.ended = parcel

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for one in self.entries:
            digest.update(struct.pack("<IQ", one.sequence, self.started_ns + one.t_ns))
            for part in (one.channel.topic.encode(), one.data):
                digest.update(struct.pack("<I", len(part)) + part)
        return digest.hexdigest()

    @property
    def complete(self) -> bool:
        return self.ended is not None and self.ended.content_sha256 == self.sha256


@dataclass
class PaperHub:
    """Reads the log from where it is, and answers how far it is."""

    log: PaperLog
    copies: dict[str, PaperCopy] = field(default_factory=dict)
    position: int = 0
    refuses: bool = False

    def read(self, n: int | None = None) -> None:
        end = len(self.log.kept) if n is None else self.position + n
        for data in self.log.kept[self.position : end]:
            parcel = parcels.decode(data)
            self.copies.setdefault(parcel.session, PaperCopy()).take(parcel)
        self.position = min(end, len(self.log.kept))

    def forget(self, n: int) -> None:
        """Lose the last ``n`` entries of every copy: an older backup came back."""
        for copy in self.copies.values():
            copy.ended = None
            del copy.entries[max(len(copy.entries) - n, 0) :]

    async def answer(self, bus: Bus) -> None:
        async def has(delivery: Delivery) -> bytes:
            asked = of_json(Have, delivery.data).sessions
            return to_json(Has(sessions={id: self.kept(id) for id in asked}))

        await bus.answer(subjects.have(HOME), has)

    def kept(self, session: str) -> Kept:
        copy = self.copies.get(session)
        if self.refuses:
            return Kept(state="refused", why="No consent.")
        if copy is None:
            return Kept()
        return Kept(last=copy.last, state="complete" if copy.complete else "open")

    def whole(self, disk: HomeDisk) -> bool:
        return all(one.complete for one in self.compared(disk))

    def compared(self, disk: HomeDisk) -> Iterator[PaperCopy]:
        for sitting in disk.sittings:
            yield self.copies.get(sitting.id, PaperCopy())
