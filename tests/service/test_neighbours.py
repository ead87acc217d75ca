"""Several people on one service: nobody's doings are in another one's way."""

from __future__ import annotations

import msgspec
import pytest

from biofeedback.errors import SettingsError
from biofeedback.service.app import running
from biofeedback.service.composition import create_context
from biofeedback.session.simulated import SIMULATED_ID, SimulatedDriver
from biofeedback.store import SessionRow, SessionState
from biofeedback.store.catalogue import MOST_SESSIONS
from tests.service.ward import Ward


async def test_one_is_erased_while_another_practises(ward: Ward) -> None:
    hers = await ward.begin()
    his = await ward.begin("tom")
    await ward.house.pass_time(3)
    own = await ward.ask("tom", "POST", "/my-data/erase", {"confirm": "erase"})
    assert own.status_code == 409
    assert own.json()["reason"] == "live"
    await ward.done("tom", "POST", f"/sessions/{his}/stop")
    await ward.house.context.conductor._tasks.wait(0)
    tom = ward.accounts["tom"].person_id
    for _ in range(600):
        gone = await ward.ask("tom", "POST", "/my-data/erase", {"confirm": "erase"})
        if gone.status_code != 409:
            break
        assert gone.json()["reason"] == "saving"
        await ward.house.context.conductor._tasks.wait(0.1)
    assert gone.status_code == 200, gone.text
    store = ward.house.store
    assert tom not in {person.id for person in store.people()}
    before = ward.running(hers).hub.last_seq
    await ward.house.pass_time(3)
    assert ward.running(hers).hub.last_seq > before, "she did not notice"
    ended = await ward.done("mira", "POST", f"/sessions/{hers}/stop")
    assert ended["state"] in ("closing", "complete")
    assert ward.running(hers).recording_error is None
    assert store.find_session(hers) is not None
    assert store.find_session(his) is None


async def test_ones_own_are_listed_however_many_others_practise(ward: Ward) -> None:
    store = ward.house.store
    started_ns = store.now_ns()
    mine = SessionRow(
        id="0" * 26,
        person_id=ward.accounts["mira"].person_id,
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="",
        started_at_utc_ns=started_ns - 10**15,
        state=SessionState.COMPLETE,
    )
    store.add_session(mine)
    for n in range(MOST_SESSIONS):
        store.add_session(
            msgspec.structs.replace(
                mine,
                id=f"{n + 1:026d}",
                person_id=ward.accounts["tom"].person_id,
                started_at_utc_ns=started_ns + n,
            )
        )
    (listed,) = (await ward.get("mira", "/sessions"))["sessions"]
    assert listed["id"] == mine.id


async def test_nothing_begins_by_itself_where_there_are_accounts(ward: Ward) -> None:
    """Whose session would it be?"""
    here = ward.house.context
    drivers = (SimulatedDriver(),)
    settings = msgspec.structs.replace(here.settings, begin=SIMULATED_ID)
    context = create_context(settings, store=here.store, drivers=drivers)
    async with running(context):
        assert context.conductor.going_on == ()
        assert (await context.straps.look()).preferred == SIMULATED_ID
    shown = msgspec.structs.replace(here.settings, replay=here.settings.data / "a.mcap")
    context = create_context(shown, store=here.store, drivers=drivers)
    with pytest.raises(SettingsError, match="nobody in particular"):
        async with running(context):
            pass
