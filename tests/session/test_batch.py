"""Thousands of files: the same numbers from any hands, and only a file each is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.session.batch import Outcome, Parameters, analyze_many
from biofeedback.session.hands import in_order
from biofeedback.session.provenance import sha256_of
from tests.session.rr_files import doomed, rr_files

WINDOWS = Parameters(window_s=60, step_s=30)


def told(outcomes: Iterator[Outcome]) -> str:
    """All numbers, each with all its digits."""
    return json.dumps([one.analysis for one in outcomes])


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return rr_files(tmp_path / "files", 6)


def test_other_hands_give_the_same_numbers(paths: list[Path]) -> None:
    here = told(analyze_many(paths, parameters=WINDOWS))
    assert here.count('"rmssd_ms": null') == 0
    with ThreadPoolExecutor(3) as threads:
        got = told(analyze_many(paths, parameters=WINDOWS, executor=threads))
        assert got == here
        assert threads.submit(len, paths).result() == 6, "it stays open"


class Counting(Executor):
    """Works in a thread, and knows how many tasks it was given and not asked for."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1)
        self.given = 0

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN201
        self.given += 1
        return self._threads.submit(fn, *args, **kwargs)


def test_a_hundred_thousand_paths_do_not_queue_up() -> None:
    executor = Counting()
    asked = iter(range(100_000))
    paths = (Path(str(k)) for k in asked)
    outcomes = in_order(lambda path: path.name, paths, executor=executor, in_flight=8)
    for n in range(20):
        assert next(outcomes) == (Path(str(n)), str(n))
        assert executor.given <= n + 8 + 1
    outcomes.close()
    assert next(asked) <= 20 + 8 + 1, "the other paths were never looked at"


def test_a_dying_worker_costs_its_own_file() -> None:
    names = ["a", "b", "fatal", "c", "d"]
    paths = [Path(name) for name in names]
    # A broken pool of ours is replaced (tests/cli/test_batch.py); theirs cannot be.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as theirs:
        found = dict(in_order(doomed, paths, executor=theirs, in_flight=2))
    error = found.pop(Path("fatal"))
    assert isinstance(error, NotSoError)
    assert "'fatal' could not be analyzed" in error.message
    assert found == {Path(name): name for name in names if name != "fatal"}


def mistaken(path: Path) -> int:
    return 1 // len(path.name.strip("0"))


def test_a_mistake_of_ours_costs_one_file_and_is_told() -> None:
    paths = [Path("1"), Path("0"), Path("2")]
    (_, one), (_, error), (_, two) = in_order(mistaken, paths)
    assert (one, two) == (1, 1)
    assert isinstance(error, NotSoError)
    assert "ZeroDivisionError" in error.message
    assert isinstance(error.__cause__, ZeroDivisionError)


def test_an_executor_that_closes_is_told_in_a_sentence(paths: list[Path]) -> None:
    class Closing(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
            future: Future[object] = Future()
            future.cancel()
            return future

    with Closing(1) as executor, pytest.raises(NotSoError, match="was closed"):
        list(analyze_many(paths, executor=executor))


def test_what_is_known_is_not_analyzed(paths: list[Path]) -> None:
    known = {sha256_of(paths[1]), sha256_of(paths[4])}
    found = list(analyze_many(paths, skip=known.__contains__))
    assert [one.path for one in found] == paths
    assert [one.skipped for one in found] == [k in (1, 4) for k in range(6)]
    assert [one.sha256 for one in found] == [sha256_of(path) for path in paths]


def test_an_error_says_whether_it_lies_in_the_bytes(tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    words.write_text("breathe in\n")
    for skip in (None, lambda sha256: False):
        refused, missing = analyze_many([words, tmp_path / "no.csv"], skip=skip)
        assert refused.lasting
        assert refused.sha256 == sha256_of(words)
        assert "has no column of RR" in refused.error.message
        assert not missing.lasting
        assert missing.sha256 is None
        assert "cannot be read" in missing.error.message


def test_windows_that_cannot_be_cut_are_refused_at_once(paths: list[Path]) -> None:
    with pytest.raises(SettingsError):
        list(analyze_many(paths, parameters=Parameters(window_s=-1)))


def test_parameters_have_one_name_however_they_are_given() -> None:
    assert Parameters(window_s=60).sha256 == Parameters(window_s=60.0).sha256
    assert Parameters().sha256 != Parameters(detrend="smoothness").sha256
