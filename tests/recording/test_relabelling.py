"""The layer of labels beside a recording: kept, checked, and never a wrong label."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Label
from biofeedback.recording.relabelling import (
    Change,
    append,
    read_layer,
    relabelled,
    sidecar_of,
)
from biofeedback.recording.tables import Tables, read_tables
from tests.conftest import ROOT

EXAMPLE = ROOT / "recordings" / "examples" / "ectopic.mcap"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path / "one.mcap"))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return read_tables(EXAMPLE)


def change(index: int, label: Label, **more: object) -> Change:
    fields = {"at_utc_ns": 1, "by": "rater-1", "was": Label.NORMAL, **more}
    return Change(index=index, label=label, **fields)  # type: ignore[arg-type]


def test_later_labels_of_a_beat_count_and_the_recording_stays_as_it_is(
    recording: Path, tables: Tables
) -> None:
    before = hashlib.sha256(recording.read_bytes()).digest()
    assert read_layer(recording).changes == ()
    beats = tables.beats
    flagged = int(beats.index[beats.label != "normal"][0])
    first = change(7, Label.ARTEFACT, comment="ein Husten 😮\nzwei")
    second = change(7, Label.EXTRA, was=Label.ARTEFACT, at_utc_ns=2)
    third = change(flagged, Label.NORMAL, was=Label.ECTOPIC)
    for one in (first, second, third):
        append(recording, one, beats)
    layer = read_layer(recording)
    assert layer.changes == (first, second, third)
    assert layer.trouble is None
    assert layer.latest == {7: second, flagged: third}
    seen = relabelled(beats, layer)
    assert seen.label[7] == "extra"
    assert np.isnan(seen.nn_ms[7])
    assert seen.label[flagged] == "normal"
    assert seen.nn_ms[flagged] == beats.rr_ms[flagged]
    others = ~np.isin(beats.index, (7, flagged))
    assert (seen.label[others] == beats.label[others]).all()
    assert beats.label[7] == "normal", "what was read stays as it was"
    assert hashlib.sha256(recording.read_bytes()).digest() == before
    assert sidecar_of(recording).stat().st_mode & 0o077 == 0


def test_a_torn_last_line_is_left_out_and_said_and_more_can_follow(
    recording: Path, tables: Tables
) -> None:
    append(recording, change(3, Label.MISSED), tables.beats)
    append(recording, change(4, Label.EXTRA), tables.beats)
    path = sidecar_of(recording)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        layer = read_layer(recording)
        assert list(layer.latest) == [3]
        assert layer.trouble is not None
        assert "was not written to its end" in layer.trouble
    append(recording, change(5, Label.ECTOPIC), tables.beats)
    layer = read_layer(recording)
    assert list(layer.latest) == [3, 5]
    assert layer.trouble is not None
    assert "Line 2" in layer.trouble
    # Only the line's end is missing: it was written whole.
    path.write_bytes(whole[:-1])
    assert list(read_layer(recording).latest) == [3, 4]


def test_no_flipped_bit_makes_a_label(recording: Path, tables: Tables) -> None:
    kept = [change(3, Label.MISSED), change(4, Label.EXTRA, comment="why")]
    for one in kept:
        append(recording, one, tables.beats)
    path = sidecar_of(recording)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        layer = read_layer(recording)
        assert set(layer.changes) <= set(kept)
        if len(layer.changes) < len(kept):
            assert layer.trouble is not None


def test_what_is_not_a_layer_is_said(recording: Path, tables: Tables) -> None:
    path = sidecar_of(recording)
    path.mkdir()
    with pytest.raises(RecordingError, match="It is a folder"):
        read_layer(recording)
    path.rmdir()
    append(recording, change(0, Label.EXTRA), tables.beats)
    line = json.loads(path.read_bytes())
    path.write_text(json.dumps({**line, "label": "normal"}) + "\n", "utf-8")
    assert read_layer(recording).changes == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (change(99_999, Label.EXTRA), "no beat 99999"),
        (change(1, Label.EXTRA, by=""), "who gave it"),
        (change(1, Label.EXTRA, comment="x" * 501), "too long"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    recording: Path, tables: Tables, wrong: Change, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        append(recording, wrong, tables.beats)
    assert not sidecar_of(recording).exists()
    with pytest.raises(RecordingError, match="no recording"):
        append(recording.with_name("two.mcap"), change(1, Label.EXTRA), tables.beats)
