"""A service that has a key seals what is finished, and works on as before."""

from __future__ import annotations

import io
import signal
import sys
import zipfile
from pathlib import Path

import pytest

from biofeedback.model import Label
from biofeedback.recording.keys import KEY_VARIABLE, Key, create_key
from biofeedback.recording.reader import open_recording
from biofeedback.recording.sealed import lies_at, recordings_in, seal_all, sealed_name
from biofeedback.service.cataloguing import rebuild
from biofeedback.session.replay import verify
from biofeedback.store import Store
from biofeedback.store.erasing import erase
from tests.cli.terminal import NO_DBUS, begin, ended
from tests.service.conftest import House, Start, comes_true
from tests.service.test_history import practise
from tests.shelf import shelve


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    path = tmp_path / "stick" / "biofeedback.key"
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    return create_key(path, at="")


def plain_in(data: Path) -> list[Path]:
    return list(data.rglob("*.mcap"))


async def sealed_session(house: House) -> str:
    """Practise, and wait until the recording is sealed; return the session's id."""
    id = await practise(house, seconds=40)
    data = house.store.data
    await comes_true(lambda: house.store.session(id).state == "complete")
    await comes_true(lambda: recordings_in(data) and not plain_in(data))
    return id


async def test_a_session_is_sealed_when_it_is_finished_and_read_as_before(
    key: Key, house: House
) -> None:
    id = await sealed_session(house)
    (path,) = recordings_in(house.store.data)
    assert lies_at(path) == sealed_name(path)
    assert verify(path).ok
    base = "/api/v1"

    download = await house.browser.get(f"{base}/sessions/{id}/recording")
    assert download.status_code == 200
    assert f'filename="{id}.mcap"' in download.headers["content-disposition"]
    row = house.store.recording(id)
    assert row is not None
    assert row.size_bytes == len(download.content)
    assert row.path.endswith(f"{id}.mcap")

    listed = (await house.browser.get(f"{base}/recordings")).json()
    assert [one["id"] for one in listed["recordings"]] == [id]
    assert listed["recordings"][0]["trouble"] is None
    series = await house.browser.get(f"{base}/recordings/{id}/series")
    assert series.status_code == 200
    judged = await house.browser.post(
        f"{base}/recordings/{id}/labels", json={"index": 5, "label": Label.ECTOPIC}
    )
    assert judged.status_code == 201
    for format in ("csv", "fhir"):
        export = await house.browser.get(f"{base}/recordings/{id}/exports/{format}")
        assert export.status_code == 200, export.text
    again = await house.browser.post(f"{base}/sessions/{id}/replay", json={"speed": 4})
    assert again.status_code == 201, again.text
    await house.browser.post(f"{base}/sessions/{again.json()['id']}/stop")

    # What is the person's they get as it is, and not sealed for a key they lack.
    mine = await house.browser.get(f"{base}/my-data")
    with zipfile.ZipFile(io.BytesIO(mine.content)) as archive:
        assert archive.testzip() is None
        (name,) = [name for name in archive.namelist() if name.endswith(".mcap")]
        assert archive.read(name) == download.content
        assert not [name for name in archive.namelist() if name.endswith(".age")]

    async def erased() -> bool:
        answer = await house.browser.post(
            f"{base}/my-data/erase", json={"confirm": "erase"}
        )
        return answer.status_code == 200

    for _ in range(200):
        if await erased():
            break
        await house.pass_time(0.25)
    assert recordings_in(house.store.data) == ()


async def test_without_the_key_it_is_told_what_to_do(
    key: Key, start_house: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_house() as house:
        id = await sealed_session(house)
    monkeypatch.delenv(KEY_VARIABLE)
    async with start_house() as house:
        for path in (
            *(f"sessions/{id}/recording", f"recordings/{id}/series"),
            *(f"recordings/{id}/exports/csv", "my-data"),
        ):
            answer = await house.browser.get(f"/api/v1/{path}")
            assert answer.status_code == 503, path
            said = answer.json()
            assert "is sealed, and no key was given" in said["detail"]
            assert KEY_VARIABLE in said["advice"]
        # What needs no recording goes on, and a new session is recorded unsealed.
        assert (await house.browser.get("/api/v1/recordings")).status_code == 200
        new = await practise(house, seconds=10)
        await comes_true(lambda: house.store.session(new).state == "complete")
        assert [path.stem for path in plain_in(house.store.data)] == [new]


async def test_the_next_start_seals_what_was_left(key: Key, start_house: Start) -> None:
    async with start_house() as house:
        data = house.store.data
        _, path = shelve(house.store, "calm")
        truth = open_recording(path).survey()
    # A start that was killed at worst left both, and a half one.
    half = sealed_name(path)
    half.with_name(half.name + ".tmp").write_bytes(b"half")
    half.write_bytes(b"an older attempt")
    async with start_house():
        await comes_true(lambda: not plain_in(data))
    assert {one.name for one in path.parent.iterdir()} == {half.name}
    assert open_recording(path).survey() == truth


async def test_a_catalogue_is_made_anew_of_sealed_recordings(
    key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "data")
    for name in ("calm", "ectopic"):
        shelve(store, name)
    rebuild(store)
    before = (store.sessions(), store.recordings())
    assert seal_all(store.data, key).n == 2
    found = rebuild(store)
    assert (found.n_recordings, found.refused, found.missing) == (2, (), ())
    assert (store.sessions(), store.recordings()) == before
    # Without the key nothing is taken for lost.
    monkeypatch.delenv(KEY_VARIABLE)
    found = rebuild(store)
    assert (found.n_recordings, len(found.refused), found.missing) == (0, 2, ())
    assert (store.sessions(), store.recordings()) == before
    store.close()


async def test_erasing_finds_a_sealed_copy_and_asks_for_the_key_if_need_be(
    key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "data")
    person = store.person_called("example")
    _, path = shelve(store, "calm")
    store.person_called("somebody else")
    copy = path.with_name("copy.mcap")
    copy.write_bytes(path.read_bytes())
    assert seal_all(store.data, key).n == 2
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(Exception, match=r"copy\.mcap\.age is sealed") as told:
        erase(store, person.id)
    assert KEY_VARIABLE in str(told.value)
    assert len(recordings_in(store.data)) == 2  # nothing is gone by half
    assert not (store.data / "erasing").exists()
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "stick" / "biofeedback.key"))
    assert erase(store, person.id).n_files == 2
    assert recordings_in(store.data) == ()
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill.")
def test_run_seals_with_the_key_it_is_given(tmp_path: Path) -> None:
    data, key = tmp_path / "data", tmp_path / "stick.key"
    create_key(key, at="")
    store = Store(data)
    shelve(store, "calm")
    store.close()
    options = ("--no-browser", "--port", "0", "--data", data, "--seal-key", key)
    with begin("run", *options, env=NO_DBUS) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready: ")
        process.send_signal(signal.SIGTERM)  # it ends in order: what it began is done
        assert ended(process).code == 0
    assert plain_in(data) == []
    assert len(recordings_in(data)) == 1
