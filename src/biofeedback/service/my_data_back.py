"""Brings an archive of :mod:`~biofeedback.service.my_data_files` back into a folder.

Recordings first, then the catalogue is made anew from them; what stands in no
recording (answers given late, the diary, assessments) comes from the tables. What is
there already stays as it is, so an archive may be brought back twice. Sign-ins are not
brought back.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from biofeedback.errors import RecordingError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.sealed import is_there
from biofeedback.service.cataloguing import RECORDINGS, rebuild
from biofeedback.store import DiaryRow, EstimateRow, Person, RatingRow, Store

NS_PER_S = 1_000_000_000

NO_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError),
    *(RuntimeError, NotImplementedError),  # encrypted, or packed in an unknown way
)


class BroughtBack(Value, frozen=True):
    """What came back; ``refused`` says of each file that could not be read why."""

    person: Person
    n_recordings: int
    n_ratings: int
    n_notes: int
    refused: tuple[str, ...]


class _Person(msgspec.Struct):
    pseudonym: str


class _Estimate(msgspec.Struct):
    session: str
    at: str
    rate_bpm: float | None
    probability: float | None
    rest_rr_ms: float | None
    report: msgspec.Raw


def bring_back(store: Store, path: Path) -> BroughtBack:
    """Put everything of the archive ``path`` into the folder of ``store``. Blocks.

    Raises
    ------
    RecordingError
        When it is no such archive, is damaged, or cannot be unpacked.
    StoreError
        When the database cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pseudonym = msgspec.json.decode(
                archive.read("person.json"), type=_Person
            ).pseudonym
            n_recordings = _unpack(archive, store.data)
            rebuilt = rebuild(store)
            person = store.person_called(pseudonym)
            known = {session.id for session in store.sessions_of(person.id)}
            n_ratings = _ratings(archive, store, person, known)
            n_notes = _diary(archive, store, person)
            for row in _estimates(archive, person):
                if row.session_id in known:
                    store.keep_estimate(row)
    except OSError as error:
        raise durable.explained(
            f"{path.name} could not be brought back.", error
        ) from error
    except NO_ARCHIVE as error:
        raise RecordingError(
            f"{path.name} is no archive of a person's data, or it is damaged.",
            "Give the ZIP that 'biofeedback person export' or the page wrote.",
        ) from error
    return BroughtBack(
        person=person,
        n_recordings=n_recordings,
        n_ratings=n_ratings,
        n_notes=n_notes,
        refused=rebuilt.refused,
    )


def _unpack(archive: zipfile.ZipFile, data: Path) -> int:
    n_recordings = 0
    for info in archive.infolist():
        name = PurePosixPath(info.filename)
        if name.parts[:1] != (RECORDINGS,) or info.is_dir():
            continue
        if ".." in name.parts or "\\" in info.filename or ":" in info.filename:
            raise ValueError("a path that leads out of the folder")
        target = data.joinpath(*name.parts)
        if is_there(target):
            continue
        # Whole or not at all: a half one would be taken for a damaged recording.
        new = target.with_name(f"{target.name}.new")
        new.unlink(missing_ok=True)
        with archive.open(info) as source, os.fdopen(durable.create(new), "wb") as file:
            shutil.copyfileobj(source, file)  # checks the CRC at its end
            file.flush()
            durable.sync(file.fileno())
        new.rename(target)
        durable.sync_folder(target.parent)
        n_recordings += target.suffix == ".mcap"
    return n_recordings


def _ratings(
    archive: zipfile.ZipFile, store: Store, person: Person, known: set[str]
) -> int:
    there = {rating.id for rating in store.ratings_of(person.id)}
    added = 0
    for row in _rows(archive, "ratings.csv"):
        if row["id"] in there or row["session"] not in known:
            continue
        values = {
            **_known(row, ("id", "type", "unit", "moment", "value")),
            **_known(row, ("t_ms", "prompt", "latency_ms", "device")),
            "session_id": row["session"],
            "at_utc_ns": _ns(row["at"]),
            "in_recording": row["in_recording"] == "yes",
        }
        store.add_rating(msgspec.convert(values, RatingRow, strict=False))
        added += 1
    return added


def _diary(archive: zipfile.ZipFile, store: Store, person: Person) -> int:
    names = (
        *("id", "occasion", "group_id", "type", "value", "unit", "text", "moment"),
        *("prompt", "latency_ms", "device"),
    )
    rows = [
        msgspec.convert(
            {
                **_known(row, names),
                "person_id": person.id,
                "at_utc_ns": _ns(row["at"]),
                "utc_offset_s": _offset_s(row["at"]),
                "kept_at_utc_ns": _ns(row["kept_at"]),
            },
            DiaryRow,
            strict=False,
        )
        for row in _rows(archive, "diary.csv")
    ]
    store.add_to_diary(rows)
    return len(rows)


def _estimates(archive: zipfile.ZipFile, person: Person) -> Iterator[EstimateRow]:
    found = msgspec.json.decode(
        archive.read("resonance.json"), type=tuple[_Estimate, ...]
    )
    for one in found:
        report = msgspec.json.encode(msgspec.json.decode(one.report)).decode()
        yield EstimateRow(
            session_id=one.session,
            person_id=person.id,
            at_utc_ns=_ns(one.at),
            rate_bpm=one.rate_bpm,
            probability=one.probability,
            rest_rr_ms=one.rest_rr_ms,
            report=report,
        )


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    # Without newline="" a line break inside of what somebody wrote would change.
    text = io.StringIO(archive.read(name).decode(), newline="")
    yield from csv.DictReader(text)


def _known(row: dict[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names if row[name] != ""}


def _ns(text: str) -> int:
    seconds, _, rest = text.partition(".")
    zone = "+00:00" if rest.endswith("Z") else rest[9:]
    moment = datetime.fromisoformat(seconds + zone)
    return round(moment.timestamp()) * NS_PER_S + int(rest[:9])


def _offset_s(text: str) -> int:
    offset = datetime.fromisoformat(text[:19] + text[29:]).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
