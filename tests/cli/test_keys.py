"""Keys and sealing on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from biofeedback.recording.keys import KEY_VARIABLE
from biofeedback.recording.reader import open_recording
from tests.cli.terminal import Terminal
from tests.shelf import EXAMPLES


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    for name in ("calm", "ectopic"):
        shutil.copy(EXAMPLES / f"{name}.mcap", folder)
    return folder.parent


def test_recordings_are_sealed_read_and_unsealed(
    data: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    key = tmp_path / "stick" / "biofeedback.key"
    said = terminal("keys", "create", key)
    assert said.code == 0
    assert said.out.startswith(f"{key}: age1")
    assert "Whoever loses it loses every recording" in said.err
    again = terminal("keys", "create", key)
    assert (again.code, "There is one already." in again.sentence) == (1, True)

    folder = data / "recordings"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    missing = terminal("catalog", "seal", "--data", data)
    assert (missing.code, "No key was given." in missing.sentence) == (2, True)
    said = terminal("catalog", "seal", "--data", data, "--seal-key", key)
    assert (said.code, said.out, said.err) == (0, "2 recordings are sealed.\n", "")
    sealed = folder / "calm.mcap.age"
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.age" for name in before
    }
    refused = terminal("verify", sealed)
    assert (refused.code, KEY_VARIABLE in refused.sentence) == (1, True)

    monkeypatch.setenv(KEY_VARIABLE, str(key))
    assert terminal("verify", sealed).code == 0
    out = tmp_path / "export"
    assert terminal("export", sealed, "--to", "csv", "--out", out).code == 0
    said = terminal("analyze", folder)
    assert (said.code, said.out.count(" beats in ")) == (0, 2)
    said = terminal("replay", sealed, "--speed", "max", "--jsonl", tmp_path / "lines")
    assert said.code == 0
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "pulled out"))
    refused = terminal("analyze", sealed)
    assert (refused.code, "cannot be read" in refused.err) == (1, True)

    said = terminal("catalog", "unseal", "--data", data, "--seal-key", key)
    assert (said.code, said.out, said.err) == (0, "2 recordings are unsealed.\n", "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_one_that_fails_stops_none(
    data: Path, tmp_path: Path, terminal: Terminal
) -> None:
    key, folder = tmp_path / "key", data / "recordings"
    terminal("keys", "create", key)
    terminal("catalog", "seal", "--data", data, "--seal-key", key)
    sealed = folder / "calm.mcap.age"
    sealed.write_bytes(sealed.read_bytes()[:-1])
    said = terminal("catalog", "unseal", "--data", data, "--seal-key", key)
    assert (said.code, said.out) == (1, "1 recordings are unsealed.\n")
    assert "calm.mcap.age is damaged or cut off" in said.err
    assert sealed.exists()
    assert open_recording(folder / "ectopic.mcap").complete


def test_a_key_in_the_data_folder_is_refused(
    data: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "restored after this test")
    key = data / "inside.key"
    terminal("keys", "create", key)
    options = ("--data", data, "--seal-key", key)
    for command in (("run", "--no-browser"), ("catalog", "seal")):
        said = terminal(*command, *options)
        assert said.code == 2
        assert said.sentence.startswith("The key file lies in the data folder: ")
    assert len(list(data.rglob("*.mcap"))) == 2
