"""`analyze --scheduler`: on real processes, each of which is killed in its turn."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofeedback.api import places
from biofeedback.session import parquet
from biofeedback.session.batch import Parameters, analyze_many
from biofeedback.session.results import BATCH_FILES, Results
from tests.cli.terminal import (
    TRACEBACK,
    Said,
    Terminal,
    begin,
    ended,
    on_a_terminal,
    typed,
)
from tests.session.clusters import (
    KEY,
    SECRET,
    Dask,
    Storage,
    dask,
    free_port,
    kill,
    storage,
    until,
)
from tests.session.rr_files import rr_files

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")

N_FILES = BATCH_FILES + 16
SEED = 8


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask(tmp_path_factory.mktemp("cluster")) as found:
        found.pids()
        yield found


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with storage(tmp_path_factory.mktemp("storage") / "buckets") as found:
        rr_files(found.folder / "study", N_FILES, beats=90)
        yield found


def rows_in(folder: Path) -> list[tuple[str, str]]:
    """All rows of the summary, in all digits, by their content."""
    rows = [
        row
        for path in (folder / "summary").glob("*.parquet")
        for row in parquet.read(path).to_pylist()
    ]
    return sorted((row["sha256"], json.dumps({**row, "file": 0})) for row in rows)


@pytest.fixture(scope="module")
def whole(bucket: Storage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the same files in a folder, never disturbed."""
    out = tmp_path_factory.mktemp("whole")
    with Results(out, Parameters(), lambda: 0.0) as results:
        for outcome in analyze_many(places(bucket.folder / "study")):
            results.add(outcome)
    assert len(rows_in(out)) == N_FILES
    return out


def calm(said: Said) -> None:
    """Nothing of Dask, and no secret, reached the terminal."""
    for stream in (said.out, said.err):
        assert TRACEBACK not in stream
        for word in ("distributed", "tornado", "Warning", KEY, SECRET):
            assert word not in stream


def test_a_storage_through_a_cluster_and_again(
    cluster: Dask, bucket: Storage, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ("analyze", "s3://study", *bucket.arguments, "--scheduler", cluster.address)
    first = typed(*asked, "--parquet", out)
    assert first.out == f"{N_FILES} files analyzed, 0 there already: {out}\n"
    assert (first.code, first.err) == (0, "")
    assert rows_in(out) == rows_in(whole), "bit for bit, each once"

    fetched = len(bucket.got)
    again = on_a_terminal(*asked, "--parquet", out)
    assert "Analyzing" in again, "skipped files move the bar, too"
    assert f"0 files analyzed, {N_FILES} there already" in again
    assert len(bucket.got) == fetched, "the storage said that nothing changed"

    written = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file())
    for secret in (KEY, SECRET):
        assert secret.encode() not in written
        assert secret not in again
        assert secret not in cluster.logs
    assert b"s3://study/0000.csv" in b"".join(_files(out))


def _files(folder: Path) -> list[bytes]:
    return [
        row["file"].encode()
        for path in (folder / "summary").glob("*.parquet")
        for row in parquet.read(path, ["file"]).to_pylist()
    ]


def started(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until the first batch is kept."""

    def kept() -> bool:
        assert process.poll() is None, ended(process)
        return (out / "summary" / "batch-000001.parquet").exists()

    until(kept, "a batch of results")


def test_whatever_is_killed_the_rows_are_the_same(
    bucket: Storage, whole: Path, tmp_path: Path
) -> None:
    """A worker, the command, and the scheduler; each at a moment of its own."""
    chance, out = random.Random(SEED), tmp_path / "out"
    with dask(tmp_path / "cluster") as cluster:
        pids = cluster.pids()
        asked: tuple[str | Path, ...] = (
            *("analyze", "s3://study", *bucket.arguments),
            *("--scheduler", cluster.address, "--parquet", out),
        )
        # A worker: its file goes to the other, and nobody notices.
        process = begin(*asked)
        started(process, out)
        os.kill(chance.choice(pids), signal.SIGKILL)
        process.kill()  # the command, at once after it
        process.communicate()
        n = len(rows_in(out))
        assert BATCH_FILES <= n <= N_FILES
        assert set(rows_in(out)) <= set(rows_in(whole))

        # The scheduler, in the middle of its work.
        pipe = tmp_path / "pipe.csv"
        os.mkfifo(pipe)  # nobody writes to it: there a worker waits
        process = begin(*asked, pipe)
        until(lambda: cluster.tasks() or process.poll() is not None, "some work")
        kill(cluster.processes[0])
        said = ended(process)
        calm(said)
        assert said.code == 1
        (line,) = said.err.splitlines()
        assert line.startswith(f"The scheduler at {cluster.address} went away. What ")
        assert set(rows_in(out)) <= set(rows_in(whole)), "what was kept stays"

        kill(cluster.processes[1])
        cluster.scheduler()
        cluster.worker()
        said = ended(begin(*asked))
        calm(said)
        assert said.code == 0
        assert rows_in(out) == rows_in(whole), "bit for bit, each once"
        assert said.out.endswith(f"there already: {out}\n")


def test_ctrl_c_takes_back_what_is_queued(cluster: Dask, tmp_path: Path) -> None:
    pipes = [tmp_path / f"{k}.csv" for k in range(8)]
    for pipe in pipes:
        os.mkfifo(pipe)
    process = begin("analyze", *pipes, "--scheduler", cluster.address)
    until(lambda: cluster.tasks() >= len(pipes), "work that is queued")
    process.send_signal(signal.SIGINT)
    said = ended(process)
    assert (said.code, said.out, said.err) == (130, "", "")
    until(lambda: cluster.tasks() == 0, "the scheduler to forget it")
    for pid in cluster.pids():  # those that were begun would wait for ever
        os.kill(pid, signal.SIGKILL)


def test_sealed_recordings_are_read_where_the_key_is(
    cluster: Dask,
    bucket: Storage,
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a folder; a worker without the key says what it needs."""
    from biofeedback.recording.keys import KEY_VARIABLE, create_key
    from biofeedback.recording.sealed import seal
    from tests.conftest import ROOT

    key_file = tmp_path / "key"
    key = create_key(key_file, at="2026-11-27")
    (bucket.folder / "sealed").mkdir()
    path = bucket.folder / "sealed" / "calm.mcap"
    shutil.copy(ROOT / "recordings" / "examples" / "calm.mcap", path)
    asked = ("analyze", "s3://sealed", *bucket.arguments, "--json")
    plain = json.loads(terminal(*asked).out)
    seal(path, key)
    monkeypatch.setenv(KEY_VARIABLE, str(key_file))
    (opened,) = json.loads(terminal(*asked).out)
    assert opened.pop("file") == "s3://sealed/calm.mcap.age"
    assert plain[0].pop("file") == "s3://sealed/calm.mcap"
    for one in (opened, plain[0]):
        one["provenance"]["input"].pop("name")
    assert opened == plain[0]
    said = typed(*asked, "--scheduler", cluster.address)
    assert said.code == 1
    assert "is sealed, and no key was given" in said.err


def test_what_cannot_be_meant_is_told(terminal: Terminal, tmp_path: Path) -> None:
    (path,) = rr_files(tmp_path, 1)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    for options, sentence in (
        (("--scheduler", nobody), "No scheduler is reached at tcp://127.0.0.1:"),
        (("--scheduler", "host"), "'host' is no address of a Dask scheduler."),
        (("--scheduler", nobody, "--jobs", "2"), "--jobs is of this computer, and"),
        (("--parquet", "s3://study/out"), "Results are kept in a folder of this"),
        (("--storage-option", SECRET), "A storage option is no KEY=VALUE."),
    ):
        said = terminal("analyze", path, *options)
        assert said.code in (1, 2)
        assert said.sentence.startswith(sentence)
        assert SECRET not in said.err
    assert not (tmp_path / "s3:").exists()
