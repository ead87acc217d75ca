"""Options of a service that has outgrown one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATABASE_VARIABLE = "BIOFEEDBACK_DATABASE"
BUS_VARIABLE = "BIOFEEDBACK_BUS"

Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=DATABASE_VARIABLE,
        show_envvar=False,
        help=f"A PostgreSQL that several nodes share (or {DATABASE_VARIABLE}).",
    ),
]
BusUrl = Annotated[
    str | None,
    typer.Option(
        "--bus",
        metavar="URL",
        envvar=BUS_VARIABLE,
        show_envvar=False,
        help=f"The NATS server by which nodes reach each other (or {BUS_VARIABLE}).",
    ),
]
BusCredentials = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What this node signs in to the bus with."),
]
BusAuthority = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Whose certificate the bus shows (PEM)."),
]
HubShare = Annotated[
    str | None,
    typer.Option(
        metavar="all|N/M", help="Keep copies of homes: of all, or the N-th of M parts."
    ),
]
