"""Keeps results and is killed before each thing that it does to the disk, in turn.

python -m tests.session.kill_results FOLDER STRIDE FILE ...

Leaves a folder for each of these ends, numbered, and prints the numbers. STRIDE tries
only some of them.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

from biofeedback.session.batch import Outcome, Parameters, analyze_many
from biofeedback.session.results import Results

PARAMETERS = Parameters(window_s=60)
BATCH_FILES = 2
STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir"})


def keep(outcomes: list[Outcome], folder: Path) -> None:
    """Keep in two runs, so that the second joins what the first left."""
    for some in (outcomes[:3], outcomes):
        with Results(
            folder, PARAMETERS, lambda: 0.0, batch_files=BATCH_FILES
        ) as results:
            for outcome in some:
                results.add(outcome)


def die_at(step: int, folder: Path) -> None:
    """Be killed before this step in ``folder``."""
    left = step

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        changes = event != "open" or int(str(arguments[2])) & os.O_CREAT
        if event in STEPS and changes and str(folder) in str(arguments[0]):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(folder: Path, stride: int, files: list[Path]) -> None:
    outcomes = list(analyze_many(files, parameters=PARAMETERS))
    for name in ("parquet", "compute", "dataset"):  # once, not in each child
        importlib.import_module(f"pyarrow.{name}")
    for step in range(0, 1000, stride):
        place = folder / f"{step:04d}"
        child = os.fork()
        if not child:
            die_at(step, place)
            keep(outcomes, place)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return
        sys.stdout.write(f"{step}\n")
    raise AssertionError("it never ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
