"""All that homes send is sent again, by another name and in another order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench.chaos.clinic import Clinic, until
from bench.chaos.comparing import compare
from bench.chaos.kills import PRACTICE_S
from bench.chaos.result import Notes, Result
from biofeedback.clinic import nats_config, subjects
from biofeedback.clinic.hub.shelf import FOLDER
from biofeedback.clinic.positions import Positions

STREAM = "RECORDS"
EACH = 2
SHUFFLED = 4
"""So many parcels are held back and sent in another order."""

KEPT_S = 60.0


class Echo:
    """Sends each parcel that comes by ``EACH`` times more, some later, out of order."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._held: list[Msg] = []
        self.sent: list[Msg] = []
        self.n = 0

    async def hear(self, message: Msg) -> None:
        """Take one parcel."""
        self.sent.append(message)
        self._held += [message] * EACH
        if len(self._held) >= SHUFFLED * EACH:
            await self.let_go()

    async def let_go(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, []
        self._chance.shuffle(held)
        await self.send(held)

    async def send(self, messages: list[Msg]) -> None:
        """Send these by names that nobody has seen."""
        for message in messages:
            self.n += 1
            name = {"Nats-Msg-Id": f"echo-{self._chance.random()}"}
            await self._client.publish(message.subject, message.data, headers=name)
        await self._client.flush()


@asynccontextmanager
async def echoing(clinic: Clinic, chance: random.Random) -> AsyncIterator[Echo]:
    """Be in the network and repeat what is heard."""
    seed = (clinic.nats.folder / nats_config.NODES_SEED).read_text().strip()
    client = await clinic.nats.client(seed, no_echo=True)
    echo = Echo(client, chance)
    try:
        await client.subscribe("records.>", cb=echo.hear)
        await client.flush()
        yield echo
    finally:
        await client.close()


async def doubled(clinic: Clinic, times: int, seed: int) -> Result:
    """Send everything three times over, shuffled; and all of it again in the end."""
    notes = Notes(
        "duplicates", "every parcel sent twice more, shuffled, then all", seed
    )
    chance = random.Random(f"duplicates {seed}")
    (home,) = clinic.homes
    for number in range(max(times // 4, 1)):
        with notes.attempt(str(number)):
            async with echoing(clinic, chance) as echo:
                id = await asyncio.to_thread(home.begin)
                await asyncio.sleep(PRACTICE_S)
                await asyncio.to_thread(home.rate, id, 5)
                await asyncio.to_thread(home.stop, id)
                await clinic.wait_for_copy(home, id)
                await echo.let_go()
                first = await asyncio.to_thread(compare, clinic, home, id)
                again = list(echo.sent)
                chance.shuffle(again)
                await echo.send([*again, *echo.sent])
                await _taken(clinic, home.row.id)
                second = await asyncio.to_thread(compare, clinic, home, id)
                assert first == second
                notes.same(second)
                notes.count("parcels sent by nobody's leave", echo.n)
    return notes.result()


async def _taken(clinic: Clinic, home_id: str) -> None:
    """Wait until the hub has read all that there is of this home."""
    partition = subjects.partition(home_id)
    seed = (clinic.nats.folder / nats_config.NODES_SEED).read_text().strip()
    client = await clinic.nats.client(seed)
    try:
        asked = msgspec.json.encode({"last_by_subj": f"records.{partition}.>"})
        answer = await client.request(
            f"$JS.API.STREAM.MSG.GET.{STREAM}", asked, timeout=KEPT_S
        )
    finally:
        await client.close()
    last: int = msgspec.json.decode(answer.data)["message"]["seq"]

    def read() -> bool:
        positions = Positions(clinic.hub.disk / FOLDER)
        positions.open()
        return positions.of(partition) >= last

    await until(read, "the hub has read it all", limit_s=KEPT_S)
