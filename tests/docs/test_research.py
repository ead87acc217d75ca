"""docs/research.md is true: its commands, its Python and its SQL are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from biofeedback.session import parquet
from biofeedback.session.batch import Parameters, analyze_many
from biofeedback.session.result_rows import rows_of
from tests.conftest import ROOT
from tests.session.clusters import KEY, SECRET, dask, storage

PAGE = ROOT / "docs" / "research.md"
BLOCK = re.compile(r"^```([a-z]+(?: [a-z]+)?)\n(.*?)^```$", re.M | re.S)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a few recordings."""
    folder = tmp_path / "study"
    folder.mkdir()
    for path in (ROOT / "recordings" / "examples").glob("*.mcap"):
        shutil.copy(path, folder)
    monkeypatch.chdir(tmp_path)
    return folder


def typed(text: str) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-ec", text], check=True, env={**os.environ, "PATH": tools})


def test_the_page(study: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    names: dict[str, Any] = {}
    answers: list[list[dict[str, Any]]] = []
    with duckdb.connect() as database:
        for language, text in blocks():
            if language == "sh":
                typed(text)
            elif language == "python":
                exec(compile(text, str(PAGE), "exec"), names)
            elif language == "sql":
                asked = database.execute(text)
                columns = [column[0] for column in asked.description]
                rows = asked.fetchall()
                if columns != ["Count"]:  # not a view that was made
                    answers.append([dict(zip(columns, r, strict=True)) for r in rows])
    spread, own, pain, within, refused = answers
    n_files = len(list(study.glob("*.mcap")))
    assert sum(row["files"] for row in spread) == n_files
    assert sum(row["from_own_mean"] for row in own) == pytest.approx(0)
    # By hand: 7 - 6 before, 3 - 5 after.
    assert [row["change_of_gap"] for row in pain] == [-3]
    assert [row["standard_error"] for row in pain] == [0]
    assert names["table"]["gap"].to_dict().items() >= {"before": 1, "after": -2}.items()
    assert {row["change_of_gap"] for row in within} == {-3}
    assert all(row["first_rmssd_ms"] > 0 for row in within)
    (row,) = refused
    assert row["file"] == "empty.csv"
    assert row["message"] == "empty.csv is empty."


def test_a_cluster_computes_the_same(study: Path) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("distributed")
    (text,) = (text for language, text in blocks() if language == "python cluster")
    exec(compile(text, str(PAGE), "exec"), {})
    parameters = Parameters(window_s=60, step_s=30)
    expected: dict[str, list[dict[str, Any]]] = {"summary": [], "windows": []}
    for outcome in analyze_many(sorted(study.iterdir()), parameters=parameters):
        for table, rows in rows_of(outcome, parameters).items():
            expected[table] += rows
    for table, rows in expected.items():
        (path,) = (study.parent / "results" / table).iterdir()
        assert parquet.read(path).to_pylist() == rows


def test_a_storage_and_a_cluster(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the page, at other addresses."""
    pytest.importorskip("pyarrow")
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    (study.parent / "storage").mkdir()
    with (
        storage(study.parent / "storage" / "buckets") as bucket,
        dask(study.parent / "cluster") as cluster,
    ):
        shutil.copytree(study, bucket.folder / "study" / "2026")
        found = {}
        for language, text in blocks():
            if language.endswith(" scheduler"):
                text = text.replace("https://storage.example", bucket.url)
                text = text.replace("tcp://scheduler.example:8786", cluster.address)
                found[language] = text
        typed(found["sh scheduler"])
        fetched = len(bucket.got)
        assert fetched == len(list(study.iterdir()))
        exec(compile(found["python scheduler"], str(PAGE), "exec"), {})
        assert len(bucket.got) == fetched, "it was there already"
    (path,) = (study.parent / "results" / "summary").iterdir()
    assert len(parquet.read(path)) == fetched
