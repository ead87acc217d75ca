"""A sealed recording reads as before with its key, and not at all without."""

from __future__ import annotations

import io
import resource
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback import open as open_any
from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Label
from biofeedback.recording.durable import sha256_of as sha256_of_file
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.exporters.registry import export
from biofeedback.recording.keys import (
    KEY_VARIABLE,
    DamagedError,
    Key,
    WrongKeyError,
    create_key,
    read_key,
)
from biofeedback.recording.reader import open_recording
from biofeedback.recording.relabelling import Change, append, read_layer, sidecar_of
from biofeedback.recording.sealed import (
    NoKeyError,
    is_there,
    lies_at,
    opened,
    recordings_in,
    seal,
    seal_all,
    sealed_name,
    sha256_of,
    unseal,
    unseal_all,
)
from biofeedback.recording.tables import read_tables
from biofeedback.session.analysis import analyze_file
from biofeedback.session.replay import verify
from tests.recording.faults import sealing
from tests.recording.faults.nursery import Nursery
from tests.shelf import EXAMPLES

WHEN = "2026-11-26T10:00:00+00:00"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    path = tmp_path / "stick" / "biofeedback.key"
    monkeypatch.setenv(KEY_VARIABLE, str(path))
    return create_key(path, at=WHEN)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return Path(shutil.copy(EXAMPLES / "ectopic.mcap", folder / "a.mcap"))


@pytest.fixture
def sealed(plain: Path, key: Key) -> Path:
    """Return the name of a recording that lies sealed."""
    seal(plain, key)
    return plain


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_nothing_of_it_lies_plainly_any_more(plain: Path, key: Key) -> None:
    person = open_recording(plain).info.person.encode()
    seal(plain, key)
    assert names(plain.parent) == {"a.mcap.age"}
    there = lies_at(plain)
    assert there == sealed_name(plain)
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    content = there.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert b"MCAP0" not in content
    assert person not in content


def test_it_reads_as_before(sealed: Path, tmp_path: Path) -> None:
    original = EXAMPLES / "ectopic.mcap"
    truth = open_recording(original)
    for name in (sealed, sealed_name(sealed)):
        there = open_recording(name)
        assert there.complete
        assert there.info == truth.info
        assert there.survey() == truth.survey()
        assert there.summary() == truth.summary()
        assert read_tables(name).sha256 == sha256_of_file(original)
        assert verify(name).ok
        assert open_any(name).info.sha256 == sha256_of_file(original)
        analysis = analyze_file(name)
        expected = analyze_file(original)
        for each in (analysis, expected):
            each["file"] = each["provenance"]["input"]["name"] = "the same"
        assert analysis == expected
    assert sha256_of(sealed) == sha256_of_file(original)
    assert is_there(sealed)
    options = ExportOptions(free_text=False, dates=False, created_at_utc_ns=0)
    for name, folder in ((original, "a"), (sealed, "b")):
        export(name, "csv", tmp_path / folder, options)
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()
    }


def test_labels_lie_beside_it_as_before(sealed: Path) -> None:
    change = Change(
        at_utc_ns=1, by="R-7Q2M9K", index=5, label=Label.ECTOPIC, was=Label.NORMAL
    )
    append(sealed, change, read_tables(sealed).beats)
    assert read_layer(sealed).changes == (change,)
    assert read_layer(sealed_name(sealed)).changes == (change,)
    assert sidecar_of(sealed_name(sealed)).name == "a.labels.jsonl"


def test_without_its_key_it_says_what_to_do(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(NoKeyError, match="is sealed, and no key was given") as none:
        open_recording(sealed)
    assert KEY_VARIABLE in none.value.advice
    other = tmp_path / "other.key"
    create_key(other, at=WHEN)
    monkeypatch.setenv(KEY_VARIABLE, str(other))
    with pytest.raises(WrongKeyError, match="does not open with this key"):
        open_recording(sealed)
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "pulled out.key"))
    with pytest.raises(NoKeyError, match=r"'pulled out\.key' cannot be read"):
        open_recording(sealed)
    assert not verify(sealed).ok  # a sentence, and no exception


def test_a_new_key_is_put_before_the_old_one(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = create_key(tmp_path / "new.key", at=WHEN)
    both = tmp_path / "both.key"
    old = tmp_path / "stick" / "biofeedback.key"
    both.write_bytes((tmp_path / "new.key").read_bytes() + old.read_bytes())
    monkeypatch.setenv(KEY_VARIABLE, str(both))
    assert verify(sealed).ok
    unseal(sealed, read_key(both))
    seal(sealed, read_key(both))
    unseal(sealed, new)


def test_a_flipped_bit_is_found(sealed: Path) -> None:
    there = lies_at(sealed)
    whole = there.read_bytes()
    places = [*range(0, 300, 7), *range(300, len(whole), 4001), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        there.write_bytes(damaged)
        with pytest.raises((DamagedError, WrongKeyError)):
            opened(sealed)
    for length in (0, 10, 250, 70_000, len(whole) - 1):
        there.write_bytes(whole[:length])
        with pytest.raises(DamagedError):
            opened(sealed)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"", "is no key file"),
        (b"age1qqqq", "is no key file"),
        (b"AGE-SECRET-KEY-1MISTYPED", "is no key file"),
        (bytes(100), "is no key file"),
    ],
    ids=["absent", "empty", "public", "mistyped", "zeros"],
)
def test_what_is_no_key_file(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "a.key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=why) as told:
        read_key(path)
    assert "MISTYPED" not in str(told.value)


def test_a_key_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    key = create_key(path, at=WHEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path).public == key.public
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="There is one already"):
        create_key(path, at=WHEN)
    assert path.read_bytes() == before


def test_all_of_a_folder_are_sealed_and_unsealed(tmp_path: Path, key: Key) -> None:
    for name in ("calm", "ectopic"):
        (tmp_path / "2026" / name).mkdir(parents=True)
        shutil.copy(EXAMPLES / f"{name}.mcap", tmp_path / "2026" / name / "x.mcap")
    journal = tmp_path / "2026" / "live.mcap.part"
    journal.write_bytes(b"goes on")
    shutil.copy(EXAMPLES / "dropouts.mcap", tmp_path / "unclosed.mcap")
    (tmp_path / "unclosed.mcap.part").write_bytes(b"compared with that")
    before = {path: path.read_bytes() for path in recordings_in(tmp_path)}
    assert len(before) == 3
    for n in (2, 0):
        done = seal_all(tmp_path, key)
        assert done.n == n
        assert "unclosed.mcap was not closed to its end" in done.refused[0]
    assert recordings_in(tmp_path) == tuple(before)
    assert [path for path in before if path.exists()] == [tmp_path / "unclosed.mcap"]
    damaged = lies_at(next(iter(before)))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    done = unseal_all(tmp_path, key)
    assert done.n == 1
    assert "damaged or cut off" in done.refused[0]
    assert damaged.exists()
    damaged.write_bytes(whole)
    assert unseal_all(tmp_path, key).n == 1
    assert {path: path.read_bytes() for path in recordings_in(tmp_path)} == before
    assert journal.read_bytes() == b"goes on"


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow beyond 10 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit.")
@pytest.mark.parametrize("turn", ["seal", "unseal"])
def test_without_room_nothing_is_lost(
    turn: str, plain: Path, key: Key, request: pytest.FixtureRequest
) -> None:
    before = plain.read_bytes()
    if turn == "unseal":
        seal(plain, key)
    left = names(plain.parent)
    request.getfixturevalue("no_room")
    with pytest.raises(RecordingError, match=f"could not be {turn}ed; it is whole"):
        sealing.TURNS[turn](plain, key)
    assert names(plain.parent) == left
    with opened(plain) as file:
        assert file.read() == before


def test_a_write_that_fails_last_is_not_swallowed(key: Key) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        key.encrypt(io.BytesIO(b"a few bytes"), io.BufferedWriter(Full(), 1))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9.")
@pytest.mark.parametrize("turn", ["seal", "unseal"])
def test_a_kill_at_each_step_leaves_a_whole_copy(
    turn: str, tmp_path: Path, key: Key
) -> None:
    source = tmp_path / "whole.mcap"
    shutil.copy(EXAMPLES / "calm.mcap", source)
    truth = open_recording(source).survey()
    if turn == "unseal":
        seal(source, key)
    whole = lies_at(source)
    moments = []
    with Nursery(sealing.ME, "pyrage") as nursery:
        for n in range(1, 60):
            path = tmp_path / f"{n}" / "a.mcap"
            path.parent.mkdir()
            suffix = whole.name.removeprefix("whole.mcap")
            shutil.copy(whole, path.with_name(path.name + suffix))
            left = sealing.interrupt(nursery, turn, path, n, truth)
            if left is not None:
                assert left.same, left
                moments.append(left.before)
                sealing.TURNS[turn](path, key)  # as the next start does
            wanted = sealed_name(path) if turn == "seal" else path
            assert names(path.parent) == {wanted.name}
            assert open_recording(path).survey() == truth
            if left is None:
                break
    old, new = ("a.mcap", "a.mcap.age")[:: 1 if turn == "seal" else -1]
    assert f"open {new}.tmp" in moments
    assert f"os.rename {new}.tmp" in moments
    assert f"os.remove {old}" in moments
