"""A backup is tested by restoring it: all of it is there again, or nothing."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from biofeedback.errors import BiofeedbackError
from biofeedback.recording import durable
from biofeedback.recording.keys import KEY_VARIABLE, Key, create_key
from biofeedback.recording.names import device_key
from biofeedback.recording.reader import open_recording
from biofeedback.recording.sealed import recordings_in, seal
from biofeedback.recording.tables import read_tables
from biofeedback.service.cataloguing import rebuild
from biofeedback.store import (
    AccessTokenRow,
    AccountRow,
    DiaryRow,
    InviteRow,
    PasskeyRow,
    Purpose,
    RatingRow,
    Role,
    SessionState,
    SignInRow,
    Store,
    Stream,
)
from biofeedback.store.archive import archived, whole_archive
from biofeedback.store.backup import MANIFEST_NAME, back_up
from biofeedback.store.engine import DATABASE_NAME, open_engine
from biofeedback.store.erasing import MARKER_NAME, erase
from biofeedback.store.moving import move
from biofeedback.store.restoring import restore
from biofeedback.store.tables import HEAD
from tests.cli.terminal import Terminal
from tests.postgres import PostgresServer
from tests.shelf import EXAMPLES

NOW_NS = 1_795_800_000_000_000_000
DAY_NS = 86_400 * 1_000_000_000
DOORS = {"sign_ins", "invites", "access_tokens"}
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of it.")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with something of everything in it."""
    data = tmp_path_factory.mktemp("whole")
    folder = data / "recordings/2026/11"
    folder.mkdir(parents=True)
    for name in ("calm", "ectopic"):
        id = open_recording(EXAMPLES / f"{name}.mcap").info.id
        shutil.copy(EXAMPLES / f"{name}.mcap", folder / f"{id}.mcap")
    (folder / f"{id}.labels.jsonl").write_text("a later judgement\n")
    (folder / "crashed.mcap.part").write_bytes(b"half a journal")
    device_key(data)
    (data / "tls").mkdir()
    (data / "tls" / "key.pem").write_bytes(b"a key of this computer's own making")
    store = Store(data, now_ns=lambda: NOW_NS)
    rebuild(store)
    fill(store, id)
    store.close()
    return data


def fill(store: Store, session_id: str) -> None:
    person = store.person()
    account = store.accounts.add(name="kim", display="Dr. Kim", role=Role.THERAPIST)
    store.consents.grant(
        person_id=person.id,
        account_id=account.id,
        grants=((Stream.HEART, Purpose.LIVE), (Stream.NOTES, Purpose.REPORT)),
        expires_at_utc_ns=NOW_NS + 30 * DAY_NS,
        text_version="1",
    )
    store.audit.add(actor="owner", role="owner", action="consent", person_id=person.id)
    store.add_rating(
        RatingRow(
            id="R" * 26,
            session_id=session_id,
            type="mood",
            value=4.0,
            unit="nrs_0_10",
            moment="after",
            at_utc_ns=NOW_NS,
            in_recording=False,
            prompt="How is your mood?",
        )
    )
    note = DiaryRow(
        id="D" * 26,
        person_id=person.id,
        occasion="day",
        group_id="G" * 26,
        type="note",
        text="rain, and it's \u00fcber =1+1",
        at_utc_ns=NOW_NS,
        utc_offset_s=3600,
        kept_at_utc_ns=NOW_NS,
    )
    store.add_to_diary([note])
    store.add_sign_in(
        SignInRow(
            token_sha256="5" * 64,
            person_id=person.id,
            created_at_utc_ns=NOW_NS,
            last_seen_utc_ns=NOW_NS,
            expires_at_utc_ns=NOW_NS + DAY_NS,
        )
    )


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


@pytest.fixture
def made(data: Path, tmp_path: Path) -> Path:
    """Return a backup of that folder."""
    out = tmp_path / "made.zip"
    back_up(data, out, now_ns=lambda: NOW_NS)
    return out


def rows_of(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    database = sqlite3.connect(data / DATABASE_NAME)
    try:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = [name for (name,) in database.execute(query)]
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}"), key=repr)
            for name in tables
        }
    finally:
        database.close()


def files_of(data: Path) -> dict[str, str]:
    """Return the SHA-256 of every file but the database and the lock."""
    return {
        path.relative_to(data).as_posix(): durable.sha256_of(path)
        for path in data.rglob("*")
        if path.is_file() and not path.name.startswith("biofeedback.")
    }


def beats_of(data: Path) -> str:
    """Return one SHA-256 over every beat of every recording."""
    digest = hashlib.sha256()
    for path in recordings_in(data):
        beats = read_tables(path).beats
        for column in (beats.t_ns, beats.rr_ms, beats.nn_ms, beats.segment):
            digest.update(column.tobytes())
    return digest.hexdigest()


def same(data: Path, again: Path) -> None:
    before, after = rows_of(data), rows_of(again)
    assert after.keys() == before.keys()
    for table in before.keys() - DOORS:
        if table == "audit":  # with what was done since
            n_rows = len(before[table])
            after[table] = sorted(sorted(after[table])[:n_rows], key=repr)
        if table == "consents":  # they are asked anew
            after[table] = [(*row[:-3], None, *row[-2:]) for row in after[table]]
        assert after[table] == before[table], table
    assert files_of(again) == files_of(data)
    assert beats_of(again) == beats_of(data)


def test_everything_is_there_again(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    out, again = tmp_path / "out" / "backup.zip", tmp_path / "again"
    said = terminal("backup", out, "--data", data)
    assert said.code == 0
    assert said.out.startswith(f"{out}: 2 recordings, 7 files, ")
    assert said.err.startswith("Whoever has this file can read all of it.")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in out.parent.iterdir()] == ["backup.zip"]
    assert not (data / f"{DATABASE_NAME}.copy").exists()

    said = terminal("restore", out, "--data", again)
    assert (said.code, said.out.count("Everyone signs in anew.")) == (0, 1)
    assert "2 people and 2 sessions" in said.out
    assert "is here again. Erase them with 'biofeedback person erase'." in said.err
    same(data, again)
    assert len(rows_of(data)["consents"]) == 2
    for path in again.rglob("*"):
        wanted = 0o700 if path == again else 0o600
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(again.stat().st_mode) == 0o700
    store = Store(again)
    verdict = store.audit.verify()
    assert verdict.whole
    actions = [row.action for row in store.audit.newest(9)]
    assert actions[-3:] == ["restore", "backup", "consent"]
    store.close()


def test_any_program_opens_it(made: Path, data: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        manifest = msgspec.json.decode(archive.read(MANIFEST_NAME))
        assert manifest["schema"] == HEAD
        for listed in manifest["files"]:
            content = archive.read(listed["name"])
            assert hashlib.sha256(content).hexdigest() == listed["sha256"]
            assert len(content) == listed["bytes"]
    names = {listed["name"] for listed in manifest["files"]}
    assert names == {DATABASE_NAME, *files_of(data)}


def test_a_restored_backup_lets_nobody_in(data: Path, tmp_path: Path) -> None:
    store = Store(data, now_ns=lambda: NOW_NS)
    account = store.accounts.all()[0]
    later_ns = NOW_NS + DAY_NS
    store.accounts.add_invite(
        InviteRow(
            id="I" * 26,
            token_sha256="1" * 64,
            role=Role.PATIENT,
            created_at_utc_ns=NOW_NS,
            expires_at_utc_ns=later_ns,
        )
    )
    store.accounts.add_token(
        AccessTokenRow(
            id="T" * 26,
            token_sha256="2" * 64,
            account_id=account.id,
            label="a program",
            scope="read",
            created_at_utc_ns=NOW_NS,
            expires_at_utc_ns=later_ns,
        )
    )
    store.close()
    back_up(data, tmp_path / "b.zip", now_ns=lambda: NOW_NS)
    restore(tmp_path / "b.zip", tmp_path / "again", now_ns=lambda: NOW_NS)
    for table in DOORS:
        mine, theirs = (
            sqlite3.connect(folder / DATABASE_NAME)
            for folder in (data, tmp_path / "again")
        )
        query = f"SELECT revoked_at_utc_ns FROM {table}"
        assert mine.execute(query).fetchall() == [(None,)], table
        assert theirs.execute(query).fetchall() == [(NOW_NS,)], table
        mine.close()
        theirs.close()


@pytest.mark.parametrize("way", ["passphrase", "recipient"])
def test_a_sealed_backup(
    way: str, data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    out, again = tmp_path / "sealed", tmp_path / "again"
    secret, other = tmp_path / "secret", tmp_path / "other"
    if way == "passphrase":
        secret.write_text("correct horse battery staple\n")
        other.write_text("incorrect horse battery staple\n")
        opening = "--passphrase-file"
        sealing: tuple[str | Path, ...] = (opening, secret)
    else:
        key = create_key(secret, at="")
        create_key(other, at="")
        sealing, opening = ("--recipient", key.public), "--seal-key"
    said = terminal("backup", out, "--data", data, *sealing)
    assert (said.code, said.err) == (0, "")
    content = out.read_bytes()
    assert b"MCAP0" not in content
    assert b"recordings/" not in content
    for options, why in (
        ((), "is sealed"),
        ((opening, other), "does not open with this"),
    ):
        said = terminal("restore", out, "--data", again, *options)
        assert said.code in (1, 2)
        assert why in said.sentence
    assert not again.exists()
    assert terminal("restore", out, "--data", again, opening, secret).code == 0
    same(data, again)
    # A bit that flips is found wherever it is.
    for place in range(0, len(content), len(content) // 12):
        out.write_bytes(flipped(content, place))
        with pytest.raises(BiofeedbackError):
            restore(
                out,
                tmp_path / "damaged",
                key=key if way == "recipient" else None,
                passphrase="correct horse battery staple",
            )
    assert {path.name for path in tmp_path.iterdir()} == {
        *("again", "data", "sealed", "secret", "other")
    }


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1 << place % 8
    return bytes(changed)


def test_each_byte_that_differs_is_found(tmp_path: Path) -> None:
    small = tmp_path / "small"
    Store(small, now_ns=lambda: NOW_NS).close()
    made = tmp_path / "made.zip"
    back_up(small, made, now_ns=lambda: NOW_NS)
    content = made.read_bytes()
    for place in range(len(content)):
        with (
            pytest.raises(BiofeedbackError, match=r"is damaged|is no backup"),
            whole_archive(io.BytesIO(flipped(content, place)), "it"),
        ):
            pass
    target = tmp_path / "again"
    for place in range(0, len(content), len(content) // 20):
        made.write_bytes(flipped(content, place))
        with pytest.raises(BiofeedbackError, match=r"is damaged|is no backup"):
            restore(made, target)
    for length in (0, 1, 100, len(content) // 2, len(content) - 1):
        made.write_bytes(content[:length])
        with pytest.raises(BiofeedbackError, match=r"is damaged|is no backup"):
            restore(made, target)
    assert not target.exists()
    made.write_bytes(content)
    restore(made, target)


def rewritten(
    made: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]
) -> None:
    """Make another archive of one, whole by its own digest: somebody meant it."""
    with zipfile.ZipFile(made) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = msgspec.json.decode(files.pop(MANIFEST_NAME))
    change(manifest, files)
    files[MANIFEST_NAME] = msgspec.json.encode(manifest)
    made.write_bytes(b"".join(archived((n, (c,)) for n, c in files.items())))


def listing(manifest: dict[str, Any], name: str, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    entry = {"name": name, "bytes": len(content), "sha256": sha256}
    manifest["files"].append(entry)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/tmp/evil", "a/../../evil", "a\\evil", "C:evil", "a//evil", "./evil"],
    ids=["up", "absolute", "up inside", "backslash", "drive", "twice", "dot"],
)
def test_no_path_leads_out_of_the_folder(name: str, made: Path, tmp_path: Path) -> None:
    def add(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files[name] = b"evil"
        listing(manifest, name, b"evil")

    rewritten(made, add)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BiofeedbackError, match="do not belong into a data folder"):
        restore(made, tmp_path / "again")
    assert sorted(tmp_path.rglob("*")) == before


def newer_schema(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
    manifest["schema"] = "9999"


def newer_format(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
    manifest["format"] = "biofeedback-backup/2"


def lies_about_the_schema(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
    manifest["schema"] = "0001"


def unlisted(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["more"] = b"more"


def absent(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["tls/key.pem"]


def other_content(_manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tls/key.pem"] = files["tls/key.pem"].swapcase()


def unpacks_to_more(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["bomb"] = bytes(5_000_000)
    listing(manifest, "bomb", b"\0")


def no_database(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del files[DATABASE_NAME]
    manifest["files"] = [f for f in manifest["files"] if f["name"] != DATABASE_NAME]


def damaged_database(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    content = files[DATABASE_NAME][:8192] + bytes(len(files[DATABASE_NAME]) - 8192)
    no_database(manifest, files)
    files[DATABASE_NAME] = content
    listing(manifest, DATABASE_NAME, content)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (newer_schema, "was made by a newer version"),
        (newer_format, "was made by a newer version"),
        (lies_about_the_schema, "is damaged"),
        (unlisted, "is damaged"),
        (absent, "is damaged"),
        (other_content, "is damaged"),
        (unpacks_to_more, "is damaged"),
        (no_database, "do not belong into a data folder"),
        (damaged_database, "cannot be read"),
    ],
)
def test_what_is_not_restored(
    change: Callable[[dict[str, Any], dict[str, bytes]], None],
    why: str,
    made: Path,
    tmp_path: Path,
) -> None:
    rewritten(made, change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BiofeedbackError, match=why):
        restore(made, tmp_path / "again")
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_written_over(
    data: Path,
    made: Path,
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = made.read_bytes()
    said = terminal("backup", made, "--data", data)
    assert (said.code, "There is one already." in said.sentence) == (1, True)
    assert made.read_bytes() == before
    said = terminal("restore", made, "--data", data)
    assert (said.code, "is not empty" in said.sentence) == (2, True)
    said = terminal("backup", data / "b.zip", "--data", data)
    assert (said.code, "inside of the data folder" in said.sentence) == (2, True)
    said = terminal("backup", tmp_path / "b.zip", "--data", tmp_path / "nowhere")
    assert (said.code, "There is nothing to back up" in said.sentence) == (1, True)
    assert not (tmp_path / "nowhere").exists()
    wrong: tuple[str | Path, ...] = ("--recipient", "age1nobody")
    said = terminal("backup", tmp_path / "b.zip", "--data", data, *wrong)
    assert (said.code, "is no public key of age" in said.sentence) == (2, True)
    (tmp_path / "short").write_text("secret\n")
    wrong = ("--passphrase-file", tmp_path / "short")
    said = terminal("backup", tmp_path / "b.zip", "--data", data, *wrong)
    assert (said.code, "too short to be safe" in said.sentence) == (2, True)
    (data / MARKER_NAME).write_text("{}")
    said = terminal("backup", tmp_path / "b.zip", "--data", data)
    assert (said.code, "is being erased" in said.sentence) == (1, True)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "made.zip", "short"}
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "lost"))  # and not needed
    assert terminal("restore", made, "--data", tmp_path / "empty").code == 0


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow beyond 64 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@UNIX
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_without_room_nothing_half_is_left(
    sealed: bool,
    data: Path,
    made: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    recipient = create_key(tmp_path / "key", at="").public if sealed else None
    before = sorted(tmp_path.iterdir())
    request.getfixturevalue("no_room")
    with pytest.raises(BiofeedbackError, match=r"could not be written.*may not grow"):
        back_up(data, tmp_path / "b.zip", recipient=recipient)
    with pytest.raises(BiofeedbackError, match=r"could not be restored.*may not grow"):
        restore(made, tmp_path / "again")
    assert sorted(tmp_path.iterdir()) == before


BACKS_UP = """
import os, signal, sys
from pathlib import Path
from biofeedback.store import backup

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

backup._publish = killed
backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@UNIX
def test_after_a_kill_it_is_simply_done_again(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    child = subprocess.run(
        [sys.executable, "-c", BACKS_UP, data, out], check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL
    assert not out.exists()
    back_up(data, out)
    (tmp_path / ".again.restoring").mkdir()
    (tmp_path / ".again.restoring" / "half").write_text("of a restore that was killed")
    restore(out, tmp_path / "again")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "b.zip", "again"}
    same(data, tmp_path / "again")


def test_what_goes_on_is_left_out_and_named(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    live = data / "recordings/2026/11/live.mcap.part"
    descriptor = durable.create(live)
    os.write(descriptor, b"goes on")
    assert durable.lock(descriptor)
    (data / "elsewhere").symlink_to(tmp_path)
    store = Store(data)  # the service has the database open, and writes
    store.person_called("somebody new")
    said = terminal("backup", tmp_path / "b.zip", "--data", data)
    os.close(descriptor)
    store.person_called("too late")
    store.close()
    assert said.code == 0
    assert "Left out: recordings/2026/11/live.mcap.part\n" in said.err
    assert "Left out: elsewhere\n" in said.err
    restored = restore(tmp_path / "b.zip", tmp_path / "again")
    assert restored.manifest.left_out == (
        "elsewhere",
        "recordings/2026/11/live.mcap.part",
    )
    again = Store(tmp_path / "again")
    names = {person.pseudonym for person in again.people()}
    again.close()
    assert "somebody new" in names
    assert "too late" not in names
    assert (tmp_path / "again/recordings/2026/11/crashed.mcap.part").exists()
    assert not (tmp_path / "again/recordings/2026/11/live.mcap.part").exists()


def test_sealed_recordings_stay_sealed(
    data: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    key: Key = create_key(tmp_path / "key", at="")
    before = beats_of(data)
    for path in recordings_in(data):
        seal(path, key)
    said = terminal("backup", tmp_path / "b.zip", "--data", data)
    assert "2 recordings in it are sealed. Their key is not in it" in said.err
    restore(tmp_path / "b.zip", tmp_path / "again")
    assert len(list((tmp_path / "again").rglob("*.mcap.age"))) == 2
    assert list((tmp_path / "again").rglob("*.mcap")) == []
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    assert beats_of(tmp_path / "again") == before


def test_who_was_erased_since_can_be_erased_again(
    data: Path, made: Path, tmp_path: Path, terminal: Terminal
) -> None:
    store = Store(data)
    person, therapist = store.people()
    erase(store, person.id)
    store.close()
    options = ("--data", tmp_path / "again", "--erased-in")
    said = terminal("restore", made, *options, tmp_path / "nowhere")
    assert (said.code, "There is no data in" in said.sentence) == (2, True)
    Store(tmp_path / "foreign").close()
    said = terminal("restore", made, *options, tmp_path / "foreign")
    assert (said.code, "never known there" in said.sentence) == (2, True)
    assert not (tmp_path / "again").exists()

    said = terminal("restore", made, *options, data)
    assert said.code == 0
    assert "1 people who were erased since are erased again." in said.out
    assert "is here again" not in said.err
    again = Store(tmp_path / "again")
    assert again.people() == (therapist,)
    assert again.sessions() == ()
    assert again.audit.verify().whole
    again.close()
    assert list((tmp_path / "again").rglob("*.mcap")) == []


def consenting(data: Path) -> tuple[AccountRow, Store]:
    """Return an account that somebody consents to for long, and an open store."""
    store = Store(data, now_ns=lambda: NOW_NS)
    (kim,) = store.accounts.all()
    store.consents.grant(
        person_id=store.person().id,
        account_id=kim.id,
        grants=((Stream.HEART, Purpose.LIVE),),
        expires_at_utc_ns=NOW_NS + 20_000 * DAY_NS,
        text_version="1",
    )
    return kim, store


def test_consents_are_asked_anew(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    kim, store = consenting(data)
    store.accounts.add(name="root", display="Root", role=Role.ADMIN)
    mira = store.person().id
    back_up(data, tmp_path / "b.zip", now_ns=lambda: NOW_NS)
    store.consents.revoke(mira)
    store.accounts.revoke(kim.id)
    store.close()
    said = terminal("restore", tmp_path / "b.zip", "--data", tmp_path / "again")
    assert said.out.endswith("Everyone signs in anew. Consents are asked anew.\n")
    assert "Accounts that were ended since are good again" in said.err
    assert "'biofeedback user revoke'" in said.err
    later_ns = NOW_NS + DAY_NS
    restore(tmp_path / "b.zip", tmp_path / "later", now_ns=lambda: later_ns)
    later = Store(tmp_path / "later", now_ns=lambda: later_ns)
    assert later.consents.holding() == ()
    rows = later.consents.of_person(mira)
    ended = [row for row in rows if row.revoked_at_utc_ns == later_ns]
    assert len(ended) == 2, "one purpose of the two was granted anew before"
    newest = later.audit.about(mira, 1)[0]
    assert (newest.actor, newest.action) == ("console", "consent.revoke")
    assert later.accounts.get(kim.id).revoked_at_utc_ns is None
    later.close()


def test_what_was_ended_since_can_be_ended_again(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    kim, store = consenting(data)
    lee = store.accounts.add(
        name="lee", display="Lee", role=Role.THERAPIST, password_hash="of-then"
    )
    for id in ("lost", "kept"):
        store.accounts.add_passkey(
            PasskeyRow(
                credential_id=id,
                account_id=lee.id,
                public_key="key",
                sign_count=0,
                label=id,
                created_at_utc_ns=NOW_NS,
            )
        )
    back_up(data, tmp_path / "b.zip", now_ns=lambda: NOW_NS)
    store.accounts.revoke(kim.id)
    store.accounts.set_password(lee.id, "of-now")
    store.accounts.remove_passkey(lee.id, "lost")
    store.close()
    options = ("--data", tmp_path / "again", "--erased-in", data)
    said = terminal("restore", tmp_path / "b.zip", *options)
    assert said.code == 0
    assert "1 accounts that were ended since are ended again." in said.out
    assert "are good again" not in said.err
    assert "No administrator is left." in said.err
    again = Store(tmp_path / "again")
    assert again.accounts.get(kim.id).revoked_at_utc_ns == NOW_NS
    assert again.accounts.get(lee.id).password_hash == "of-now"
    assert [one.label for one in again.accounts.passkeys(lee.id)] == ["kept"]
    assert again.consents.holding() == ()
    again.close()


def test_an_erasure_while_it_is_copied_is_noticed(data: Path, tmp_path: Path) -> None:
    asked: list[None] = []

    def now_ns() -> int:
        asked.append(None)
        if len(asked) == 3:  # the database has been copied, the files have not
            store = Store(data)
            erase(store, store.people()[1].id)
            store.close()
        return NOW_NS

    with pytest.raises(BiofeedbackError, match="somebody was erased"):
        back_up(data, tmp_path / "b.zip", now_ns=now_ns)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.fixture
def moved(data: Path, postgres: PostgresServer) -> str:
    """Return the URL of a PostgreSQL that has the rows of ``data`` now."""
    database = postgres.empty()
    source, target = open_engine(data), open_engine(data, database)
    move(source, target)
    source.dispose()
    target.dispose()
    return database


class TestSharedDatabase:
    """The same file, whichever database the rows were in."""

    def test_everything_is_there_again(
        self, data: Path, moved: str, tmp_path: Path, terminal: Terminal
    ) -> None:
        service = Store(data, moved)  # which goes on meanwhile
        out, again = tmp_path / "backup.zip", tmp_path / "again"
        said = terminal("backup", out, "--data", data, "--database", moved)
        assert said.code == 0
        assert said.out.startswith(f"{out}: 2 recordings, 7 files, ")
        assert service.audit.newest(1)[0].action == "backup"
        service.close()
        said = terminal("restore", out, "--data", again)
        assert said.code == 0
        same(data, again)

    def test_it_is_restored_into_an_empty_one(
        self,
        data: Path,
        moved: str,
        postgres: PostgresServer,
        tmp_path: Path,
        terminal: Terminal,
    ) -> None:
        out, again = tmp_path / "backup.zip", tmp_path / "again"
        back_up(data, out, database=moved, now_ns=lambda: NOW_NS)
        store = Store(data, moved, now_ns=lambda: NOW_NS)
        gone = store.person_called(store.people()[1].pseudonym)
        account = store.accounts.of_person(gone.id)
        assert account is not None
        store.accounts.revoke(account.id)
        store.close()
        into = ("restore", out, "--data", again, "--erased-in", moved)
        said = terminal(*into, "--database", moved)
        assert (said.code, "something in that database" in said.sentence) == (1, True)
        assert not again.exists()
        other = postgres.empty()
        said = terminal(*into, "--database", other)
        assert (said.code, "2 people and 2 sessions" in said.out) == (0, True)
        assert "1 accounts that were ended since are ended again" in said.out
        assert not [*again.glob(f"{DATABASE_NAME}*")]
        assert files_of(again) == files_of(data)
        store = Store(again, other)
        assert store.audit.verify().whole
        assert [row.action for row in store.audit.newest(2)][-1] == "restore"
        assert store.accounts.revoked()[0].id == account.id
        store.close()

    def test_a_session_that_went_on_does_not_keep_the_rows_out(
        self,
        data: Path,
        moved: str,
        postgres: PostgresServer,
        tmp_path: Path,
        terminal: Terminal,
    ) -> None:
        out, again = tmp_path / "backup.zip", tmp_path / "again"
        service = Store(data, moved)
        last = service.sessions_of(service.people()[0].id)[0]
        going_on = last.id[:-1] + "Z"
        service.add_session(
            msgspec.structs.replace(last, id=going_on, state=SessionState.LIVE)
        )
        service.close()
        back_up(data, out, database=moved, now_ns=lambda: NOW_NS)
        other = postgres.empty()
        assert terminal("restore", out, "--data", again, "--database", other).code == 0
        store = Store(again, other)
        # Its node finds at its start what became of it.
        assert [row.id for row in store.unfinished()] == [going_on]
        store.close()
