"""A person's data on the command line: all of it in a ZIP, or gone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.service.cataloguing import rebuild
from biofeedback.store import DataLock, Purpose, Role, Store, Stream
from tests.cli.terminal import Said, Terminal

EXAMPLES = Path(__file__).parents[2] / "recordings/examples"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data/recordings/2026/11"
    folder.mkdir(parents=True)
    for name in ("calm", "dropouts"):
        id = open_recording(EXAMPLES / f"{name}.mcap").info.id
        shutil.copy(EXAMPLES / f"{name}.mcap", folder / f"{id}.mcap")
    store = Store(tmp_path / "data")
    rebuild(store)
    store.close()
    return tmp_path / "data"


def test_all_is_exported_and_then_erased(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    out = tmp_path / "mine.zip"
    said = terminal("person", "export", "--out", out, "--data", data)
    assert (said.code, said.err) == (0, "")
    assert "2 recordings" in said.out
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if name.endswith(".mcap"):
                assert archive.read(name) == (data / name).read_bytes()
    again = terminal("person", "export", "--out", out, "--data", data)
    assert again.code == 1  # never over a file that is there
    assert "There is one already" in again.err

    asked = terminal("person", "erase", "--data", data)
    assert asked.code == 2
    assert "Add --yes to erase." in " ".join(asked.err.split())
    assert len(list(data.rglob("*.mcap"))) == 2
    done = terminal("person", "erase", "--yes", "--data", data)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("2 sessions and 2 files are erased.")
    assert list(data.rglob("*.mcap")) == []
    back = terminal("person", "restore", out, "--data", data)
    assert (back.code, back.err) == (0, "")
    assert back.out == "2 recordings, 0 late answers and 0 notes of example are here.\n"
    assert len(list(data.rglob("*.mcap"))) == 2
    assert terminal("person", "erase", "--yes", "--data", data).code == 0
    nobody = terminal("person", "erase", "--yes", "--data", data)
    assert nobody.code == 1
    assert "nothing here about anybody" in nobody.err


def test_it_stands_in_the_audit(data: Path, tmp_path: Path, terminal: Terminal) -> None:
    out = tmp_path / "mine.zip"
    for words in (("export", "--out", out), ("restore", out), ("erase", "--yes")):
        assert terminal("person", *words, "--data", data).code == 0
    store = Store(data)
    rows = store.audit.newest(9)
    assert [(row.actor, row.action) for row in reversed(rows)] == [
        ("console", "my_data.take"),
        ("console", "my_data.restore"),
        ("console", "my_data.erase"),
    ]
    assert len({row.subject for row in rows}) == 1
    store.close()


def test_staff_whom_consents_name_stay(data: Path, terminal: Terminal) -> None:
    store = Store(data)
    mira = store.person()
    kim = store.accounts.add(name="kim", display="Dr. Kim", role=Role.THERAPIST)
    root = store.accounts.add(name="root", display="Root", role=Role.ADMIN)
    store.consents.grant(
        person_id=mira.id,
        account_id=kim.id,
        grants=[(Stream.HEART, Purpose.LIVE)],
        expires_at_utc_ns=store.now_ns() + 1,
        text_version="1",
    )
    names = {person.id: person.pseudonym for person in store.people()}
    store.close()

    def erase(person_id: str) -> Said:
        options = ("--yes", "--data", data, "--person", names[person_id])
        return terminal("person", "erase", *options)

    assert f"'biofeedback user revoke {kim.code}'" in erase(kim.person_id).sentence
    assert "the only administrator" in erase(root.person_id).sentence
    assert erase(mira.id).code == 0, "with it her receipts go"
    assert erase(kim.person_id).code == 0


def test_others_are_not_meant(data: Path, tmp_path: Path, terminal: Terminal) -> None:
    said = terminal("person", "erase", "--yes", "--data", data, "--person", "nobody")
    assert said.code == 1
    assert "Known here: example." in said.err
    with DataLock(data):
        held = terminal("person", "export", "--out", tmp_path / "a.zip", "--data", data)
    assert held.code == 1
    assert "already using this data folder" in held.err
    assert not (tmp_path / "a.zip").exists()


def test_what_is_no_archive_is_refused(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    out = tmp_path / "bad.zip"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("person.json", '{"pseudonym": "P-1"}')
        archive.writestr("recordings/../../evil.mcap", "x")
    said = terminal("person", "restore", out, "--data", data)
    assert said.code == 1
    assert "no archive of a person's data" in said.err
    assert not list(tmp_path.parent.rglob("evil.mcap"))
    out.write_text("not a zip")
    assert terminal("person", "restore", out, "--data", data).code == 1
    missing = terminal("person", "restore", tmp_path / "none.zip", "--data", data)
    assert missing.code == 1
    assert "It is not there." in missing.err
