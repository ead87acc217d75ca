"""The listening end of :mod:`biofeedback.simulator.control`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import get_args

import msgspec

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.simulator.control import Answer, Does, Request
from biofeedback.simulator.faults import FAULTS, fault_named
from biofeedback.simulator.models import model_named
from biofeedback.simulator.stage import Stage


class ControlServer:
    """Answers on a Unix socket at ``path``. Use it as an asynchronous context."""

    def __init__(self, stage: Stage, path: Path) -> None:
        self.path = path
        self._stage = stage
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> ControlServer:
        """Begin to listen.

        Raises
        ------
        SettingsError
            If another simulator listens there, or nobody can.
        """
        if await _listens(self.path):
            raise SettingsError(
                f"Another simulator already listens at {self.path}.",
                "End that one, or give this one another --control.",
            )
        try:
            # This would take a socket that is there away, whoever listens to it.
            self._server = await asyncio.start_unix_server(self._accept, self.path)
        except OSError as error:
            raise SettingsError(
                f"The control cannot listen at {self.path}: {error.strerror or error}.",
                "Give --control a short path that can be written to.",
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while line := await reader.readline():
                async with self._turn:  # faults of two clients do not mix
                    answer = await self._answer(line)
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # it went away, or its line is longer than any request
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            return await self._do(msgspec.json.decode(line, type=Request))
        except BiofeedbackError as error:
            return Answer(error=str(error))
        except msgspec.MsgspecError as error:
            return Answer(
                error=f"This is no request: {error}. Give one JSON object a line, "
                f"with 'do' one of: {', '.join(get_args(Does))}."
            )
        except (OSError, EOFError) as error:
            return Answer(error=f"That did not work: {error or type(error).__name__}.")

    async def _do(self, request: Request) -> Answer:
        world = self._stage.world
        if request.strap is not None:
            world = world.only(request.strap)
        match request.do:
            case "begin":
                await fault_named(request.fault).begin(world)
            case "end":
                await fault_named(request.fault).end(world)
            case "status":
                return Answer(status=self._stage.status())
            case "faults":
                return Answer(
                    faults={each.name: each.sentence for each in FAULTS.values()}
                )
            case "send":
                strap = world.all_straps[0] if world.all_straps else None
                if strap is None:
                    raise SettingsError("There is no strap to send from.", "Add one.")
                try:
                    data = bytes.fromhex(request.data)
                except ValueError as error:
                    raise SettingsError(
                        "'data' is not written in hex.", "Write it so: '103c0004'."
                    ) from error
                return Answer(sent=await strap.notify(data, request.characteristic))
            case "add":
                strap = self._stage.add_heart(
                    model_named(request.model),
                    profile=request.profile,
                    seed=request.seed,
                    name=request.name,
                )
                return Answer(strap=strap.address)
            case "remove":
                if len(world.straps) != 1:
                    raise SettingsError("Which strap?", "Give its address as 'strap'.")
                await self._stage.remove(world.straps[0])
            case "flush":
                self._stage.flush()
        return Answer()


async def _listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True
