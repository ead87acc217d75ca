"""What a hub says when a home asks what there is of its sessions."""

from __future__ import annotations

from biofeedback.bus.interface import Delivery
from biofeedback.clinic.admission import Admission
from biofeedback.clinic.fates import SESSION_ID
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.hub.taking import Taking
from biofeedback.clinic.messages import MOST_ASKED, Has, Have, Kept, of_json, to_json


class Answering:
    """Tells homes what is on the disk, and why the rest of it is not taken."""

    def __init__(self, admission: Admission, shelf: Shelf, taking: Taking) -> None:
        self._admission = admission
        self._shelf = shelf
        self._taking = taking

    async def have(self, delivery: Delivery) -> bytes:
        """Answer a home; one that is not known is told of nothing."""
        home_id = delivery.subject.rpartition(".")[2]
        has: dict[str, Kept] = {}
        try:
            asked = of_json(Have, delivery.data).sessions[:MOST_ASKED]
        except ValueError:
            asked = ()
        if asked and await self._admission.home(home_id) is not None:
            for session in filter(SESSION_ID.fullmatch, asked):
                if (kept := await self._kept(home_id, session)) is not None:
                    has[session] = kept
        return to_json(Has(sessions=has))

    async def _kept(self, home_id: str, session: str) -> Kept | None:
        copy = self._shelf.copy(home_id, session)
        async with copy.turn:
            await self._shelf.look(copy)
            kept = copy.kept
        why = self._taking.refusal_of(home_id, session)
        if why is not None and (kept is None or kept.state == "open"):
            last = 0 if kept is None else kept.last
            return Kept(last=last, state="refused", why=why)
        return kept
