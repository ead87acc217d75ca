"""HRV of recordings and text files: `analyze`."""

from __future__ import annotations

import logging
import re
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
    from biofeedback.session.cluster import Cluster
    from biofeedback.session.results import Results

JOBS = 1
A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""What a path makes of one: a letter alone is a drive."""


def analyze(
    files: Annotated[list[str], typer.Argument(metavar="FILE|DIR|URL ...")],
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
    ] = JOBS,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="Let a Dask cluster do it (or tls://)."
        ),
    ] = None,
    storage_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="For the storage that URLs name, as fsspec takes it. Repeatable.",
        ),
    ] = None,
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
    if scheduler is not None and jobs != JOBS:
        raise SettingsError(
            "--jobs is of this computer, and --scheduler of another.",
            "Give one of them; how many work at once, each 'dask worker' is told.",
        )
    if parquet is not None and A_URL.match(str(parquet)):
        raise SettingsError(
            "Results are kept in a folder of this computer, not in a storage.",
            "Give a folder, and copy it there when it is done.",
        )
    from biofeedback.cli.tables import check_target, lines, write_csv
    from biofeedback.session.places import Place, options_of, places_in

    found = places_in(files, options_of(storage_option or ()))
    paths = [one for one in found if isinstance(one, Path | Place)]
    if csv is not None:
        check_target(csv, [one for one in paths if isinstance(one, Path)])
    from biofeedback.cli.bar import watched
    from biofeedback.session.batch import Parameters, analyze_many
    from biofeedback.session.hands import processes

    parameters = Parameters(
        window_s=window, step_s=step, column=column, unit=unit, detrend=detrend
    )
    refused: list[BiofeedbackError] = [
        one for one in found if not isinstance(one, Path | Place)
    ]
    results: list[dict[str, Any]] = []
    with (
        _cluster(scheduler if paths else None) as cluster,
        _opened(parquet if paths else None, parameters) as kept,
    ):
        all_told = kept is None or as_json or csv is not None
        known = None if all_told else kept
        outcomes = analyze_many(
            paths,
            parameters=parameters,
            executor=cluster,
            jobs=processes(jobs, len(paths)),
            skip=None if known is None else known.claim,
            memory=known,
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


def _cluster(address: str | None) -> AbstractContextManager[Cluster | None]:
    if address is None:
        return nullcontext()
    from biofeedback.session.cluster import Cluster, keep_quiet

    if not logging.getLogger().isEnabledFor(logging.INFO):
        keep_quiet()
    return Cluster(address)
