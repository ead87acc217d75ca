"""HRV of recordings and text files: `analyze`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biofeedback.cli.later import later
from biofeedback.cli.options import AsJson, duration
from biofeedback.cli.terminal import notice, print_json

if TYPE_CHECKING:
    from biofeedback.errors import BiofeedbackError, NotSoError


def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR ...")],
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(metavar="PATH")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="PATH")] = None,
    window: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", callback=duration, help="Also by windows."),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", callback=duration, help="From window to window."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = 1,
    column: Annotated[
        str | None, typer.Option(help="The RR column of a text file: name or number.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="ms|s", help="Unit of the RR column.")
    ] = None,
) -> None:
    """Compute HRV from recordings and plain RR text."""
    from biofeedback.errors import BiofeedbackError, SettingsError

    if parquet is not None:
        later("analyze --parquet")
    if step is not None and window is None:
        raise SettingsError("--step needs --window.", "Give both, in seconds.")
    if unit not in (None, "ms", "s"):
        raise SettingsError(f"There is no unit '{unit}' of RR.", "Give ms or s.")
    from biofeedback.cli.tables import check_target, files_in, lines, write_csv

    found = files_in(files)
    if csv is not None:
        check_target(csv, [one for one in found if isinstance(one, Path)])
    results, refused = [], 0
    for outcome in _analyses(found, jobs, window, step, column, unit):
        if isinstance(outcome, BiofeedbackError):
            refused += 1
            notice(str(outcome))
        else:
            results.append(outcome)
    if csv is not None:
        write_csv(csv, results)
    if as_json:
        print_json(results)
    elif csv is None:
        for result in results:
            print("\n".join(lines(result)))
    raise typer.Exit(1 if refused else 0)


def _analyses(
    paths: list[Path | NotSoError],
    jobs: int,
    window_s: float | None,
    step_s: float | None,
    column: str | None,
    unit: str | None,
) -> Iterator[dict[str, Any] | BiofeedbackError]:
    from functools import partial

    one = partial(_analysis, window_s=window_s, step_s=step_s, column=column, unit=unit)
    if jobs == 1 or len(paths) == 1:
        yield from map(one, paths)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, paths)


def _analysis(
    path: Path | NotSoError,
    *,
    window_s: float | None,
    step_s: float | None,
    column: str | None,
    unit: str | None,
) -> dict[str, Any] | BiofeedbackError:
    from biofeedback.errors import RecordingError
    from biofeedback.session.analysis import analyze_file

    if not isinstance(path, Path):
        return path
    try:
        return analyze_file(path, window_s, step_s, column=column, unit=unit)
    except RecordingError as error:
        return error  # the other files are analyzed all the same
