"""Taken back in the middle of a practice, at home and at the clinic; given again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from nats.aio.msg import Msg

from bench.chaos.clinic import PASSWORD, Clinic, Home, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S
from bench.chaos.result import Notes, Result
from bench.chaos.service import typed
from bench.chaos.watching import Viewer
from biofeedback.clinic import nats_config, parcels
from biofeedback.clinic.parcels import Entries
from biofeedback.recording.reader import open_recording
from biofeedback.service.elsewhere.envelopes import (
    WITHHELD,
    decode_envelope,
)

SOON_S = 10.0
"""What was taken back at the clinic has ended at home by then."""

SETTLE_S = 3.0
NOT_SHARED = 4403


class Spy:
    """Hears all that a home says of its heart, whoever it is meant for."""

    def __init__(self) -> None:
        self.copied_ns: list[int] = []
        self.shown_ms: list[float] = []
        self.n = 0

    async def hear_records(self, message: Msg) -> None:
        """Take a parcel."""
        parcel = parcels.decode(message.data)
        self.n += 1
        if isinstance(parcel, Entries):
            self.copied_ns.extend(one.t_ns for one in parcel.entries)

    async def hear_live(self, message: Msg) -> None:
        """Take an envelope."""
        self.n += 1
        for one in decode_envelope(message.data).messages:
            if one.kind == WITHHELD:
                continue
            said = {} if one.signal else msgspec.json.decode(one.data)
            if said.get("type") != "sharing":  # that it is over may be told
                self.shown_ms.append(one.t_ms)


@asynccontextmanager
async def listening(clinic: Clinic, home: Home) -> AsyncIterator[Spy]:
    """Listen to one home."""
    seed = (clinic.nats.folder / nats_config.NODES_SEED).read_text().strip()
    client = await clinic.nats.client(seed)
    spy = Spy()
    try:
        await client.subscribe(f"records.*.{home.row.id}.>", cb=spy.hear_records)
        await client.subscribe(f"live.home.{home.row.id}.>", cb=spy.hear_live)
        await client.flush()
        yield spy
    finally:
        await client.close()


async def taken_back(clinic: Clinic, times: int, seed: int) -> Result:
    """Take consents back on either side while a practice is watched and copied."""
    what = "consent taken back in mid-practice, at home and at the clinic; given again"
    notes = Notes("consents", what, seed)
    home = await clinic.home()
    anna = await _account(clinic, home)

    def at_home() -> None:
        home.allow_copies(None)
        home.service.done("POST", "consents/revoke", {})

    def at_clinic() -> None:
        clinic.nodes["b"].done("POST", "consents/revoke", {}, anna)

    def revoked() -> None:
        data = clinic.folder / "clinic"
        typed(
            *("home", "revoke", home.row.id, "--data", data),
            *("--database", clinic.database),
        )

    for number in range(max(times // 10, 1)):
        with notes.attempt(f"{number}, at home"):
            await _watched(clinic, home, at_home, notes, copies=False, within_s=0.0)
            notes.count("at home")
        with notes.attempt(f"{number}, at the clinic"):
            await _given_again(clinic, home, notes)
            await _watched(clinic, home, at_clinic, notes, copies=True, within_s=SOON_S)
            notes.count("at the clinic")
            await _given_again(clinic, home, notes)
    with notes.attempt("the home is revoked"):
        await _watched(clinic, home, revoked, notes, copies=False, within_s=SOON_S)
        notes.count("home revoked")
    await asyncio.to_thread(home.service.kill)
    return notes.result()


async def _watched(
    clinic: Clinic,
    home: Home,
    take_back: Callable[[], None],
    notes: Notes,
    *,
    copies: bool,
    within_s: float,
) -> None:
    """Practise, take back, and look for anything that was recorded later.

    ``copies``: these may go on. ``within_s`` is how long it may take to get through.
    """
    id = await asyncio.to_thread(home.begin, shared=True)
    viewer = Viewer(id, clinic.therapist, lambda: [clinic.nodes["b"]])
    await viewer.find()
    watching = asyncio.create_task(viewer.stay())
    try:
        async with listening(clinic, home) as spy:
            await until(lambda: spy.shown_ms, "it is seen", limit_s=30)
            await until(lambda: spy.copied_ns, "it is copied", limit_s=30)
            await asyncio.to_thread(take_back)
            at_utc_ns = time.time_ns()
            await asyncio.wait_for(watching, max(within_s, SOON_S))
            assert viewer.codes[-1] == NOT_SHARED, viewer.codes
            await asyncio.sleep(SETTLE_S)
        await asyncio.to_thread(home.stop, id)
        await until(lambda: home.state(id) == "complete", "it is finished at home")
        began_ns = open_recording(home.recording(id)).info.started_at_utc_ns
        over_ns = at_utc_ns - began_ns + round(within_s * 1e9)
        late = [t_ms for t_ms in spy.shown_ms if t_ms * 1e6 > over_ns]
        assert not late, f"shown though it was taken back: {late[:3]}"
        if copies:
            await clinic.wait_for_copy(home, id)
            notes.same(await asyncio.to_thread(compare, clinic, home, id))
            return
        late = [t_ns for t_ns in spy.copied_ns if t_ns > over_ns]
        assert not late, f"sent though it was taken back: {late[:3]}"
        n = await asyncio.to_thread(_is_beginning, clinic, home, id, over_ns)
        notes.count("records of practices that were cut off", n)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _is_beginning(clinic: Clinic, home: Home, id: str, over_ns: int) -> int:
    """Check that the hub has a beginning of a practice, and nothing later."""
    (part,) = clinic.hub.disk.glob(f"copies/{home.row.id}/{id}.mcap.part")
    n = 0
    at_home = open_recording(home.recording(id)).all()
    copy = open_recording(part, salvage=True).salvage()
    for one, other in zip(copy, at_home, strict=False):
        assert one == other, f"the copy differs at {one.sequence}"
        assert one.t_ns <= over_ns, "the hub has what was recorded later"
        n += 1
    return n


async def _given_again(clinic: Clinic, home: Home, notes: Notes) -> None:
    await asyncio.to_thread(home.consent)
    await asyncio.to_thread(home.allow_copies)
    await until(lambda: clinic.copies_allowed(home.row), "copies are allowed again")
    id = await asyncio.to_thread(home.begin, shared=True)
    viewer = Viewer(id, clinic.therapist, lambda: [clinic.nodes["b"]])
    watching = asyncio.create_task(_seen(viewer))
    try:
        await asyncio.wait_for(watching, 60)
        await asyncio.sleep(PRACTICE_S / 2)
        await asyncio.to_thread(home.stop, id)
        await clinic.wait_for_copy(home, id)
        notes.same(await asyncio.to_thread(compare, clinic, home, id))
    finally:
        watching.cancel()


async def _seen(viewer: Viewer) -> None:
    await viewer.find()


async def _account(clinic: Clinic, home: Home) -> dict[str, str]:
    """Let the patient have an account at the clinic, and sign in there."""
    person = next(
        one.pseudonym for one in clinic.store.people() if one.id == home.row.person_id
    )
    name = f"anna{person[-2:]}"
    await asyncio.to_thread(
        typed,
        *("user", "add", name, "--role", "patient", "--person", person),
        *("--password-stdin", "--data", clinic.folder / "clinic"),
        *("--database", clinic.database),
        line=f"{PASSWORD}\n",
    )
    return await asyncio.to_thread(clinic.signed_in, name)
