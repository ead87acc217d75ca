"""Everything of one person as the files of one archive, written as it is read.

Nothing of the archive lies on a disk before it is where the person wants it: whole
copies of what is private would have to be looked after too.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgspec

from biofeedback.recording.keys import DamagedError
from biofeedback.recording.relabelling import sidecar_of
from biofeedback.recording.sealed import SUFFIX, is_there, opened
from biofeedback.store import Person, RecordingRow, SessionRow, SessionState, Store
from biofeedback.store.audit import tag

CHUNK_BYTES = 256 << 10
NS_PER_S = 1_000_000_000
NAME = "biofeedback-my-data.zip"

DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The times of files in the ZIP would tell when it was made; the files say theirs."""

File: TypeAlias = tuple[str, Path | bytes | IO[bytes]]

READ_ME = """\
Your data from Biofeedback
==========================

Person: {pseudonym}

This is everything that is kept about you, and what each file holds. All tables are
UTF-8 with commas. Times that end in Z are UTC; others say how far they are from it.

recordings/          One file for each session: every byte that your strap sent, what
                     you entered, and what was shown. The format is MCAP; the file
                     recordings/README.md of the program describes it. A file that ends
                     in .labels.jsonl holds what somebody said later of single beats.
sessions.csv         Each session: when it was, which strap, and how it ended.
ratings.csv          Each answer, with the question word for word. "in_recording" says
                     whether it stands in the recording too.
practices.csv        What was practised in each session, how long and at which pace.
diary.csv            What you noted outside of sessions.
resonance.json       What assessments of your breathing pace found, and how surely.
sign-ins.csv         When a browser signed in here. Without its secret.
consents.csv         What you let whom see, for what, from when to when. People stand
                     in it by the code that "Who may see" shows beside their name.
copies.csv           That a clinic may keep copies of what you record at home.
looks.csv            Who saw or did what about you, by the same codes.
account.json         How you sign in, where several share a service. Without secrets.
person.json          Your pseudonym, and since when it is known.

To bring all of it back, here or on another computer, type:

    biofeedback person restore {name}

The folder "recordings" alone is enough for a catalogue of what stands in recordings:
put it into a data folder and type  biofeedback catalog rebuild

Photos that you chose for a practice, and how you like to practise, are kept by your
browser alone. They are not in this file.
{missing}"""


def my_data(
    store: Store, person: Person, *, elsewhere: Collection[str] = ()
) -> tuple[File, ...]:
    """Return the files of one person: names in the archive, and what is in them.

    Recordings of sessions that still go on are not among them. Blocks.

    Parameters
    ----------
    elsewhere
        Sessions whose files come from other nodes besides these.

    Raises
    ------
    StoreError
        When the store cannot be read.
    RecordingError
        When a recording is sealed and does not open.
    """
    sessions = store.sessions_of(person.id)
    recordings = store.recordings()
    files: list[File] = []
    missing: list[str] = []
    for session in sessions:
        row = recordings.get(session.id)
        if row is None or session.id in elsewhere:
            continue
        there = files_of(store, session, row)
        if not there or there[0][0] != row.path:
            missing.append(f"{session.started_at_utc_ns} {row.path}")
        files += there
    said = ""
    if missing:
        said = f"\nOf {len(missing)} sessions no recording is there (yet).\n"
    texts = {
        "README.txt": READ_ME.format(
            pseudonym=person.pseudonym, name=NAME, missing=said
        ).encode(),
        "person.json": _json(
            {
                "pseudonym": person.pseudonym,
                "created_at": _utc(person.created_at_utc_ns),
            }
        ),
        "sessions.csv": _sessions(store, sessions),
        "ratings.csv": _table(
            (
                *("session", "at", "t_ms", "type", "value", "unit", "moment"),
                *("prompt", "latency_ms", "device", "in_recording", "id"),
            ),
            (
                {
                    **msgspec.structs.asdict(rating),
                    "session": rating.session_id,
                    "at": _utc(rating.at_utc_ns),
                }
                for rating in store.ratings_of(person.id)
            ),
        ),
        "practices.csv": _practices(store, person.id, sessions),
        "diary.csv": _table(
            (
                *("at", "occasion", "group_id", "type", "value", "unit", "text"),
                *("moment", "prompt", "latency_ms", "device", "kept_at", "id"),
            ),
            (
                {
                    **msgspec.structs.asdict(note),
                    "at": _local(note.at_utc_ns, note.utc_offset_s),
                    "kept_at": _utc(note.kept_at_utc_ns),
                }
                for note in store.diary(person.id)
            ),
        ),
        "resonance.json": _json(
            [
                {
                    "session": estimate.session_id,
                    "at": _utc(estimate.at_utc_ns),
                    "rate_bpm": estimate.rate_bpm,
                    "probability": estimate.probability,
                    "rest_rr_ms": estimate.rest_rr_ms,
                    "report": msgspec.Raw(estimate.report.encode()),
                }
                for estimate in store.estimates(person.id)
            ]
        ),
        "sign-ins.csv": _table(
            ("created_at", "last_seen_at", "expires_at", "signed_out_at"),
            (
                {
                    "created_at": _utc(one.created_at_utc_ns),
                    "last_seen_at": _utc(one.last_seen_utc_ns),
                    "expires_at": _utc(one.expires_at_utc_ns),
                    "signed_out_at": _utc(one.revoked_at_utc_ns),
                }
                for one in store.sign_ins_of(person.id)
            ),
        ),
        "consents.csv": _consents(store, person.id),
        "copies.csv": _copies(store, person.id),
        "looks.csv": _looks(store, person.id),
        "account.json": _account(store, person.id),
    }
    return (*texts.items(), *files)


def files_of(store: Store, session: SessionRow, row: RecordingRow) -> tuple[File, ...]:
    """Return what lies on the disk of one session, its recording first. Blocks.

    Raises
    ------
    RecordingError
        When it is sealed and does not open.
    """
    path = store.data / row.path
    found = [sidecar_of(path)]
    if session.state not in (SessionState.LIVE, SessionState.CLOSING):
        # Journals and copies that a crash or a full disk left beside it.
        beside = sorted(path.parent.glob(f"{session.id}.mcap.*"))
        found += [one for one in beside if SUFFIX not in one.suffixes]
    there = [one for one in found if one.is_file()]
    if _opens(path):  # called by its name, it is handed out unsealed
        there.insert(0, path)
    return tuple((one.relative_to(store.data).as_posix(), one) for one in there)


def _opens(path: Path) -> bool:
    if not is_there(path):
        return False
    try:  # what cannot be told is told now, and not in the middle of a ZIP
        opened(path).close()
    except DamagedError:
        return False
    return True


def zipped(files: Iterable[File]) -> Iterator[bytes]:
    """Yield a ZIP of ``files`` piece by piece; holds one piece in memory at most.

    Recordings are packed already and go in as they are.

    Raises
    ------
    OSError, RecordingError
        When a file cannot be read: what was yielded so far is no whole ZIP.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, DOS_EPOCH)
            if isinstance(content, bytes):
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
                yield sink.take()
                continue
            with opened(content) if isinstance(content, Path) else content as source:
                info.file_size = source.seek(0, os.SEEK_END)  # above 2 GiB: ZIP64
                source.seek(0)
                with archive.open(info, "w") as target:
                    while chunk := source.read(CHUNK_BYTES):
                        target.write(chunk)
                        yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what is written, and hands it on; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


def _sessions(store: Store, sessions: Sequence[SessionRow]) -> bytes:
    recordings = store.recordings()
    rows = []
    for session in sessions:
        row = recordings.get(session.id)
        rows.append(
            {
                **msgspec.structs.asdict(session),
                "session": session.id,
                "started_at": _utc(session.started_at_utc_ns),
                "ended_at": _utc(session.ended_at_utc_ns),
                "recording": None if row is None else row.path,
                "recording_sha256": None if row is None else row.sha256,
                "loss": row.loss.sentence if row is not None and row.loss else None,
            }
        )
    return _table(
        (
            *("session", "started_at", "ended_at", "state", "plan", "source"),
            *("simulated", "strap_name", "replay_of", "speed", "recording"),
            *("recording_sha256", "loss"),
        ),
        rows,
    )


def _practices(store: Store, person_id: str, sessions: Sequence[SessionRow]) -> bytes:
    practised = store.practised(person_id)
    return _table(
        (
            *("session", "at", "practice", "minutes", "rate_bpm", "rsa_bpm"),
            *("in_phase_pct", "followed_pct", "symptom", "utc_offset_s"),
        ),
        (
            {
                **msgspec.structs.asdict(practised[session.id]),
                "session": session.id,
                "at": _utc(session.started_at_utc_ns),
            }
            for session in sessions
            if session.id in practised
        ),
    )


def _consents(store: Store, person_id: str) -> bytes:
    accounts = {account.id: account for account in store.accounts.all()}
    return _table(
        (
            *("receipt", "code", "role", "stream", "purpose", "granted_at"),
            *("expires_at", "revoked_at", "text_version"),
        ),
        (
            {
                **msgspec.structs.asdict(row),
                "receipt": row.receipt_id,
                "code": accounts[row.account_id].code,
                "role": accounts[row.account_id].role.value,
                "stream": row.stream.value,
                "purpose": row.purpose.value,
                "granted_at": _utc(row.granted_at_utc_ns),
                "expires_at": _utc(row.expires_at_utc_ns),
                "revoked_at": _utc(row.revoked_at_utc_ns),
            }
            for row in store.consents.of_person(person_id)[::-1]
        ),
    )


def _copies(store: Store, person_id: str) -> bytes:
    return _table(
        ("receipt", "home", "granted_at", "expires_at", "revoked_at", "text_version"),
        (
            {
                "receipt": row.id,
                "home": row.home_id,
                "granted_at": _utc(row.granted_at_utc_ns),
                "expires_at": _utc(row.expires_at_utc_ns),
                "revoked_at": _utc(row.revoked_at_utc_ns),
                "text_version": row.text_version,
            }
            for row in store.clinics.copies_by(person_id)
        ),
    )


def _looks(store: Store, person_id: str) -> bytes:
    key = store.audit.key_of(person_id)
    own = None if key is None else tag(key, person_id)
    return _table(
        ("at", "by", "role", "action", "outcome"),
        (
            {
                "at": _utc(row.at_utc_ns),
                "by": "you" if row.actor == own else row.actor,
                "role": row.role,
                "action": row.action,
                "outcome": row.outcome,
            }
            for row in store.audit.about(person_id)[::-1]
        ),
    )


def _account(store: Store, person_id: str) -> bytes:
    account = store.accounts.of_person(person_id)
    if account is None:
        return _json(None)
    return _json(
        {
            "code": account.code,
            "name": account.name,
            "display": account.display,
            "role": account.role.value,
            "created_at": _utc(account.created_at_utc_ns),
        }
    )


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(
        out, columns, extrasaction="ignore", lineterminator="\n", restval=""
    )
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(row.get(key)) for key in columns})
    return out.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _utc(utc_ns: int | None) -> str:
    return "" if utc_ns is None else f"{_moment(utc_ns, UTC)}Z"


def _local(utc_ns: int, utc_offset_s: int) -> str:
    zone = timezone(timedelta(seconds=utc_offset_s))
    sign = "-" if utc_offset_s < 0 else "+"
    hours, minutes = divmod(abs(utc_offset_s) // 60, 60)
    return f"{_moment(utc_ns, zone)}{sign}{hours:02d}:{minutes:02d}"


def _moment(utc_ns: int, zone: timezone) -> str:
    # To the nanosecond, which a datetime does not know.
    seconds, rest = divmod(utc_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%dT%H:%M:%S}.{rest:09d}"
