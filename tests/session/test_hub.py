"""The hub: everyone gets a true account, and nobody waits for anybody."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.model import KEPT_KINDS, Signal
from biofeedback.session.hub import (
    TRACE_LANE,
    Hub,
    Viewer,
    ViewerEnded,
    ViewerTooSlow,
)
from biofeedback.session.transcript import Message


def message(seq: int, kind: str = "beat") -> Message:
    data = msgspec.json.encode({"v": 1, "seq": seq, "t_ms": 0.0, "kind": kind})
    return Message(seq=seq, kind=kind, t_ms=float(seq), data=data)


async def read_all(viewer: Viewer) -> list[dict[str, object]]:
    seen = []
    while True:
        try:
            seen.append(msgspec.json.decode(await viewer.next()))
        except (ViewerEnded, ViewerTooSlow):
            return seen


def check_unbroken(seen: list[dict[str, object]], after: int, last: int) -> None:
    """Every message is the next number, or a gap that begins at the next number."""
    at = after
    for one in seen:
        if one["kind"] == "gap":
            assert one["from_seq"] == at + 1
            assert one["seq"] == one["to_seq"]
        else:
            assert one["seq"] == at + 1
        at = int(str(one["seq"]))
    assert at == last


async def test_a_late_viewer_gets_what_is_held_and_then_what_comes() -> None:
    hub = Hub()
    for seq in range(1, 6):
        hub.publish(message(seq))
    viewer = hub.subscribe()
    hub.publish(message(6))
    hub.end()
    seen = await read_all(viewer)
    assert [one["seq"] for one in seen] == [1, 2, 3, 4, 5, 6]


async def test_since_goes_on_after_that_number() -> None:
    hub = Hub()
    for seq in range(1, 6):
        hub.publish(message(seq))
    viewer = hub.subscribe(since=3)
    hub.end()
    assert [one["seq"] for one in await read_all(viewer)] == [4, 5]


async def test_what_is_no_longer_held_is_announced_as_a_gap() -> None:
    hub = Hub(held_live=2)
    hub.publish(message(1, "link"))
    for seq in range(2, 11):
        hub.publish(message(seq))
    viewer = hub.subscribe()
    hub.end()
    seen = await read_all(viewer)
    assert [one["kind"] for one in seen] == ["link", "gap", "beat", "beat"]
    assert (seen[1]["from_seq"], seen[1]["to_seq"]) == (2, 8)


async def test_a_slow_viewer_loses_the_oldest_live_messages_and_no_event() -> None:
    hub = Hub(live_lane=3)
    viewer = hub.subscribe()
    for seq in range(1, 21):
        hub.publish(message(seq, "event" if seq % 5 == 0 else "metrics"))
    hub.end()
    seen = await read_all(viewer)
    assert [one["seq"] for one in seen if one["kind"] == "event"] == [5, 10, 15, 20]
    assert [one["seq"] for one in seen if one["kind"] == "metrics"] == [17, 18, 19]
    check_unbroken(seen, 0, 20)
    assert viewer.dropped == 13


async def test_events_beyond_the_lane_end_the_viewer_rather_than_be_dropped() -> None:
    hub = Hub(kept_lane=4)
    slow, quick = hub.subscribe(), hub.subscribe()
    for seq in range(1, 8):
        hub.publish(message(seq, "event"))
        await quick.next()
    assert [(msgspec.json.decode(await slow.next()))["seq"] for _ in range(4)] == [
        1,
        2,
        3,
        4,
    ]
    with pytest.raises(ViewerTooSlow):
        await slow.next()
    again = hub.subscribe(since=slow.last_seq)
    hub.end()
    assert [one["seq"] for one in await read_all(again)] == [5, 6, 7]


async def test_next_waits_until_something_comes() -> None:
    hub = Hub()
    viewer = hub.subscribe()
    waiting = asyncio.create_task(viewer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.publish(message(1))
    assert msgspec.json.decode(await waiting)["seq"] == 1
    viewer.close()
    assert hub.n_viewers == 0


@given(
    st.lists(
        st.sampled_from(["beat", "metrics", "event", "link", "read", "late"]),
        max_size=120,
    )
)
def test_whatever_happens_the_account_has_no_silent_hole(steps: list[str]) -> None:
    async def play() -> None:
        hub = Hub(held_live=10, live_lane=4, kept_lane=200)
        viewers = [(0, hub.subscribe(), list[dict[str, object]]())]
        seq = 0
        for step in steps:
            if step == "late":
                viewers.append((seq // 2, hub.subscribe(seq // 2), []))
            elif step == "read":
                for _, viewer, seen in viewers:
                    if viewer.last_seq < seq:
                        seen.append(msgspec.json.decode(await viewer.next()))
            else:
                seq += 1
                hub.publish(message(seq, step))
        hub.end()
        for after, viewer, seen in viewers:
            seen += await read_all(viewer)
            check_unbroken(seen, after, seq)
            kept = [one["seq"] for one in seen if one["kind"] in KEPT_KINDS]
            assert kept == sorted(set(kept), key=lambda s: int(str(s)))

    asyncio.run(play())


def frame(number: int, signal: Signal = Signal.ECG, seq: int = 0) -> Message:
    data = bytes([1, 1]) + number.to_bytes(4, "little")
    return Message(seq=seq, kind="samples", t_ms=0.0, data=data, signal=signal)


async def test_samples_go_only_to_who_asked_and_take_no_number() -> None:
    hub = Hub()
    watching, plain = hub.subscribe(), hub.subscribe()
    watching.want([Signal.ECG])
    hub.publish(message(1))
    hub.publish(frame(1, Signal.ECG, seq=1))
    hub.publish(frame(1, Signal.ACC, seq=1))
    hub.publish(message(2))
    assert hub.last_seq == 2
    assert await watching.next_frame() == frame(1).data
    hub.end()
    for viewer in (watching, plain):
        seen = await read_all(viewer)
        assert [one["seq"] for one in seen] == [1, 2]
        assert [one["kind"] for one in seen] == ["beat", "beat"]


async def test_a_slow_viewer_loses_the_oldest_frames_and_nothing_else() -> None:
    hub = Hub()
    viewer = hub.subscribe()
    viewer.want([Signal.ECG])
    for number in range(1, TRACE_LANE + 11):
        hub.publish(frame(number))
    hub.publish(message(1))
    hub.end()
    numbers = [
        int.from_bytes((await viewer.next_frame())[2:], "little")
        for _ in range(TRACE_LANE)
    ]
    assert numbers == list(range(11, TRACE_LANE + 11))
    seen = await read_all(viewer)
    assert [one["kind"] for one in seen] == ["beat"]  # the loss made no gap
    assert viewer.dropped == 0


async def test_late_viewers_get_no_samples_of_the_past() -> None:
    hub = Hub()
    hub.publish(frame(1))
    viewer = hub.subscribe()
    viewer.want([Signal.ECG])
    hub.publish(frame(2))
    assert await viewer.next_frame() == frame(2).data


async def test_frames_no_longer_wanted_are_not_sent() -> None:
    hub = Hub()
    viewer = hub.subscribe()
    viewer.want([Signal.ECG, Signal.ACC])
    hub.publish(frame(1, Signal.ECG))
    hub.publish(frame(2, Signal.ACC))
    viewer.want([Signal.ACC])
    hub.publish(frame(3, Signal.ECG))
    assert await viewer.next_frame() == frame(2).data
    waiting = asyncio.create_task(viewer.next_frame())
    hub.end()
    await asyncio.sleep(0)
    assert not waiting.done()  # the end of a session is told by next() alone
    waiting.cancel()
