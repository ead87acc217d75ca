"""Every websocket command × every role × every relation to the session.

A command that is not in the table fails the test, so nobody adds one without saying who
may send it.
"""

from __future__ import annotations

import contextlib
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from biofeedback.service import commands
from biofeedback.service.following import ONLY_A_THERAPIST, ONLY_THE_PERSON
from biofeedback.service.sign_ins import sha256
from biofeedback.store import AccessTokenRow, Role
from tests.service.conftest import BEARER, message, until
from tests.service.ward import RATING, Ward, goodbye, send, so_far

PERSON, THERAPIST, BOTH = {"mira"}, {"kim"}, {"mira", "kim"}

COMMANDS: Mapping[str, tuple[set[str], dict[str, Any]]] = {
    "ping": (BOTH, {"client_time_ms": 1}),
    "traces": (BOTH, {"signals": ["ecg"]}),
    "annotate": (BOTH, {"type": "mark"}),
    "rate": (PERSON, RATING),
    "pacer.set": (PERSON, {"rate_bpm": 6}),
    "pacer.accept": (PERSON, {"proposal": "A"}),
    "pacer.decline": (PERSON, {"proposal": "A"}),
    "hand": (PERSON, {"up": True}),
    "seen": (PERSON, {"message": "A"}),
    "signals": (PERSON, {"signals": []}),
    "replay.set": (PERSON, {"playing": False}),
    "replay.step": (PERSON, {"to": "beat"}),
    "replay.seek": (PERSON, {"t_ms": 0}),
    "replay.loop": (PERSON, {}),
    "pacer.propose": (THERAPIST, {"rate_bpm": 6}),
    "say": (THERAPIST, {"text": "hello"}),
    "stop": (PERSON, {}),
}
"""Who may send it (to a session of mira's, shared with kim), and what it looks like."""

IN_THE_ROOM = {"ping", "annotate", "pacer.propose", "say"}

STRANGERS = {
    # A patient, a therapist whose consent was taken back or is over, one without, a
    # researcher who has consent for research, an administrator.
    **dict.fromkeys(("tom", "lee", "max", "zoe", "ada", "root", "program"), 4404),
    "nobody": 4401,
}


def kinds(union: object) -> set[str]:
    return {str(one.__struct_config__.tag) for one in typing.get_args(union)}


@pytest.fixture
async def shared(ward: Ward) -> str:
    """Give a session of mira's, and everybody a relation to it."""
    add = ward.house.store.accounts.add
    for name in ("max", "zoe"):
        ward.accounts[name] = add(name=name, display=name, role=Role.THERAPIST)
    await ward.consent(to="max", days=1)
    ward.pass_days(1)
    await ward.consent(to="lee")
    await ward.revoke(account=ward.accounts["lee"].id)
    await ward.consent(to="ada", purpose="research")
    ward.cookies["nobody"], ward.cookies["program"] = {}, dict(BEARER)
    return await ward.shared()


def test_every_command_is_in_the_table() -> None:
    assert kinds(commands.Command) == set(COMMANDS), "say in COMMANDS who may send it"
    assert kinds(commands.RoomCommand) == IN_THE_ROOM
    everybody = commands.BY_THE_PERSON | commands.BY_A_THERAPIST
    assert everybody == set(typing.get_args(commands.Command))


async def errors(socket: ClientConnection, answer: str) -> list[str]:
    return [m["detail"] for m in await so_far(socket, answer) if m["kind"] == "error"]


async def test_every_command_of_a_session(ward: Ward, shared: str) -> None:
    refusal = {"mira": ONLY_A_THERAPIST, "kim": ONLY_THE_PERSON}
    for kind, (who_may, fields) in COMMANDS.items():
        if kind in ("stop", "ping"):  # the one ends the walk, the other is in it
            continue
        for who in ("mira", "kim"):
            async with ward.watch(who, shared) as socket:
                await until(socket, "hello")
                await send(socket, kind, **fields)
                told = await errors(socket, "clock")
            assert (refusal[who] in told) is (who not in who_may), (kind, who, told)
    entries = ward.running(shared).pipeline.entries
    by_kim = {e.type for e in entries if e.by == ward.code("kim")}
    assert by_kim == {"watching", "mark", "pacer_proposed", "message"}
    async with ward.watch("kim", shared) as socket:
        await send(socket, "stop")
        assert ONLY_THE_PERSON in await errors(socket, "clock")
    async with ward.watch("mira", shared) as socket:
        await send(socket, "stop")
        assert (await goodbye(socket))[0] == 1000


async def test_strangers_are_not_told_that_there_is_a_session(
    ward: Ward, shared: str
) -> None:
    assert set(STRANGERS) | BOTH == set(ward.cookies), "everybody is walked"
    for who, code in STRANGERS.items():
        code = 4401 if who == "program" else code  # it reads the figures, no more
        async with ward.watch(who, shared) as socket:
            with contextlib.suppress(ConnectionClosed):
                for kind, (_, fields) in COMMANDS.items():
                    await send(socket, kind, **fields)
            told = await goodbye(socket)
        assert told == (code, told[1], []), (who, told)
        async with ward.watch(who, "A" * 26) as socket:  # what never was
            assert (await goodbye(socket))[:2] == told[:2], who
    assert [e.type for e in ward.running(shared).pipeline.entries] == ["sharing"]


async def test_every_command_of_the_room(ward: Ward, shared: str) -> None:
    for who in sorted(STRANGERS | {"mira": 0}):
        async with ward.room(who) as socket:
            if who in ("max", "zoe", "lee"):  # a room of their own, and empty
                assert (await message(socket))["tiles"] == []
                for kind in ("annotate", "pacer.propose", "say"):
                    fields = {**COMMANDS[kind][1], "session": shared}
                    await send(socket, kind, **fields)
                    told = await until(socket, "error")
                    assert told["detail"] == "This session is not in your room.", who
                continue
            code = 4401 if who in ("nobody", "program") else 4403
            assert (await goodbye(socket))[0] == code, who
    async with ward.room("kim") as socket:
        await until(socket, "tile")
        for kind, (_, fields) in COMMANDS.items():
            await send(socket, kind, **{**fields, "session": shared})
            if kind == "ping":
                await until(socket, "pong")
            found = await errors(socket, "pong")
            assert bool(found) is (kind not in IN_THE_ROOM), (kind, found)
    entries = ward.running(shared).pipeline.entries
    by_kim = {e.type for e in entries if e.by == ward.code("kim")}
    assert by_kim == {"watching", "mark", "pacer_proposed", "message"}
    assert ward.running(shared).pipeline.schedule[-1].from_breath == 0


async def test_a_token_that_may_only_read_sends_nothing(
    ward: Ward, shared: str
) -> None:
    for who in ("mira", "kim"):
        account = ward.accounts[who]
        ward.house.store.accounts.add_token(
            AccessTokenRow(
                id=f"token of {who}",
                token_sha256=sha256(f"read-{who}"),
                account_id=account.id,
                label="",
                scope="read",
                created_at_utc_ns=0,
                expires_at_utc_ns=2**62,
            )
        )
        ward.cookies[who] = {"Authorization": f"Bearer read-{who}"}
        async with ward.watch(who, shared) as socket:
            await until(socket, "hello")
            for kind, (who_may, fields) in COMMANDS.items():
                if who not in who_may or kind in ("ping", "traces"):
                    continue
                await send(socket, kind, **fields)
                assert (await until(socket, "error"))["detail"] == (
                    "This token may only read."
                )
    async with ward.room() as socket:
        await until(socket, "tile")
        await send(socket, "say", session=shared, text="hello")
        assert "only read" in (await until(socket, "error"))["detail"]


async def test_nobody_else_is_the_radio_of_a_session(ward: Ward) -> None:
    await ward.consent()
    body = {"strap": "browser:hers", "strap_name": "Polar H10 12345678"}
    id = (await ward.done("mira", "POST", "/sessions", body))["id"]
    await ward.share(id)

    async def code(who: str) -> int:
        uri = f"ws://{ward.house.address}/api/v1/radio/{id}"
        async with connect(uri, additional_headers=ward.cookies[who]) as socket:
            if who != "mira":
                return (await goodbye(socket))[0]
            await send(socket, "begin", stream="a-stream-of-its-own")
            assert (await message(socket))["kind"] == "resume"
            return 0

    for who in ("tom", "kim", "lee", "ada", "root"):
        assert await code(who) == 4404, who
    assert await code("mira") == 0
