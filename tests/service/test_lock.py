"""One process per data folder, and a quick start for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from biofeedback.store import DataLock, Store, StoreError

HOLD = """
import pathlib, sys
from biofeedback.store import DataLock
with DataLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_told_what_to_do(tmp_path: Path) -> None:
    with DataLock(tmp_path), pytest.raises(StoreError, match="already using") as told:
        DataLock(tmp_path).__enter__()
    assert told.value.exit_code == 1
    assert "--data" in told.value.advice


def test_it_is_let_go_of(tmp_path: Path) -> None:
    for _ in range(2):
        with DataLock(tmp_path):
            pass


def test_a_killed_process_lets_go_of_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"held"
        with pytest.raises(StoreError):
            DataLock(tmp_path).__enter__()
        process.kill()
        process.wait(10)
        with DataLock(tmp_path):
            pass


def test_at_head_alembic_is_not_imported(tmp_path: Path) -> None:
    Store(tmp_path).close()
    code = (
        "import pathlib, sys; from biofeedback.store import Store; "
        "Store(pathlib.Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 0
