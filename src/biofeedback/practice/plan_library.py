"""The plans there are: those that come with the program, and those in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from biofeedback.errors import NotSoError, SettingsError
from biofeedback.model import Value
from biofeedback.practice.plans import MAX_BYTES, PRACTICE, Plan, read_plan

FOLDER = "plans"
"""In the data folder: each ``.json`` file in it is a plan."""


class Unreadable(Value, frozen=True):
    """A file that is no plan, and why."""

    name: str
    problem: str


def packaged() -> Iterator[Plan]:
    """Yield the plans that come with the program, by their file's name."""
    folder = files("biofeedback.practice") / "plan_files"
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".json"):
            yield read_plan(entry.read_bytes())


def read_file(path: Path) -> Plan:
    """Return the plan in a file.

    Raises
    ------
    NotSoError
        When it is not there or cannot be read.
    SettingsError
        When it is no plan; says where it is wrong.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotSoError(
            f"'{path.name}' cannot be read: {error.strerror}.",
            "Check that it is there and that you may read it.",
        ) from error
    return read_plan(text)


class PlanLibrary:
    """All plans that a session can follow, read anew whenever they are asked for.

    A file may be written while the service runs. Where it has the id of a plan of the
    program, it takes its place, but for ``practice``, which the pages walk by
    themselves; of two files with one id the first by name counts.

    Parameters
    ----------
    data
        The data folder; its ``plans`` need not be there.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def all(self) -> tuple[tuple[Plan, ...], tuple[Unreadable, ...]]:
        """Return the plans by title, and the files that are none. Blocks."""
        plans: dict[str, Plan] = {}
        bad: list[Unreadable] = []
        try:
            found = sorted(self.folder.glob("*.json"))
        except OSError:
            found = []
        for path in found:
            try:
                plan = read_file(path)
            except (NotSoError, SettingsError) as error:
                bad.append(Unreadable(name=path.name, problem=str(error)))
                continue
            if plan.id == PRACTICE or plan.id in plans:
                bad.append(
                    Unreadable(
                        name=path.name,
                        problem=f"There is another plan called '{plan.id}'. "
                        "Give this one another id.",
                    )
                )
                continue
            plans.setdefault(plan.id, plan)
        for plan in packaged():
            plans.setdefault(plan.id, plan)
        return tuple(sorted(plans.values(), key=lambda one: one.title)), tuple(bad)

    def find(self, id: str) -> Plan:
        """Return the plan called ``id``. Blocks.

        Raises
        ------
        NotSoError
            When there is none; names those there are, and files that are none.
        """
        plans, bad = self.all()
        for plan in plans:
            if plan.id == id:
                return plan
        known = ", ".join(sorted(plan.id for plan in plans))
        also = f" '{bad[0].name}' is no plan: {bad[0].problem}" if bad else ""
        raise NotSoError(
            f"There is no plan called '{id[:60]}'.", f"Choose from: {known}.{also}"
        )
