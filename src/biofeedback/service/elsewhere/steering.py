"""Commands from elsewhere, followed once, and commands to elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

import msgspec
from ulid import ULID

from biofeedback.errors import BiofeedbackError, NotSoError
from biofeedback.service import commands
from biofeedback.service.elsewhere.envelopes import Order
from biofeedback.service.elsewhere.mirror import Mirror
from biofeedback.service.following import Following, check_own, check_shared
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.problems import Problem, Trouble
from biofeedback.service.rooms import Rooms
from biofeedback.service.sign_ins import Caller
from biofeedback.session.runner import LiveSession
from biofeedback.store import AccountRow, Store

_LOGGER = logging.getLogger(__name__)

NO_ACCOUNT = "Nobody here has this account."

KEPT_ORDERS = 1000
"""So many commands are known again when they are sent a second time."""


class Orders:
    """The commands that come from other nodes: checked here, and followed once each.

    Parameters
    ----------
    store, rooms, following
        Who there is, what is shared, and what commands do.
    own
        Whether a page of the person themself may be at another node.
    """

    def __init__(
        self, store: Store, rooms: Rooms, following: Following, *, own: bool = True
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._following = following
        self._own = own
        self._known: OrderedDict[str, asyncio.Task[Trouble | None]] = OrderedDict()

    async def follow(self, live: LiveSession, order: Order) -> Trouble | None:
        """Follow a command; return why not, where it was not. Twice is once."""
        if order.id not in self._known:
            self._known[order.id] = asyncio.create_task(self._try(live, order))
            while len(self._known) > KEPT_ORDERS:
                self._known.popitem(last=False)
        return await asyncio.shield(self._known[order.id])

    async def _try(self, live: LiveSession, order: Order) -> Trouble | None:
        try:
            await self._follow(live, order)
        except Problem as problem:
            return Trouble.of(problem)
        except BiofeedbackError as error:
            return Trouble.of(Problem.of(error))
        except msgspec.DecodeError:
            return Trouble.of(Problem(422, "This command cannot be followed."))
        except Exception:
            _LOGGER.exception("A command from elsewhere could not be followed")
            return Trouble.of(Problem(500))
        return None

    async def _follow(self, live: LiveSession, order: Order) -> None:
        command = commands.decode(order.command)
        if order.account is not None:
            account = await account_of(self._store, order.account)
            if account is None:
                raise Problem(403, NO_ACCOUNT, "Sign in again.")
            await self._following.shared(live, command, account)
        elif self._own and order.person_id == self._rooms.person_id(live):
            await self._following.own(live, command, by=order.by)
        else:
            raise Problem(403)


class Steering:
    """Brings a command to its session, on whichever node that is."""

    def __init__(self, following: Following) -> None:
        self._following = following

    async def own(
        self, live: Ongoing, command: commands.Command, caller: Caller
    ) -> None:
        """Let a command of the person themself be followed.

        Raises
        ------
        BiofeedbackError, Problem
            When it was not, or nobody knows whether it was.
        """
        if isinstance(live, LiveSession):
            await self._following.own(live, command, by=caller.by_own)
        elif isinstance(live, Mirror):
            check_own(command)
            await live.order(
                Order(
                    id=str(ULID()),
                    command=msgspec.json.encode(command),
                    person_id=live.person_id,
                    by="program" if caller.sign_in is None else "person",
                )
            )

    async def shared(
        self, live: Ongoing, command: commands.Command, account: AccountRow
    ) -> None:
        """Let a command of somebody who watches be followed; raises as :meth:`own`."""
        if isinstance(live, LiveSession):
            await self._following.shared(live, command, account)
        elif isinstance(live, Mirror):
            check_shared(command)
            self._following.refuse_unshared(live, account)
            await live.order(
                Order(
                    id=str(ULID()),
                    command=msgspec.json.encode(command),
                    account=account.id,
                )
            )


async def account_of(
    store: Store, id: str, *, revoked: bool = False
) -> AccountRow | None:
    """Return an account that may still be used, or with ``revoked`` any."""
    try:
        account = await asyncio.to_thread(store.accounts.get, id)
    except NotSoError:
        return None
    return account if revoked or account.revoked_at_utc_ns is None else None
