"""`join` a clinic by the ticket that it sent, and `leave` it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biofeedback.cli.shared import Data
from biofeedback.cli.terminal import notice

JOINED = """\
This computer has joined {name}, as {home}.

Nothing of you travels by that. You say on the page what may, under 'Who may see', and
can take it back there at any time:
  - who there may watch a practice while it goes on; you are asked again in each one;
  - who there may read reports, of the copies that the clinic keeps;
  - whether the clinic may keep a copy of each practice.
Until then the clinic can only see that this computer is on. Practice works without it.\
"""


def join(
    ticket: Annotated[
        Path,
        typer.Argument(
            metavar="TICKET-FILE",
            show_default=False,
            help="The file that your clinic sent you.",
        ),
    ],
    data: Data = None,
) -> None:
    """Join a clinic with this computer; nothing is sent before you say so."""
    from biofeedback.cli.shared import shared_store
    from biofeedback.service.at_home.joining import join as joined

    with shared_store(data, may_be_new=True) as store:
        row = joined(store, ticket)
    print(JOINED.format(name=row.name, home=row.home_id))
    notice(f"Delete '{ticket.name}' now: whoever has it can send in your name.")


def leave(
    clinic: Annotated[
        str | None,
        typer.Argument(
            metavar="CLINIC", show_default=False, help="Its id or name, to be sure."
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Leave the clinic; all that was given to it ends at once."""
    from biofeedback.cli.shared import shared_store
    from biofeedback.service.at_home.joining import leave as left

    with shared_store(data) as store:
        row, knows = left(store, clinic)
    print(f"This computer has left {row.name}: all that it was given has ended.")
    notice("A 'biofeedback run' that goes on here stops sending within five seconds.")
    if not knows:
        notice(
            f"{row.name} could not be told yet. 'biofeedback run' tells it as soon as "
            "it can; what it may still keep or read, only your clinic can end."
        )
    notice(f"Copies that {row.name} has, stay there: ask the clinic to erase them.")
