"""Options for whoever looks after a service."""

from __future__ import annotations

from typing import Annotated

import typer

from biofeedback.cli.terminal import LogAs

Log = Annotated[
    LogAs,
    typer.Option("--log", help="How warnings are said: to people, or to programs."),
]
Drain = Annotated[
    float,
    typer.Option(
        "--drain",
        metavar="SECONDS",
        min=0,
        max=300,
        help="Before it ends, say so long at /readyz that it will.",
    ),
]
