"""A person's data: `person export`, `person restore` and `person erase`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.nodes import Database
from biofeedback.cli.shared import Data, held_store

if TYPE_CHECKING:
    from biofeedback.store import Person, Store

person = typer.Typer(
    help="A person's data: take all of it along, or erase it.",
    no_args_is_help=True,
)

Pseudonym = Annotated[
    str | None,
    typer.Option(
        "--person", metavar="PSEUDONYM", help="Whose; else whose computer this is."
    ),
]


@person.callback()
def about() -> None:
    """Look after a person's data."""


@person.command()
def export(
    out: Annotated[
        Path, typer.Option(metavar="ZIP", show_default=False, help="Where it goes.")
    ],
    data: Data = None,
    database: Database = None,
    pseudonym: Pseudonym = None,
) -> None:
    """Write everything that is kept about a person into one ZIP."""
    import os

    from biofeedback.recording import durable
    from biofeedback.service.my_data_files import my_data, zipped

    with _someone(data, database, pseudonym) as (store, someone):
        files = my_data(store, someone)
        try:
            file = os.fdopen(durable.create(out), "wb")  # never over another file
            try:
                with file:
                    for piece in zipped(files):
                        file.write(piece)
                    file.flush()
                    durable.sync(file.fileno())
            except BaseException:
                out.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise durable.explained(
                f"{out.name} could not be written.", error
            ) from error
        _noted(store, "my_data.take", someone)
    n_recordings = sum(name.endswith(".mcap") for name, _ in files)
    print(f"{out}: {n_recordings} recordings, and what is kept beside them.")


@person.command()
def restore(
    archive: Annotated[Path, typer.Argument(metavar="ZIP", show_default=False)],
    data: Data = None,
    database: Database = None,
) -> None:
    """Bring back what 'person export' wrote, here or on another computer."""
    from biofeedback.cli.terminal import notice
    from biofeedback.service.my_data_back import bring_back

    with held_store(data, database) as store:
        found = bring_back(store, archive)
        _noted(store, "my_data.restore", found.person)
        first = store.person()
    print(
        f"{found.n_recordings} recordings, {found.n_ratings} late answers and "
        f"{found.n_notes} notes of {found.person.pseudonym} are here."
    )
    if first != found.person:
        notice(
            f"The page shows what is {first.pseudonym}'s: that person was here first."
        )
    for refused in found.refused:
        notice(refused)
    raise typer.Exit(1 if found.refused else 0)


@person.command()
def erase(
    yes: Annotated[
        bool, typer.Option("--yes", help="Yes, erase all of it for ever.")
    ] = False,
    data: Data = None,
    database: Database = None,
    pseudonym: Pseudonym = None,
) -> None:
    """Erase everything that is kept about a person, for ever."""
    from biofeedback.store.erasing import check_erasable
    from biofeedback.store.erasing import erase as erased

    if not yes:
        raise typer.BadParameter(
            "This erases every recording, answer and note, for ever. 'biofeedback "
            "person export' takes them along first. Add --yes to erase."
        )
    with _someone(data, database, pseudonym) as (store, someone):
        check_erasable(store, someone.id)
        _check_all_is_here(store, someone)
        _noted(store, "my_data.erase", someone)
        done = erased(store, someone.id)
    print(
        f"{done.n_sessions} sessions and {done.n_files} files are erased. All that "
        "stays is the date of today."
    )


def _check_all_is_here(store: Store, someone: Person) -> None:
    """Check that no other node has files of theirs, which would stay there.

    Raises
    ------
    NotSoError
        When one has.
    """
    from biofeedback.errors import NotSoError
    from biofeedback.service.node_id import origin_of

    if not store.is_shared:
        return
    nodes = {one.node for one in store.sessions_of(someone.id) if one.node}
    others = sorted(nodes - {origin_of(store.data)})
    if others:
        raise NotSoError(
            f"Recordings of this person lie elsewhere, at {', '.join(others)}.",
            "Start the services there and here, and erase with 'My data' on the page: "
            "that reaches all of them.",
        )


def _noted(store: Store, action: str, someone: Person) -> None:
    """Write down what was done, where there is room to: a full disk stops nobody."""
    from biofeedback.cli.terminal import notice
    from biofeedback.store import StoreError

    try:
        store.audit.add(
            actor="console", role="console", action=action, person_id=someone.id
        )
    except StoreError as error:
        notice(f"The audit does not say that this was done. {error.message}")


@contextmanager
def _someone(
    data: Path | None, database: str | None, pseudonym: str | None
) -> Iterator[tuple[Store, Person]]:
    from biofeedback.errors import NotSoError
    from biofeedback.store.erasing import finish_erasing

    with held_store(data, database) as store:
        finish_erasing(store)
        everyone = store.people()
        found = [one for one in everyone if pseudonym in (None, one.pseudonym)]
        if not found:
            known = ", ".join(one.pseudonym for one in everyone)
            raise NotSoError(
                "There is nothing here about this person."
                if pseudonym
                else "There is nothing here about anybody.",
                f"Known here: {known}." if known else "Check --data.",
            )
        yield store, found[0]
