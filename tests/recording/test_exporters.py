"""What holds of every export: what leaves with it, and where it is put."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Entry
from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    iso_utc,
)
from biofeedback.recording.exporters.provenance import provenance_of
from biofeedback.recording.exporters.registry import FORMATS, export, exporter
from biofeedback.recording.tables import Tables, read_tables
from biofeedback.recording.writer import RecordingWriter
from tests.recording.exporting import (
    DEFAULT,
    NAME,
    TOLD,
    dates_of,
    every_byte,
    need,
)
from tests.recording.samples import EVERY_RECORD, INFO

OURS = ("csv", "kubios", "elite-hrv", "bids", "fhir", "omh", "parquet")


Exports = Callable[[str], tuple[Path, Exported]]


@pytest.fixture(scope="module")
def exports(sitting: Path, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The sitting in each format, as nobody asked for more; made when first wanted."""

    @cache
    def made(name: str) -> tuple[Path, Exported]:
        need(name)
        out = tmp_path_factory.mktemp(name) / "out"
        return out, export(sitting, name, out, DEFAULT)

    return made


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_typed_and_no_date_leaves_by_default(
    name: str, exports: Exports, tables: Tables
) -> None:
    out, exported = exports(name)
    content = every_byte(out.parent)
    for word in (*NAME.split(), "Muster", "HYPERLINK", "dose"):
        assert word.encode() not in content
    for date in dates_of(tables):
        assert date not in content, date
    assert any("Dates" in note for note in exported.notes)


@pytest.mark.parametrize("name", FORMATS)
def test_it_says_where_it_comes_from(
    name: str, exports: Exports, tables: Tables
) -> None:
    out, _ = exports(name)
    content = every_byte(out.parent)  # some have a file beside them that tells it
    for said in (tables.sha256, "imulated heart", "biofeedback-signal/"):
        assert said.encode() in content
    assert re.search(rb"P.?007", content), "the pseudonym stays"


@pytest.mark.parametrize("name", FORMATS)
def test_only_their_owner_reads_the_files(name: str, exports: Exports) -> None:
    out, exported = exports(name)
    assert {stat.S_IMODE(path.stat().st_mode) for path in exported.paths} == {0o600}
    inside = (path for path in out.parent.rglob("*") if path.is_file())
    assert sorted(exported.paths) == sorted(inside), "and nothing else is left"
    assert not exporter(name).FOLDER or out.is_dir()


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_recording_gives_the_same_bytes(
    name: str, exports: Exports, sitting: Path, tmp_path: Path
) -> None:
    out, _ = exports(name)
    export(sitting, name, tmp_path / "out", DEFAULT)
    assert contents(tmp_path) == contents(out.parent)


@pytest.mark.parametrize("name", [n for n in OURS if n not in {"kubios", "elite-hrv"}])
def test_both_leave_when_asked_for(
    name: str, sitting: Path, tables: Tables, tmp_path: Path
) -> None:
    need(name)
    export(sitting, name, tmp_path / "out", TOLD)
    content = every_byte(tmp_path / "out")
    assert (NAME.encode() in content) is (name != "omh"), "omh has no place for it"
    day = iso_utc(tables.info.started_at_utc_ns)[:10]
    assert day.encode() in content
    assert tables.info.id.encode() in content


@pytest.mark.parametrize("name", OURS)
def test_it_never_replaces_anything(name: str, sitting: Path, tmp_path: Path) -> None:
    need(name)
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(RecordingError, match="not replaced"):
        export(sitting, name, out, DEFAULT)
    assert out.read_text() == "mine"
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(RecordingError, match="not empty"):
        export(sitting, name, folder, DEFAULT)
    with pytest.raises(RecordingError, match="no folder"):
        export(sitting, name, tmp_path / "nowhere" / "out", DEFAULT)
    assert {path.name for path in tmp_path.rglob("*")} == {"out", "folder", "mine"}


def test_an_unknown_format_is_refused(sitting: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no export format 'pdf'"):
        export(sitting, "pdf", tmp_path / "out", DEFAULT)


def test_a_damaged_recording_is_not_exported(sitting: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mcap"
    data = bytearray(sitting.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(RecordingError):
        export(damaged, "csv", tmp_path / "out", DEFAULT)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_a_session_without_a_heartbeat_can_be_exported(
    name: str, tmp_path: Path
) -> None:
    need(name)
    part = tmp_path / "empty.mcap.part"
    writer = RecordingWriter(part, INFO)
    writer.record(1, EVERY_RECORD[0])
    writer.close()
    assert len(read_tables(part).beats) == 0
    exported = export(part, name, tmp_path / "out", DEFAULT)
    assert exported.paths


def test_what_somebody_noted_of_the_practice_is_typed_text(
    sitting: Path, tmp_path: Path
) -> None:
    tables = read_tables(sitting)
    noted = {
        "site": f"Clinic of {NAME}",
        "posture": "unknown",
        "inhale_exhale": "40:60",
    }
    tables = msgspec.structs.replace(tables, practice=noted)
    kept = provenance_of(tables, TOLD, "csv")["practice"]
    assert kept == noted
    default = provenance_of(tables, DEFAULT, "csv")["practice"]
    assert default == noted | {"site": "removed"}


def test_an_empty_folder_stays_the_one_it_is(
    sitting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "here"
    out.mkdir()
    number = out.stat().st_ino
    monkeypatch.chdir(out)
    export(sitting, "csv", Path("."), DEFAULT)
    assert out.stat().st_ino == number
    assert (out / "beats.csv").is_file()
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("type", "text", "told"),
    [
        ("phase", "body_scan/feet", True),
        ("practice", "savoring", True),
        ("posture", "lying", True),
        ("plan", "quiet-1", True),
        ("deviation", "breathe: cut_short", True),
        ("phase", "My daughter Mara called", False),
        ("thought", "this", False),
        ("note", "practice", False),
        ("phase", None, True),
    ],
)
def test_phases_keep_their_names_and_words_do_not(
    type: str, text: str | None, told: bool
) -> None:
    entry = Entry(t_ns=1, id="x", type=type, by="patient", text=text)
    assert ExportOptions().text_of(entry) == (text if told else None)
    assert ExportOptions(free_text=True).text_of(entry) == text
