"""Erases a person on every node of a clinic: nothing is left on anybody's disk.

All nodes that ever ran a session of theirs must be there. They are held first: while
anything of the person is erased, nothing begins on any node. Then each erases its
files, and in the end the one that was asked erases its own and all rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Literal

import msgspec
from ulid import ULID

from biofeedback.bus import BusError, Delivery
from biofeedback.errors import BiofeedbackError
from biofeedback.model import Value
from biofeedback.service.context import Context
from biofeedback.service.node_id import is_node
from biofeedback.service.nodes import nodes_here
from biofeedback.service.problems import Problem, Trouble
from biofeedback.store.erasing import erase_files

HELD_FOR_S = 120.0
"""Should whoever erases be gone, the others go on after this."""

FILES_LIMIT_S = 60.0


class Step(Value, frozen=True):
    """What another node is asked to do; ``token`` is of one erasure."""

    token: str
    person_id: str
    do: Literal["hold", "files", "release"]


class Done(Value, frozen=True):
    """What became of it: files that were erased, or why nothing was done."""

    n_files: int = 0
    trouble: Trouble | None = None


class ErasingHere:
    """Does on this node what the one that erases asks for."""

    def __init__(self, here: Context) -> None:
        self._here = here
        self._held: dict[str, ExitStack] = {}

    async def answer(self, delivery: Delivery) -> bytes:
        """Do one step, and say what became of it."""
        step = msgspec.msgpack.decode(delivery.data, type=Step)
        try:
            done = await self._do(step)
        except Problem as problem:
            done = Done(trouble=Trouble.of(problem))
        except BiofeedbackError as error:
            done = Done(trouble=Trouble.of(Problem.of(error)))
        return msgspec.msgpack.encode(done)

    async def _do(self, step: Step) -> Done:
        match step.do:
            case "hold":
                held = ExitStack()
                held.enter_context(self._here.conductor.erasing(step.person_id))
                self._held[step.token] = held
                until = asyncio.get_running_loop().call_later(
                    HELD_FOR_S, self._release, step.token
                )
                held.callback(until.cancel)
            case "files":
                if step.token not in self._held:
                    raise unreachable()
                n_files = await asyncio.to_thread(
                    erase_files, self._here.store, step.person_id
                )
                return Done(n_files=n_files)
            case "release":
                self._release(step.token)
                self._here.answering.forget()
        return Done()

    def _release(self, token: str) -> None:
        if (held := self._held.pop(token, None)) is not None:
            held.close()

    def close(self) -> None:
        """Let go of what is held."""
        for token in tuple(self._held):
            self._release(token)


class Others:
    """The other nodes, held while somebody is erased."""

    def __init__(self, here: Context, person_id: str) -> None:
        self._here = here
        self._person_id = person_id
        self._token = str(ULID())
        self._held: list[str] = []

    async def hold(self, origin: str) -> None:
        """Let nothing begin on this node."""
        self._held.append(origin)  # also where its answer is lost
        await self._ask(origin, "hold")

    async def erase_files(self) -> int:
        """Erase what lies on their disks, side by side; return how many files.

        Raises
        ------
        Problem
            With status 503, when one of them could not: others may have by then.
        """
        asked = (
            self._ask(origin, "files", limit_s=FILES_LIMIT_S) for origin in self._held
        )
        n_files = 0
        for done in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(done, BaseException):
                raise not_all() from done
            n_files += done.n_files
        return n_files

    async def release(self) -> None:
        """Let them go on."""
        for origin in self._held:
            with suppress(Problem):
                await self._ask(origin, "release")

    async def _ask(
        self,
        origin: str,
        do: Literal["hold", "files", "release"],
        *,
        limit_s: float = 10.0,
    ) -> Done:
        step = Step(token=self._token, person_id=self._person_id, do=do)
        try:
            data = await self._here.bus.request(
                f"erase.{origin}", msgspec.msgpack.encode(step), limit_s=limit_s
            )
            done = msgspec.msgpack.decode(data, type=Done)
        except (BusError, msgspec.MsgspecError) as error:
            raise unreachable() from error
        if done.trouble is not None:
            raise done.trouble.problem()
        return done


@asynccontextmanager
async def others_held(here: Context, person_id: str) -> AsyncIterator[Others]:
    """Hold all other nodes while a person is erased.

    Raises
    ------
    Problem
        With status 503, when one that may have files of theirs is not there; with 409,
        when a session of theirs goes on somewhere.
    """
    others = Others(here, person_id)
    if not here.store.is_shared:
        yield others
        return
    sessions = await asyncio.to_thread(here.store.sessions_of, person_id)
    there = {*nodes_here(here), here.origin}
    if not {row.node for row in sessions if is_node(row.node)} <= there:
        raise unreachable()
    try:
        for origin in sorted(there - {here.origin}):
            await others.hold(origin)
        yield others
    finally:
        await others.release()


def not_all() -> Problem:
    """Return the answer where some of it may be erased, and some is not."""
    return Problem(
        503,
        "Not everything was erased: a machine did not answer.",
        "Some recordings of yours may be gone. Erase all once more in a minute.",
    )


def unreachable() -> Problem:
    """Return the answer where not everything can be erased now."""
    return Problem(
        503,
        "A machine that may keep recordings of yours cannot be reached now.",
        "Nothing was erased. Try again later, or ask whoever runs this service.",
    )
