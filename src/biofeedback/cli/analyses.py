"""HRV of recordings and text files: `analyze`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biofeedback.cli.later import later
from biofeedback.cli.options import AsJson, duration
from biofeedback.cli.terminal import notice, print_json

if TYPE_CHECKING:
    from biofeedback.errors import BiofeedbackError


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
    from biofeedback.errors import BiofeedbackError, SettingsError

    if parquet is not None:
        later("analyze --parquet")
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
    if csv is not None:
        check_target(csv, [one for one in found if isinstance(one, Path)])
    from biofeedback.cli.batch import each, watched

    missing = [one for one in found if not isinstance(one, Path)]
    paths = [one for one in found if isinstance(one, Path)]
    one = partial(
        _analysis,
        window_s=window,
        step_s=step,
        column=column,
        unit=unit,
        detrend=detrend,
    )
    outcomes = list(watched(each(one, paths, jobs), len(paths), "Analyzing"))
    refused = [*missing, *(o for o in outcomes if isinstance(o, BiofeedbackError))]
    results = [o for o in outcomes if not isinstance(o, BiofeedbackError)]
    for error in refused:
        notice(str(error))
    if csv is not None:
        write_csv(csv, results)
    if as_json:
        print_json(results)
    elif csv is None:
        for result in results:
            print("\n".join(lines(result)))
    raise typer.Exit(1 if refused else 0)


def _analysis(
    path: Path,
    *,
    window_s: float | None,
    step_s: float | None,
    column: str | None,
    unit: str | None,
    detrend: str,
) -> dict[str, Any] | BiofeedbackError:
    from biofeedback.errors import RecordingError
    from biofeedback.session.analysis import analyze_file
    from biofeedback.signal.segments import Detrend

    try:
        return analyze_file(
            path,
            window_s,
            step_s,
            column=column,
            unit=unit,
            detrend=Detrend(detrend),
        )
    except RecordingError as error:
        return error  # the other files are analyzed all the same
