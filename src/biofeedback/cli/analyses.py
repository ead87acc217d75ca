"""HRV of recordings and text files: `analyze`."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biofeedback.cli.options import AsJson, duration
from biofeedback.cli.terminal import notice, print_json

if TYPE_CHECKING:
    from biofeedback.errors import BiofeedbackError
    from biofeedback.session.batch import Parameters
    from biofeedback.session.results import Results


def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR ...")],
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(metavar="PATH")] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Rows of many files; what is there is not computed again.",
        ),
    ] = None,
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
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes at once; 0: one for each core.")
    ] = 1,
    column: Annotated[
        str | None, typer.Option(help="The RR column of a text file: name or number.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="ms|s", help="Unit of the RR column.")
    ] = None,
    detrend: Annotated[
        str,
        typer.Option(
            metavar="line|smoothness",
            help="Taken out before spectra; smoothness is Kubios's way.",
        ),
    ] = "line",
) -> None:
    """Compute HRV from recordings and plain RR text."""
    from biofeedback.errors import SettingsError

    if step is not None and window is None:
        raise SettingsError("--step needs --window.", "Give both, in seconds.")
    if unit not in (None, "ms", "s"):
        raise SettingsError(f"There is no unit '{unit}' of RR.", "Give ms or s.")
    if detrend not in ("line", "smoothness"):
        raise SettingsError(
            f"There is no detrending '{detrend}'.", "Give line or smoothness."
        )
    from biofeedback.cli.tables import check_target, files_in, lines, write_csv

    found = files_in(files)
    paths = [one for one in found if isinstance(one, Path)]
    if csv is not None:
        check_target(csv, paths)
    from biofeedback.cli.bar import watched
    from biofeedback.session.batch import Parameters, analyze_many
    from biofeedback.session.hands import processes

    parameters = Parameters(
        window_s=window, step_s=step, column=column, unit=unit, detrend=detrend
    )
    refused: list[BiofeedbackError] = [e for e in found if not isinstance(e, Path)]
    results: list[dict[str, Any]] = []
    with _opened(parquet if paths else None, parameters) as kept:
        all_told = kept is None or as_json or csv is not None
        outcomes = analyze_many(
            paths,
            parameters=parameters,
            jobs=processes(jobs, len(paths)),
            skip=None if kept is None or all_told else kept.claim,
        )
        for outcome in watched(outcomes, len(paths), "Analyzing"):
            error = outcome.error
            if kept is not None:
                kept.add(outcome)
                error = error or kept.refusal(outcome.sha256)
            if error is not None:
                refused.append(error)
            elif all_told and outcome.analysis is not None:
                results.append(outcome.analysis)
    for error in refused:
        notice(str(error))
    if csv is not None:
        write_csv(csv, results)
    if as_json:
        print_json(results)
    elif kept is not None and csv is None:
        print(kept.told)
    elif csv is None:
        for result in results:
            print("\n".join(lines(result)))
    raise typer.Exit(1 if refused else 0)


def _opened(
    folder: Path | None, parameters: Parameters
) -> AbstractContextManager[Results | None]:
    if folder is None:
        return nullcontext()
    from biofeedback.session.results import Results

    return Results(folder, parameters, time.monotonic)
