"""The same numbers from a real cluster and a real storage, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from biofeedback.api import places
from biofeedback.errors import NotSoError, SettingsError
from biofeedback.session import parquet
from biofeedback.session.batch import Outcome, Parameters, analyze_many
from biofeedback.session.cluster import Cluster, ClusterError
from biofeedback.session.hands import in_order
from biofeedback.session.places import Place
from biofeedback.session.results import Results
from tests.conftest import ROOT
from tests.session.clusters import (
    Dask,
    Storage,
    dask,
    free_port,
    kill,
    storage,
    until,
    without_place,
)
from tests.session.rr_files import doomed, rr_files

pytest.importorskip("distributed")
pytest.importorskip("pyarrow")

WINDOWS = Parameters(window_s=60, step_s=30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """A storage with recordings, texts, and one file of words."""
    with storage(tmp_path_factory.mktemp("storage") / "buckets") as found:
        study = found.folder / "study"
        study.mkdir()
        rr_files(study / "texts", 5)
        shutil.copy(ROOT / "recordings" / "examples" / "calm.mcap", study)
        (study / "words.csv").write_text("breathe in\n")
        yield found


def told(outcomes: Iterator[Outcome]) -> list[str]:
    """What each file gave, in all digits, whatever it was called."""
    return [
        without_place(one.analysis) if one.error is None else str(one.error)
        for one in outcomes
    ]


def rows_in(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """All rows of results, with floats as their bits."""
    return {
        table: sorted(
            json.dumps({k: _bits(v) for k, v in row.items() if k not in but})
            for path in (folder / table).glob("*.parquet")
            for row in parquet.read(path).to_pylist()
        )
        for table in ("summary", "windows", "refused")
    }


def _bits(value: object) -> object:
    return value.hex() if isinstance(value, float) else value


@pytest.fixture
def at_http(bucket: Storage) -> Iterator[str]:
    """The same files from a plain web server, which promises nothing of them."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Handler, directory=str(bucket.folder / "study"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://me:pass@127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_same_bits_from_everybody_and_everywhere(
    cluster: Dask, bucket: Storage, at_http: str, tmp_path: Path
) -> None:
    here = places(bucket.folder / "study")
    there = places("s3://study", **bucket.options)
    web = places(at_http)
    assert len(here) == len(there) == len(web) == 7
    expected = told(analyze_many(here, parameters=WINDOWS))
    everywhere = [*here, *there, *web]
    with Cluster(cluster.address) as workers:
        found = analyze_many(everywhere, parameters=WINDOWS, jobs=2)
        assert told(found) == 3 * expected
        found = analyze_many(everywhere, parameters=WINDOWS, executor=workers)
        assert told(found) == 3 * expected
        folders = {
            "here": analyze_many(here, parameters=WINDOWS),
            "workers": analyze_many(here, parameters=WINDOWS, executor=workers),
            "there": analyze_many(there, parameters=WINDOWS, executor=workers),
        }
        for name, outcomes in folders.items():
            with Results(tmp_path / name, WINDOWS, lambda: 0.0) as results:
                for outcome in outcomes:
                    results.add(outcome)
    rows = rows_in(tmp_path / "here")
    assert [len(one) for one in rows.values()] == [6, 9, 1]
    assert rows_in(tmp_path / "workers") == rows
    but = ("file",)
    assert rows_in(tmp_path / "there", but=but) == rows_in(tmp_path / "here", but=but)
    (refused,) = rows_in(tmp_path / "there")["refused"]
    assert json.loads(refused)["file"] == "s3://study/words.csv"


def run(
    folder: Path, found: list[Path | Place], executor: Cluster | None
) -> tuple[int, int, list[bool]]:
    """Compute what is missing; give how much was computed, known, and skipped."""
    with Results(folder, WINDOWS, lambda: 0.0) as results:
        skipped = []
        for outcome in analyze_many(
            found, parameters=WINDOWS, executor=executor, memory=results
        ):
            results.add(outcome)
            skipped.append(outcome.skipped)
        return results.n_added, results.n_known, skipped


def test_what_a_storage_promises_is_not_fetched_again(
    cluster: Dask, bucket: Storage, tmp_path: Path
) -> None:
    shutil.copytree(bucket.folder / "study", bucket.folder / "again")

    def listed() -> list[Path | Place]:
        return places("s3://again", **bucket.options)

    with Cluster(cluster.address) as workers:
        assert run(tmp_path, listed(), workers) == (7, 0, [False] * 7)
        fetched = len(bucket.got)
        assert run(tmp_path, listed(), workers) == (0, 7, [True] * 7)
        assert len(bucket.got) == fetched, "nothing was fetched"

        # One is written again with the same bytes, one with other ones, one is moved.
        texts = bucket.folder / "again" / "texts"
        same, other, moved = (texts / f"000{k}.csv" for k in range(3))
        os.utime(same, (1, 1))
        other.write_text(other.read_text() + "800\n")
        moved.rename(texts / "moved.csv")
        added, known, skipped = run(tmp_path, listed(), workers)
        assert (added, known) == (1, 6)
        assert skipped.count(False) == 2, "what was moved is computed, but kept once"
        assert len(bucket.got) > fetched
        fetched = len(bucket.got)
        assert run(tmp_path, listed(), workers) == (0, 7, [True] * 7)
        assert len(bucket.got) == fetched
    assert len(rows_in(tmp_path)["summary"]) == 7


def test_without_a_promise_the_worker_compares_the_content(
    cluster: Dask, at_http: str, tmp_path: Path
) -> None:
    web = places(at_http)
    assert {one.version for one in web if isinstance(one, Place)} == {None}
    with Cluster(cluster.address) as workers:
        for executor in (workers, None):
            folder = tmp_path / str(executor is None)
            assert run(folder, web, executor) == (7, 0, [False] * 7)
            assert run(folder, web, executor) == (0, 7, [True] * 7)


def test_a_file_that_kills_workers_costs_itself(cluster: Dask) -> None:
    names = ["a", "b", "fatal", "c", "d", "e", "f"]
    paths = [Path(name) for name in names]
    with Cluster(cluster.address) as workers:
        found = dict(in_order(doomed, paths, executor=workers))
    error = found.pop(Path("fatal"))
    assert isinstance(error, NotSoError)
    assert "'fatal' could not be analyzed: the process that did ended" in error.message
    assert "workers of the cluster" in error.advice
    assert found == {Path(name): name for name in names if name != "fatal"}


def test_a_worker_says_that_it_does_not_see_a_path(
    cluster: Dask, tmp_path: Path
) -> None:
    with Cluster(cluster.address) as workers:
        (outcome,) = analyze_many([tmp_path / "mine.csv"], executor=workers)
    assert "does not see" in outcome.error.message
    assert str(tmp_path / "mine.csv") in outcome.error.message
    assert "URL" in outcome.error.advice
    assert not outcome.lasting


def test_a_worker_with_other_versions_is_refused(cluster: Dask, tmp_path: Path) -> None:
    """Before anything is computed; and when it joins later, by its own look."""
    about = tmp_path / "scipy-0.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.9")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with Cluster(cluster.address) as workers:
        old = cluster.worker(1, PYTHONPATH=path)
        try:
            until(lambda: workers.n_threads == 3, "another worker")
            paths = rr_files(tmp_path / "files", 40)
            with pytest.raises(SettingsError, match=r"scipy 0\.9 \(here ") as late:
                list(analyze_many(paths, executor=workers))
            assert "has other versions" in late.value.message
            with pytest.raises(SettingsError, match=r"worker at .* scipy 0\.9"):
                Cluster(cluster.address)
        finally:
            kill(old)
        until(lambda: workers.n_threads == 2, "the old worker's end")


def test_who_does_not_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no address of a Dask scheduler"):
        Cluster("localhost:8786")
    with pytest.raises(ClusterError, match="No scheduler is reached"):
        Cluster(f"tcp://127.0.0.1:{free_port()}")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(ClusterError, match="does not answer as a Dask scheduler"):
            Cluster(f"tcp://127.0.0.1:{port}", connect_s=0.2)


def test_a_cluster_without_workers_is_told(tmp_path: Path) -> None:
    """At the beginning, and when all of them go in the middle of their work."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)  # nobody writes to it: there a worker waits
    (first,) = rr_files(tmp_path / "files", 1)
    with dask(tmp_path / "cluster", n_workers=0) as found:
        with pytest.raises(ClusterError, match="has no workers"):
            Cluster(found.address, patience_s=0.2)
        worker = found.worker()
        found.pids()
        with Cluster(found.address, patience_s=2.0) as cluster:
            outcomes = analyze_many([first, pipe], executor=cluster)
            assert next(outcomes).error is None
            kill(worker)
            with pytest.raises(ClusterError, match=r"All workers .* went away"):
                next(outcomes)
            with pytest.raises(ClusterError, match="went away"):
                cluster.submit(len, "it stays so")


def test_certificates_protect_the_talk(tmp_path: Path) -> None:
    import dask as settings
    from distributed.security import Security

    security = Security.temporary()  # type: ignore[no-untyped-call]
    names = {"ca-file": "tls_ca_file", "cert": "tls_client_cert"}
    names["key"] = "tls_client_key"
    files = {name: tmp_path / f"{name}.pem" for name in names}
    for name, field in names.items():
        files[name].write_text(getattr(security, field))
    options = [f"--tls-{name}={path}" for name, path in files.items()]
    found = Dask(tmp_path, options, scheme="tls")
    tls = {
        f"distributed.comm.tls.{name}": str(files[name.rpartition(".")[2]])
        for name in ("ca-file", "client.cert", "client.key")
    }
    (path,) = rr_files(tmp_path / "files", 1)
    try:
        found.scheduler()
        found.worker()
        with settings.config.set(tls):
            with Cluster(found.address) as cluster:
                (outcome,) = analyze_many([path], executor=cluster)
                assert outcome.error is None
        with pytest.raises(ClusterError, match="certificates"):
            Cluster(found.address, connect_s=0.5)
        with pytest.raises(ClusterError, match="does not answer"):
            Cluster(f"tcp://127.0.0.1:{found.port}", connect_s=0.5)
    finally:
        found.close()


def test_what_a_killed_worker_had_fetched_is_removed(
    cluster: Dask, bucket: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next who fetches sweeps it away; nobody else's."""
    from biofeedback.session.fetched import fetched, private_folder

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pid = os.fork()
    if pid == 0:
        with private_folder() as folder:
            (folder / "half.mcap").write_bytes(b"private")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    root = next(tmp_path.glob("biofeedback-*"))
    assert list(root.rglob("half.mcap"))
    (place,) = places("s3://study/calm.mcap", **bucket.options)
    assert isinstance(place, Place)
    with fetched(place) as one, fetched(place) as two:
        assert not list(root.rglob("half.mcap"))
        assert one.path.name == two.path.name == "calm.mcap"
        assert one.path != two.path
        assert one.path.parent.stat().st_mode & 0o077 == 0
        assert one.version == place.version
    assert list(root.iterdir()) == []
