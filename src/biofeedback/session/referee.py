"""NeuroKit2 in a process of its own: the referee of the live numbers.

Importing NeuroKit2 takes seconds and hundreds of megabytes, and a call takes
milliseconds: none of it may touch the event loop. One worker process is started when
it is first needed and asked over its standard input, a line of JSON a question; it
ends by itself when its input does, so it never outlives the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec

from biofeedback.model import RefereeValues, Value
from biofeedback.session.tally import Tally
from biofeedback.signal.conformity import RefereeWindow, max_difference

_LOGGER = logging.getLogger(__name__)

JUDGE_LIMIT_S = 30.0
"""Long enough for the first question, which waits for the import."""

ANALYSIS_LIMIT_S = 120.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024


class Verdict(Value, frozen=True):
    """NeuroKit2's numbers for one window, and how far ours are from them."""

    window_s: int
    neurokit: RefereeValues
    max_difference: float | None


class Referee:
    """Asks the worker one question at a time; every answer may be ``None``.

    A referee that cannot answer never disturbs the game: failures are logged once,
    the worker is ended and started anew with the next question.

    Attributes
    ----------
    tally
        How many answers there were, and how far our numbers were from them.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._failed = False
        self._closed = False

    async def judge(self, window: RefereeWindow) -> Verdict | None:
        """Return NeuroKit2's numbers for ``window``, or ``None``."""
        answer = await self._ask(
            msgspec.json.encode(
                {"question": "judge", "rr_ms": window.nn_ms, "t_s": window.nn_t_s}
            ),
            JUDGE_LIMIT_S,
        )
        if answer is None:
            self.tally.n_failures += not self._closed
            return None
        neurokit = msgspec.convert(answer, RefereeValues)
        self.tally.compare(window.window_s, window.ours, neurokit)
        return Verdict(
            window_s=window.window_s,
            neurokit=neurokit,
            max_difference=max_difference(window.ours, neurokit),
        )

    async def summarise(self, recording: Path) -> bytes | None:
        """Return the summary of ``recording`` as JSON, or ``None``.

        It is what ``analyze`` gives, with NeuroKit2's full analysis beside it.
        """
        answer = await self._ask(
            msgspec.json.encode({"question": "summarise", "path": str(recording)}),
            ANALYSIS_LIMIT_S,
        )
        return None if answer is None else msgspec.json.encode(answer)

    async def close(self) -> None:
        """End the worker; whoever is waiting gets ``None``."""
        self._closed = True
        await self._end()

    async def _ask(self, question: bytes, limit_s: float) -> dict[str, Any] | None:
        async with self._turn:
            if self._closed:
                return None
            try:
                async with asyncio.timeout(limit_s):
                    process = await self._started()
                    if self._closed:  # meanwhile
                        raise ConnectionError("the referee was closed")
                    assert process.stdin is not None
                    assert process.stdout is not None
                    process.stdin.write(question + b"\n")
                    await process.stdin.drain()
                    line = await process.stdout.readline()
                if not line:
                    raise ConnectionError("the worker ended")
                answer: dict[str, Any] = msgspec.json.decode(line)
                if "error" in answer:
                    raise ValueError(answer["error"])
            except (TimeoutError, OSError, ValueError) as error:
                if not self._failed and not self._closed:
                    _LOGGER.warning("NeuroKit2's worker gave no answer: %s", error)
                self._failed = True
                if not isinstance(error, ValueError):
                    await self._end()
                return None
            except asyncio.CancelledError:
                # The answer to a question nobody waits for must not be taken for
                # the answer to the next one.
                await self._end()
                raise
            if self._failed:
                _LOGGER.info("NeuroKit2's worker answers again")
                self._failed = False
            return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "biofeedback.session.referee_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                # Ctrl-C in a terminal is for the service, which then still wants
                # the summary; the worker ends with its input.
                start_new_session=True,
                limit=ANSWER_LIMIT_BYTES,
            )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
