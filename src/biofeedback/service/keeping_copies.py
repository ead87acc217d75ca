"""What ``--hub`` adds to a service: it keeps the copies of a share of the homes."""

from __future__ import annotations

from collections.abc import Iterator

from biofeedback.bus import Bus
from biofeedback.clinic.copies import Copies
from biofeedback.errors import SettingsError
from biofeedback.figures import AnyFigure, Check
from biofeedback.recording.writer import MIN_FREE_BYTES
from biofeedback.service.finishing import Finisher
from biofeedback.session.clock import Clock
from biofeedback.session.referee import Referee
from biofeedback.settings import Share
from biofeedback.store import Store


class KeepingCopies:
    """A hub, for as long as it is open.

    Parameters
    ----------
    store, bus
        The clinic's; the bus is that of a NATS server with JetStream.
    share
        Whose copies.
    referee
        Writes the summaries.
    node
        What this node is called.
    clock
        For all waiting.

    Raises
    ------
    SettingsError
        When there is no such bus.
    """

    def __init__(
        self,
        *,
        store: Store,
        bus: Bus,
        share: Share,
        referee: Referee,
        node: str,
        clock: Clock,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        from biofeedback.bus.jetstream import JetStreamLog  # nobody at home needs it
        from biofeedback.bus.nats import NatsBus

        if not isinstance(bus, NatsBus):
            raise SettingsError(
                "A hub reads what homes send to a NATS server.",
                "Say where that is with --bus.",
            )
        self._log = JetStreamLog(bus)
        self._copies = Copies(
            store=store,
            log=self._log,
            bus=bus,
            share=share,
            finish=Finisher(store, referee, node=node).finish_copy,
            clock=clock,
            min_free_bytes=min_free_bytes,
        )

    async def open(self) -> None:
        """Begin to keep copies."""
        await self._log.open(create=True)
        await self._copies.open()

    async def close(self) -> None:
        """End in order: what came in is on the disk."""
        await self._copies.close()
        await self._log.close()

    def check(self) -> Check:
        """Say whether copies are kept now."""
        return self._copies.check()

    def figures(self) -> Iterator[AnyFigure]:
        """Return what came in, and what became of it."""
        return self._copies.figures()
