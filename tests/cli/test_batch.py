"""The pool behind `analyze --jobs`: order, losses, and the bar."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from biofeedback.errors import NotSoError
from biofeedback.session.hands import in_order
from tests.cli.terminal import Terminal, on_a_terminal


def length(path: Path) -> int:
    """Work that a file called `fatal` does not survive."""
    if path.name == "fatal":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does without memory
    return len(path.name)


def test_a_worker_that_dies_costs_its_own_file_only() -> None:
    paths = [Path(name) for name in ("a", "bb", "fatal", "cccc", "ddddd")]
    found = [outcome for _, outcome in in_order(length, paths, jobs=2)]
    error = found[2]
    assert isinstance(error, NotSoError)
    assert "'fatal'" in error.message
    assert "--jobs" in error.advice
    assert [one for one in found if isinstance(one, int)] == [1, 2, 4, 5]


def test_nothing_to_do_is_no_mistake() -> None:
    assert list(in_order(length, [], jobs=4)) == []


def test_the_bar_is_on_the_terminal_and_never_in_the_results(
    tmp_path: Path, terminal: Terminal
) -> None:
    for n in range(3):
        rr = "\n".join(str(800 + 40 * (k % 5)) for k in range(100))
        (tmp_path / f"{n}.csv").write_text(rr)
    table = tmp_path / "table.csv"
    assert "Analyzing" in on_a_terminal("analyze", tmp_path, "--csv", table)
    assert len(table.read_text().splitlines()) == 4
    said = terminal("analyze", tmp_path / "0.csv", tmp_path / "1.csv", "--json")
    assert said.err == "", "nobody watches a pipe"
    assert len(json.loads(said.out)) == 2
