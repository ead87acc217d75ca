"""RR as text: columns, units and gaps are found; what is foreign is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from biofeedback.errors import RecordingError
from biofeedback.recording.importers.rr_text import RrText, read_rr_text
from tests.unit.rhythms import rest

RR = [round(rr) for rr in rest(100)]


def read(folder: Path, text: str | bytes, **declared: str) -> RrText:
    path = folder / "rr.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_rr_text(path, **declared)


def values(found: RrText) -> list[float]:
    return [beat.rr_ms for beat in found.beats]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(str, RR)),
        "\r\n".join(map(str, RR)) + "\r\n",
        "\ufeff" + "\n".join(map(str, RR)),
        "rr_ms\n" + "\n".join(map(str, RR)),
        "RR-interval [ms]\n" + "\n".join(map(str, RR)),
        "# a note\n" + "\n".join(map(str, RR)),
        "a;ibi;b\n" + "\n".join(f"1;{rr};2" for rr in RR),
        "time\tIBI\n" + "\n".join(f"{i * 0.85}\t{rr}" for i, rr in enumerate(RR)),
        "Subject: 7\nno, rr \n" + "\n".join(f"{i}, {rr}" for i, rr in enumerate(RR)),
    ],
)
def test_every_layout_gives_the_same(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert values(found) == RR
    assert found.unit == "ms"
    assert found.n_gaps == 0
    assert found.duration_s == pytest.approx(sum(RR) / 1000)


@pytest.mark.parametrize(
    ("header", "unit_from"), [("rr_s\n", "header"), ("rr\n", "values"), ("", "values")]
)
def test_seconds_are_known(tmp_path: Path, header: str, unit_from: str) -> None:
    found = read(tmp_path, header + "\n".join(str(rr / 1000) for rr in RR))
    assert values(found) == pytest.approx(RR)
    assert (found.unit, found.unit_from) == ("s", unit_from)


def test_a_decimal_comma_beside_semicolons(tmp_path: Path) -> None:
    lines = [f"{i};{str(rr / 1000).replace('.', ',')}" for i, rr in enumerate(RR)]
    found = read(tmp_path, "n;rr_s\n" + "\n".join(lines))
    assert values(found) == pytest.approx(RR)


def test_one_artefact_does_not_change_the_unit(tmp_path: Path) -> None:
    found = read(tmp_path, "\n".join(str(rr / 1000) for rr in [*RR, 65.5]))
    assert found.unit == "s"


def test_column_and_unit_can_be_declared(tmp_path: Path) -> None:
    text = "a,beatlength\n" + "\n".join(f"3,{rr}" for rr in RR)
    assert values(read(tmp_path, text, rr_column="beatlength", unit="ms")) == RR
    assert values(read(tmp_path, text, rr_column="2")) == RR
    with pytest.raises(RecordingError, match="no column 'x'"):
        read(tmp_path, text, rr_column="x")


def test_the_clock_finds_missing_intervals_and_gives_no_beat_time(
    tmp_path: Path,
) -> None:
    t, rows = 0.0, []
    for i, rr in enumerate(RR):
        t += rr / 1000 + (20 if i == 50 else 0)
        rows.append(f"{t + (0.9 if i % 7 == 0 else 0):.3f},{rr}")  # some arrive late
    rows.sort(key=lambda row: float(row.split(",")[0]))
    found = read(tmp_path, "\n".join(rows))
    assert found.n_gaps == 1
    assert found.clock == "column 1"
    assert found.duration_s == pytest.approx(sum(RR) / 1000 + 20, abs=1.5)
    for one, two in zip(found.beats, found.beats[1:], strict=False):
        if one.segment == two.segment:
            assert (two.t_ns - one.t_ns) / 1e6 == pytest.approx(two.rr_ms)


def test_long_intervals_are_gaps_and_not_beats(tmp_path: Path) -> None:
    found = read(tmp_path, "\n".join(map(str, [*RR[:50], 225_750, *RR[50:]])))
    assert values(found) == RR
    assert [beat.segment for beat in found.beats] == [0] * 50 + [1] * 50
    assert found.duration_s == pytest.approx((sum(RR) + 225_750) / 1000)


def test_an_unreadable_line_is_a_gap_and_counted(tmp_path: Path) -> None:
    lines = [str(rr) for rr in RR]
    lines[50] = "oops"
    found = read(tmp_path, "rr_ms\n" + "\n".join(lines))
    assert found.n_unreadable == 1
    assert found.n_gaps == 1
    assert len(found.beats) == 99


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (b"\x00\x70\x12\x04", "not a text file"),
        (b"\xff\xd8\xff\xe0\x80", "not a text file"),
        ("hello\nworld\n", "no column of RR"),
        ("t_s,ecg_uV\n0.1,-98\n0.2,-84\n", "no column of RR"),
        ("\n".join(["-98", "-84", "-72"]), "cannot be RR"),
        ("1,2,3\n4,5,6\n", "which column"),
        ("rr_ms\n" + "\n".join(["3"] * 20), "cannot be RR"),
    ],
)
def test_foreign_files_are_refused_with_advice(
    tmp_path: Path, text: str | bytes, why: str
) -> None:
    with pytest.raises(RecordingError, match=why) as caught:
        read(tmp_path, text)
    assert "rr.csv" in caught.value.message
    assert caught.value.advice


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        read_rr_text(tmp_path / "nothing.csv")
