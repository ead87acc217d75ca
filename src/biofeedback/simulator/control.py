"""The control of a simulator in another process: JSON lines over a Unix socket.

One request a line, one answer a line, in order. Requests:

- ``{"do": "begin", "fault": NAME, "strap": ADDRESS}`` and ``"end"``; without a strap
  all of them suffer;
- ``{"do": "status"}`` and ``{"do": "faults"}``;
- ``{"do": "send", "strap": ADDRESS, "data": HEX, "characteristic": "2a37"}``;
- ``{"do": "add", "model": ID, "profile": NAME, "seed": N, "name": NAME}`` and
  ``{"do": "remove", "strap": ADDRESS}``;
- ``{"do": "flush"}``: the stamp log is complete up to here.

An answer is an object; what cannot be done is answered ``{"error": SENTENCE}``.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.simulator.stage import Status
from biofeedback.wire import uuids

Does = Literal["begin", "end", "status", "faults", "send", "add", "remove", "flush"]


class Request(Value, frozen=True, forbid_unknown_fields=True):
    """One line that came in."""

    do: Does
    fault: str = ""
    strap: str | None = None
    data: str = ""
    characteristic: str = uuids.HEART_RATE_MEASUREMENT
    model: str = "polar_h10"
    profile: str = "calm"
    seed: int = 1
    name: str | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line that goes out; only what the request asked for is in it."""

    error: str | None = None
    status: Status | None = None
    faults: dict[str, str] | None = None
    sent: bool | None = None
    strap: str | None = None


class Control:
    """Talks to the simulator whose ready line told the path of its control.

    Use it as an asynchronous context manager, or with :meth:`connect` and
    :meth:`close`.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()

    async def connect(self) -> None:
        """Connect.

        Raises
        ------
        OSError
            If nobody listens there.
        """
        self._reader, self._writer = await asyncio.open_unix_connection(
            self._path, limit=1 << 24
        )

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()
        self._reader = self._writer = None

    async def __aenter__(self) -> Control:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def begin(self, fault: str, strap: str | None = None) -> None:
        """Begin a fault, of one strap by its address or of all.

        Raises
        ------
        SettingsError
            If it cannot be; here and below with what the simulator says.
        """
        await self._ask(do="begin", fault=fault, strap=strap)

    async def end(self, fault: str, strap: str | None = None) -> None:
        """End it."""
        await self._ask(do="end", fault=fault, strap=strap)

    async def status(self) -> Status:
        """Return what became of everything so far."""
        status = (await self._ask(do="status")).status
        assert status is not None, "a status is answered with one"
        return status

    async def faults(self) -> dict[str, str]:
        """Return the sentence of each fault there is, by its name."""
        return (await self._ask(do="faults")).faults or {}

    async def send(
        self,
        strap: str,
        data: bytes,
        characteristic: str = uuids.HEART_RATE_MEASUREMENT,
    ) -> bool:
        """Have a strap send this; say whether anyone got it."""
        answer = await self._ask(
            do="send", strap=strap, data=data.hex(), characteristic=characteristic
        )
        return bool(answer.sent)

    async def add(
        self,
        model: str = "polar_h10",
        *,
        profile: str = "calm",
        seed: int = 1,
        name: str | None = None,
    ) -> str:
        """Bring in another strap; return its address."""
        answer = await self._ask(
            do="add", model=model, profile=profile, seed=seed, name=name
        )
        assert answer.strap is not None, "what was added has an address"
        return answer.strap

    async def remove(self, strap: str) -> None:
        """Take a strap away."""
        await self._ask(do="remove", strap=strap)

    async def flush(self) -> None:
        """Have the stamp log written out up to here."""
        await self._ask(do="flush")

    async def _ask(self, **request: str | int | None) -> Answer:
        if self._reader is None or self._writer is None:
            raise SettingsError("The control is not connected.", "Connect it first.")
        async with self._turn:
            self._writer.write(msgspec.json.encode(request) + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        if not line:
            raise SettingsError("The simulator hung up.", "See whether it still runs.")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.error is not None:
            raise SettingsError(answer.error)
        return answer
