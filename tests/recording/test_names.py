"""A strap is told from others without a way back to it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import msgspec
import pytest

from biofeedback.recording.names import (
    KEY_BYTES,
    KEY_NAME,
    device_hash,
    device_key,
    without_serial,
)
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import RecordingWriter
from tests.recording.samples import INFO

NAME = "Polar H10 1A2B3C4D"


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = device_key(tmp_path)
    assert len(key) == KEY_BYTES
    assert device_key(tmp_path) == key
    assert device_key(tmp_path / "another") != key
    if sys.platform != "win32":
        mode = (tmp_path / KEY_NAME).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_straps_are_told_apart_by_the_same_key_only(tmp_path: Path) -> None:
    key, other = device_key(tmp_path / "a"), device_key(tmp_path / "b")
    assert device_hash(key, NAME) == device_hash(key, NAME)
    assert device_hash(key, NAME) != device_hash(key, "Polar H10 1A2B3C4E")
    assert device_hash(key, NAME) != device_hash(other, NAME)


def test_a_recording_holds_the_hash_and_not_the_number(tmp_path: Path) -> None:
    hashed = device_hash(device_key(tmp_path), NAME)
    info = msgspec.structs.replace(INFO, strap_name=NAME, device_hash=hashed)
    path = tmp_path / "a.mcap.part"
    RecordingWriter(path, info).close()
    assert open_recording(path).info.device_hash == hashed
    assert open_recording(path).info.strap_name == without_serial(NAME) == "Polar H10"
    assert b"1A2B3C4D" not in path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_key_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(OSError, match="damaged"):
        device_key(tmp_path)
