"""The live websocket under whatever order of things hypothesis thinks of.

One house, a patient's own page and a therapist who watches. Between any two steps both
are read up to now, so what is read was sent under the consents and the sharing that
hold in the model by then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from biofeedback.practice.ratings import SCALES
from biofeedback.service.server import MAX_MESSAGE_BYTES
from tests.service.conftest import Start
from tests.service.ward import EVERYTHING, Ward, opened

STEPS = settings(
    max_examples=10,
    stateful_step_count=22,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SAYS = 30
"""Commands that a connection is used for: forty at once are what it may send."""

LATE = 10**12
SECRET = "only for me"
HUGE = "x" * (MAX_MESSAGE_BYTES + 1)

OF_THE_HEART = {"link", "heart", "beat", "restated", "referee", "gap", "signals"}
OF_THE_BREATH = {"phase_deg", "in_phase_pct", "breathing", "followed"}

BY_THE_PERSON: list[dict[str, Any]] = [
    {
        "kind": "rate",
        "type": "arousal",
        "value": 3,
        "moment": "during",
        "prompt": "How?",
    },
    {"kind": "annotate", "type": "note", "text": SECRET},
    {"kind": "annotate", "type": "marker"},
    {"kind": "pacer.set", "rate_bpm": 5.5, "inhale_pct": 45},
    {"kind": "signals", "signals": [{"signal": "ecg"}]},
    {"kind": "signals", "signals": []},
    {"kind": "hand", "up": True},
    {"kind": "hand", "up": False},
]
BY_A_THERAPIST: list[dict[str, Any]] = [
    {"kind": "annotate", "type": "talking"},
    {"kind": "pacer.propose", "rate_bpm": 6},
    {"kind": "say", "text": "You are doing this well."},
]
PACED = {"say", "pacer.propose"}
"""Some at once and no more: somebody is breathing there."""

BY_BOTH: list[dict[str, Any]] = [
    {"kind": "traces", "signals": ["ecg"]},
    {"kind": "traces", "signals": []},
]
REFUSED_TO_ALL: list[str | bytes] = [
    "",
    "{",
    "null",
    "[" * 2000,
    '{"kind":"dance"}',
    '{"kind":"ping"}',
    '{"kind":"ping","client_time_ms":"soon"}',
    '{"kind":"ping","client_time_ms":1e999}',
    '{"kind":"rate","type":"arousal","value":99}',
    '{"kind":"annotate","type":"Big Words"}',
    '{"kind":"annotate","type":"note","text":"%s"}' % ("x" * 3000),
    '{"kind":"annotate","type":"sharing","text":"on"}',
    '{"kind":"watching"}',
    '{"kind":"pacer.accept","proposal":"nobody made this"}',
    '{"kind":"pacer.propose","rate_bpm":99}',
    '{"kind":"replay.seek","t_ms":5}',
    b"\x00\xff",
    b"",
    json.dumps({"kind": "traces", "signals": ["eeg"]}),
]

Value = TypeVar("Value")


class Line:
    """One connection, read up to now after every step."""

    def __init__(self, socket: ClientConnection, closing: AsyncExitStack) -> None:
        self.socket = socket
        self.closing = closing
        self.n_said = 0
        self.code: int | None = None

    async def say(self, command: str | bytes) -> None:
        self.n_said += 1
        try:
            await self.socket.send(command)
        except ConnectionClosed as closed:
            self.code = 0 if closed.rcvd is None else closed.rcvd.code

    async def read(self) -> list[str | bytes]:
        """Return all that came until the answer to a ping, or to the end."""
        await self.say('{"kind":"ping","client_time_ms":1}')
        came: list[str | bytes] = []
        try:
            async with asyncio.timeout(20):
                while True:
                    received = await self.socket.recv()
                    if isinstance(received, str) and '"kind":"clock"' in received:
                        return came
                    came.append(received)
        except ConnectionClosed as closed:
            self.code = 0 if closed.rcvd is None else closed.rcvd.code
        return came


class Watched(RuleBasedStateMachine):
    """A session, what its person allows, and who looks at it."""

    def __init__(self, ward: Ward, runner: asyncio.Runner) -> None:
        super().__init__()
        self._ward = ward
        self._runner = runner
        self._streams: frozenset[str] = frozenset()
        self._sharing = "off"
        self._own: Line | None = None
        self._watching: Line | None = None
        self._seen = 0
        self.n_passed = 0

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._runner.run(work)

    @initialize()
    def begin(self) -> None:
        self._id = self.run(self._ward.begin())
        self.consent_to_all_and_share()
        self.open_own("all")
        self.open_watching(None)

    # --- What the person decides --------------------------------------------------

    @rule(streams=st.sets(st.sampled_from(EVERYTHING), min_size=1))
    def consent(self, streams: set[str]) -> None:
        self.run(self._ward.consent(sorted(streams)))
        self._streams = frozenset(streams)
        self.look()

    @rule()
    def consent_to_all_and_share(self) -> None:
        self.consent(set(EVERYTHING))
        self.share("on")

    @rule()
    def revoke(self) -> None:
        self.run(self._ward.revoke())
        self._streams = frozenset()
        self.look()

    @rule(state=st.sampled_from(["on", "on", "paused", "off"]))
    def share(self, state: str) -> None:
        self.run(self._ward.share(self._id, state))
        self._sharing = state
        self.look()

    @rule(seconds=st.sampled_from([1, 3, 6]))
    def wait(self, seconds: float) -> None:
        self.run(self._ward.house.pass_time(seconds))
        self.look()

    # --- Coming and going -----------------------------------------------------------

    @rule(past=st.sampled_from(["all", "seen", "late"]))
    def open_own(self, past: str) -> None:
        self.close_own()
        since = {"all": None, "seen": max(self._seen, 0), "late": LATE}[past]
        self._own = self.run(self._opened("mira", since))
        self._seen = {"all": 0, "seen": self._seen}.get(past, -1)
        self.look()

    @precondition(lambda self: self._own is not None)
    @rule()
    def close_own(self) -> None:
        if self._own is not None:
            self.run(self._own.closing.aclose())
            self._own = None

    @rule(since=st.sampled_from([None, 0, 5, LATE]))
    def open_watching(self, since: int | None) -> None:
        self.close_watching()
        self._watching = self.run(self._opened("kim", since))
        self.look()

    @precondition(lambda self: self._watching is not None)
    @rule()
    def close_watching(self) -> None:
        if self._watching is not None:
            self.run(self._watching.closing.aclose())
            self._watching = None

    async def _opened(self, who: str, since: int | None) -> Line:
        closing = AsyncExitStack()
        watch = self._ward.watch(who, self._id, since=since)
        return Line(await closing.enter_async_context(watch), closing)

    # --- What is said -----------------------------------------------------------------

    @precondition(lambda self: self._own is not None)
    @rule(command=st.sampled_from(BY_THE_PERSON + BY_BOTH))
    def own_command(self, command: dict[str, Any]) -> None:
        assert self.said(self._own, json.dumps(command)) == []

    @precondition(lambda self: self._own is not None)
    @rule(
        command=st.sampled_from([*REFUSED_TO_ALL, *map(json.dumps, BY_A_THERAPIST[1:])])
    )
    def own_nonsense(self, command: str | bytes) -> None:
        assert len(self.said(self._own, command)) == 1

    @precondition(lambda self: self._watching is not None and self._may_watch())
    @rule(command=st.sampled_from(BY_A_THERAPIST + BY_BOTH))
    def watching_command(self, command: dict[str, Any]) -> None:
        errors = self.said(self._watching, json.dumps(command))
        assert errors == [] or command["kind"] in PACED

    @precondition(lambda self: self._watching is not None and self._may_watch())
    @rule(command=st.sampled_from([*REFUSED_TO_ALL, *map(json.dumps, BY_THE_PERSON)]))
    def watching_nonsense(self, command: str | bytes) -> None:
        assert len(self.said(self._watching, command)) == 1

    @precondition(lambda self: self._own is not None)
    @rule()
    def own_huge_message(self) -> None:
        own = self._own
        assert own is not None
        self.run(own.say(HUGE))
        self.look()
        assert own.code == 1009

    def said(self, line: Line | None, command: str | bytes) -> list[str]:
        """Say something, look at everything; return the errors that line was told."""
        assert line is not None
        self.run(line.say(command))
        told = self.look()[line]
        return [one["detail"] for one in told if one["kind"] == "error"]

    # --- What must be so after every step ---------------------------------------------

    def look(self) -> dict[Line, list[dict[str, Any]]]:
        """Read both sides up to now and check all that came."""
        self.run(self._ward.caught_up(self._id))
        found: dict[Line, list[dict[str, Any]]] = {}
        if (own := self._own) is not None:
            found[own] = self._check_own(self.run(own.read()))
            if own.code is not None or own.n_said > SAYS:
                self.close_own()
        if (watching := self._watching) is not None:
            found[watching] = self._check_watching(self.run(watching.read()))
            if self._may_watch():
                assert watching.code is None
            else:
                assert watching.code in (4403, 4404)
            if watching.code is not None or watching.n_said > SAYS:
                self.close_watching()
        return found

    def _may_watch(self) -> bool:
        return bool(self._streams) and self._sharing != "off"

    def _check_own(self, came: list[str | bytes]) -> list[dict[str, Any]]:
        told = [json.loads(one) for one in came if isinstance(one, str)]
        for one in told:
            if one["kind"] in ("hello", "error"):
                continue
            first = one["from_seq"] if one["kind"] == "gap" else one["seq"]
            assert self._seen in (-1, first - 1), "nothing is missing, nothing twice"
            self._seen = one["seq"]
        return told

    def _check_watching(self, came: list[str | bytes]) -> list[dict[str, Any]]:
        on = self._streams if self._sharing == "on" else frozenset()
        if any(isinstance(one, bytes) for one in came):
            assert "heart" in on
        told = [json.loads(one) for one in came if isinstance(one, str)]
        for one in told:
            if one["kind"] in ("hello", "error"):
                continue
            assert self._needs(one) <= on, (one, on)
            self.n_passed += 1
        assert SECRET not in json.dumps(told) or "notes" in on
        return told

    def _needs(self, told: dict[str, Any]) -> set[str]:
        if told["kind"] == "event":
            if told["type"] in SCALES:
                return {"ratings"}
            return {"notes"} if told["type"] in ("note", "marker") else set()
        if told["kind"] == "metrics":
            needs = {"breathing"} if told.keys() & OF_THE_BREATH else set()
            return needs | ({"heart"} if "window_s" in told else set())
        if told["kind"] in OF_THE_HEART:
            return {"heart"}
        assert told["kind"] == "pacer", told
        return {"breathing"}

    def teardown(self) -> None:
        self.close_own()
        self.close_watching()
        self.run(self._ward.revoke())
        self.run(self._ward.done("mira", "POST", f"/sessions/{self._id}/stop"))
        alive = self.run(self._ward.house.anyone.get("/healthz"))
        assert alive.status_code == 200


@pytest.fixture
def ward_and_runner(start_house: Start) -> Iterator[tuple[Ward, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        house = opened(start_house)
        ward = runner.run(house.__aenter__())
        try:
            yield ward, runner
        finally:
            runner.run(house.__aexit__(None, None, None))


def test_whatever_happens(
    ward_and_runner: tuple[Ward, asyncio.Runner],
) -> None:
    n_passed = 0

    class Here(Watched):
        def __init__(self) -> None:
            super().__init__(*ward_and_runner)

        def teardown(self) -> None:
            nonlocal n_passed
            n_passed += self.n_passed
            super().teardown()

    run_state_machine_as_test(Here, settings=STEPS)
    assert n_passed > 20, "much was seen, so much could have been seen wrongly"
