"""Together: a pace that is suggested, a message, a mark, a raised hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from biofeedback.errors import SettingsError
from biofeedback.recording.exporters.options import ExportOptions
from biofeedback.recording.exporters.registry import export
from biofeedback.service.room_state import MARKS, RoomState
from biofeedback.service.together import check_proposal, readable
from biofeedback.session.replay import verify
from tests.service.conftest import until
from tests.service.ward import RATING, Ward, event, send, so_far


def said(ward: Ward, id: str) -> list[tuple[str, str, str | None]]:
    entries = ward.running(id).pipeline.entries
    return [(e.type, e.by, e.text) for e in entries if e.type != "watching"][1:]


async def test_a_pace_is_suggested_and_taken_over_at_a_breath(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.watch("mira", id) as hers, ward.watch("kim", id) as his:
        await send(his, "pacer.propose", rate_bpm=5.5, inhale_pct=45)
        asked = await event(hers, "pacer_proposed")
        assert (asked["by"], asked["value"]) == (ward.code("kim"), 5.5)
        assert asked["unit"] == "breaths/min"
        shape = {"inhale_pct": 45, "hold_in_ms": 0, "hold_out_ms": 0}
        assert json.loads(asked["text"]) == shape
        await ward.house.pass_time(4)
        before = ward.running(id).pipeline.schedule[-1]
        await send(hers, "pacer.accept", proposal=asked["id"])
        answer = await event(his, "pacer_accepted")
        assert (answer["by"], answer["text"]) == ("person", asked["id"])
        part = ward.running(id).pipeline.schedule[-1]
        assert (part.rate_bpm, part.inhale_pct) == (5.5, 45)
        assert part.from_breath == before.from_breath + 1, "at the next breath"
        await send(hers, "pacer.accept", proposal=asked["id"])  # sent again
        await send(hers, "pacer.decline", proposal=asked["id"])  # too late: no error
        assert not [m for m in await so_far(hers) if m["kind"] == "error"]
    assert [type for type, _, _ in said(ward, id)] == [
        "pacer_proposed",
        "pacer_accepted",
    ]


async def test_the_person_always_wins(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.watch("mira", id) as hers, ward.watch("kim", id) as his:
        await until(his, "hello")

        async def asked(rate_bpm: float) -> str:
            await send(his, "pacer.propose", rate_bpm=rate_bpm)
            proposed: str = (await event(hers, "pacer_proposed"))["id"]
            return proposed

        async def refused(proposal: str) -> None:
            await send(hers, "pacer.accept", proposal=proposal)
            error = await until(hers, "error")
            assert error["detail"] == "This suggestion is no longer open."

        first = await asked(5)
        second = await asked(6.5)
        await refused(first)  # the newest counts
        await send(hers, "pacer.decline", proposal=second)
        declined = await event(his, "pacer_declined")
        assert declined["text"] == second
        await refused(second)
        third = await asked(5)
        await send(hers, "pacer.set", rate_bpm=6.5)
        declined = await event(his, "pacer_declined")
        assert declined["text"] == third, "a pace of one's own is an answer"
        await refused(third)
        await ward.house.pass_time(11)
        fourth = await asked(5)
        await ward.done("mira", "PUT", f"/sessions/{id}/pacer", {"rate_bpm": 7})
        assert (await event(his, "pacer_declined"))["text"] == fourth
        await ward.house.pass_time(11)
        fifth = await asked(5)
        await ward.house.pass_time(60)
        await refused(fifth)
        await refused("no-such-proposal")
        assert ward.running(id).pipeline.schedule[-1].rate_bpm == 7


async def test_what_cannot_be_suggested_said_or_marked(ward: Ward) -> None:
    id = await ward.shared()
    wrong: list[dict[str, Any]] = [
        {"kind": "pacer.propose", "rate_bpm": 3.9},
        {"kind": "pacer.propose", "rate_bpm": 12.1},
        {"kind": "pacer.propose", "rate_bpm": 6, "inhale_pct": 29},
        {"kind": "pacer.propose", "rate_bpm": 6, "inhale_pct": 51},
        {"kind": "pacer.propose"},
        {"kind": "say", "text": "x" * 201},
        {"kind": "say", "text": " \n\u202e"},
        {"kind": "annotate", "type": "thought"},
        {"kind": "annotate", "type": "sharing", "text": "on"},
        {"kind": "annotate", "type": "arousal"},
        {"kind": "annotate", "type": "mark", "text": "x" * 501},
    ]
    async with ward.watch("kim", id) as detail, ward.room() as room:
        await until(room, "tile")
        for command in wrong:
            await detail.send(json.dumps(command))
            assert (await until(detail, "error"))["advice"], command
            await room.send(json.dumps({**command, "session": id}))
            error = await until(room, "error")
            assert error["detail"], command
        for command in (
            {"kind": "say", "text": "hello", "session": "A" * 26},
            {"kind": "say", "text": "hello"},
        ):
            await room.send(json.dumps(command))
            await until(room, "error")
    assert said(ward, id) == []


async def test_a_message_is_shown_once_and_not_too_many_come(ward: Ward) -> None:
    id = await ward.shared()
    kim = ward.code("kim")
    async with ward.watch("mira", id) as hers, ward.room() as room:
        await until(room, "tile")
        await send(room, "say", session=id, text=" Slow and\n easy. ")
        letter = await event(hers, "message")
        assert (letter["by"], letter["text"]) == (kim, "Slow and easy.")
        for _ in range(2):
            await send(hers, "seen", message=letter["id"])
        await send(hers, "seen", message="nothing")
        assert "no such message" in (await until(hers, "error"))["detail"]
        for n in range(3):
            await send(room, "say", session=id, text=f"word {n}")
        assert "Wait ten seconds" in (await until(room, "error"))["advice"]
        await ward.house.pass_time(10)
        await send(room, "say", session=id, text="once more")
        while (await event(hers, "message"))["text"] != "once more":
            pass
    shown = [text for type, _, text in said(ward, id) if type == "message_shown"]
    assert shown == [letter["id"]]


async def test_marks_and_the_hand(ward: Ward) -> None:
    id = await ward.shared()
    kim = ward.code("kim")
    async with ward.watch("mira", id) as hers, ward.room() as room:
        await until(room, "tile")
        for type in sorted(MARKS):
            await send(room, "annotate", session=id, type=type)
        await send(room, "annotate", session=id, type="mark", text="her jaw let go")
        await send(hers, "hand", up=True)
        await send(hers, "hand", up=True)
        await send(hers, "hand", up=False)
        while (mark := await event(hers, "mark"))["text"] is None:
            pass
        await send(room, "annotate", session=id, type="correction", text=mark["id"])
        back = await event(hers, "correction")
        assert (back["by"], back["text"]) == (kim, mark["id"])
        for wrong in (mark["id"], "no-such-mark", None):  # once is enough
            await send(room, "annotate", session=id, type="correction", text=wrong)
            assert "no mark of yours" in (await until(room, "error"))["detail"]
        await so_far(room, "pong")
        await so_far(hers)
    marks = [(type, kim, None) for type in sorted(MARKS)]
    marked = [one for one in said(ward, id) if one[0] not in ("hand", "correction")]
    assert marked == [*marks, ("mark", kim, "her jaw let go")]
    entries = ward.running(id).pipeline.entries
    assert [e.corrects for e in entries if e.type == "correction"] == [mark["id"]]
    hands = [one for one in said(ward, id) if one[0] == "hand"]
    assert hands == [("hand", "person", "up"), ("hand", "person", "down")]


async def test_nothing_more_once_it_is_not_shared(ward: Ward) -> None:
    id = await ward.shared()
    async with ward.room() as room:
        await until(room, "tile")
        await ward.share(id, "paused")
        await send(room, "say", session=id, text="take your time")
        await so_far(room, "pong")
        assert ("message", ward.code("kim"), "take your time") in said(ward, id)
        await ward.share(id, "off")
        await send(room, "say", session=id, text="and now")
        assert "not in your room" in (await until(room, "error"))["detail"]


async def test_a_session_of_a_room_replays_and_exports(
    ward: Ward, tmp_path: Path
) -> None:
    id = await ward.shared()
    kim, mira = ward.accounts["kim"], ward.accounts["mira"]
    note = {"person": mira.person_id, "session": id, "text": "a private thought"}
    await ward.done("kim", "POST", "/notes", note)
    async with ward.watch("mira", id) as hers, ward.room() as room:
        await until(room, "tile")
        await ward.house.pass_time(5)
        await send(room, "pacer.propose", session=id, rate_bpm=5)
        asked = await event(hers, "pacer_proposed")
        await send(hers, "pacer.accept", proposal=asked["id"])
        await send(room, "say", session=id, text="well met")
        letter = await event(hers, "message")
        await send(hers, "seen", message=letter["id"])
        await send(hers, "hand", up=True)
        await send(room, "annotate", session=id, type="savoring")
        await so_far(room, "pong")
        await ward.done("mira", "POST", f"/sessions/{id}/ratings", RATING)
        await ward.house.pass_time(5)
        await ward.share(id, "paused")
        live = ward.running(id)
        state = ward.house.context.rooms.state(live)
        assert (state.hand, state.sharing) == (True, "paused")
        assert state.answer_to(asked["id"]) == "pacer_accepted"
        assert state.shown == state.letters == {letter["id"]}
        assert state.watching == {kim.code}
    await ward.done("mira", "POST", f"/sessions/{id}/stop")
    await ward.house.context.conductor._tasks.wait(30)
    path = await ward.house.context.conductor.recording_path(id)
    verdict = verify(path)
    assert verdict.ok, verdict.sentence
    bytes_ = path.read_bytes()
    for secret in (b"a private thought", b"Kim", b"Mira", kim.id.encode()):
        assert secret not in bytes_
    for format in ("csv", "bids", "fhir"):
        out = tmp_path / format
        export(path, format, out, ExportOptions())
        told = b"".join(f.read_bytes() for f in files(out))
        assert format == "fhir" or b"therapist" in told, "FHIR has ratings only"
        for secret in (b"well met", b"private", kim.code.encode(), b"Kim"):
            assert secret not in told, (format, secret)


def files(out: Path) -> list[Path]:
    return [out] if out.is_file() else [p for p in out.rglob("*") if p.is_file()]


def test_how_things_stand_before_anything_was_said() -> None:
    state = RoomState()
    assert (state.sharing, state.hand, state.open_proposal(0.0)) == ("off", False, None)
    assert not state.was_shared(1)
    assert not state.was_shared_at(0.0)


@pytest.mark.parametrize("rate_bpm", [4.0, 12.0])
@pytest.mark.parametrize("inhale_pct", [30.0, 50.0])
def test_the_bounds_belong_to_it(rate_bpm: float, inhale_pct: float) -> None:
    check_proposal(rate_bpm, inhale_pct)
    for wrong in (float("nan"), float("inf"), -1.0):
        with pytest.raises(SettingsError):
            check_proposal(wrong, inhale_pct)
        with pytest.raises(SettingsError):
            check_proposal(rate_bpm, wrong)


def test_a_message_is_one_line_that_can_be_read() -> None:
    assert readable("a\tb\r\nc") == "a b c"
    assert readable("\u202edesrever\u202c") == "desrever"
    assert readable("\U0001f469\u200d\U0001f33e") == "\U0001f469\u200d\U0001f33e"
