"""Options of a service that has outgrown one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="BIOFEEDBACK_DATABASE",
        show_envvar=False,
        help="A PostgreSQL that several nodes share (or BIOFEEDBACK_DATABASE).",
    ),
]
BusUrl = Annotated[
    str | None,
    typer.Option(
        "--bus",
        metavar="URL",
        envvar="BIOFEEDBACK_BUS",
        show_envvar=False,
        help="The NATS server by which nodes reach each other (or BIOFEEDBACK_BUS).",
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
