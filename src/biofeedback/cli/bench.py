"""The engine beside what one would use instead: `bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from biofeedback.cli.options import AsJson
from biofeedback.cli.terminal import notice, print_json


def bench(
    as_json: AsJson = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Some seconds, rough figures.")
    ] = False,
) -> None:
    """Measure the engine beside NeuroKit2 and others; it takes some minutes."""
    from biofeedback.bench.report import lines, measure

    found = measure(quick=quick, say=lambda what: notice(f"Measuring: {what}"))
    if as_json:
        print_json(found)
        return
    for line in lines(found):
        print(line)
