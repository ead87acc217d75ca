"""Parcels from the log: what is taken of them into a copy, and what is refused."""

from __future__ import annotations

import logging

from biofeedback.bus.log import Logged
from biofeedback.clinic import parcels, subjects
from biofeedback.clinic.admission import Admission
from biofeedback.clinic.copy_writer import (
    CopyWriter,
    Taken,
    check_begun,
    check_entries,
    same_session,
)
from biofeedback.clinic.fates import SESSION_ID, Fate, final_path
from biofeedback.clinic.hub.asking import Asking
from biofeedback.clinic.hub.copy import ASK_AGAIN_AFTER_S, Copy
from biofeedback.clinic.hub.counted import Counted
from biofeedback.clinic.hub.ending import Ending
from biofeedback.clinic.hub.shelf import Shelf
from biofeedback.clinic.hub.trouble import RefusedError
from biofeedback.clinic.parcels import Begun, Ended, Entries, Parcel
from biofeedback.clinic.threads import Threads
from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import SessionInfo
from biofeedback.session.clock import Clock
from biofeedback.store import SessionRow, Store

_LOGGER = logging.getLogger(__name__)

MOST_REMEMBERED = 10_000


class Taking:
    """Takes one parcel after the other into the copies of a shelf.

    Parameters
    ----------
    store
        Where sessions are listed.
    admission
        Whose parcels may come in.
    shelf, asking, ending
        Where copies are, who asks for what is missing, and who finishes them.
    threads
        For all that blocks.
    counted
        Where it is counted what became of each.
    clock
        By which a copy that could not be written is tried again.
    """

    def __init__(
        self,
        store: Store,
        *,
        admission: Admission,
        shelf: Shelf,
        asking: Asking,
        ending: Ending,
        threads: Threads,
        counted: Counted,
        clock: Clock,
    ) -> None:
        self._store = store
        self._admission = admission
        self._shelf = shelf
        self._asking = asking
        self._ending = ending
        self._threads = threads
        self._counted = counted
        self._clock = clock
        self._refused: dict[tuple[str, str], str] = {}

    def refusal_of(self, home_id: str, session: str) -> str | None:
        """Say why a session is refused for good; ``None``: the last of it was taken."""
        return self._refused.get((home_id, session))

    async def take(self, partition: int, logged: Logged) -> None:
        """Take what is new in a parcel; one that cannot be taken is counted and over.

        Raises
        ------
        BiofeedbackError, OSError
            When it is not the parcel's fault: nothing can be taken now.
        """
        try:
            outcome = await self._taken(partition, logged)
        except RefusedError as refusal:
            outcome = refusal.reason
            _LOGGER.debug("A parcel was refused: %s", refusal.why)
        except (BiofeedbackError, OSError):
            raise
        except Exception:
            _LOGGER.exception("A parcel could not be taken")
            outcome = "failed"
        self._counted.count("parcels", outcome)

    async def _taken(self, partition: int, logged: Logged) -> str:
        home_id, session = _address(partition, logged)
        parcel = _decoded(logged.data, session)
        refusal = await self._admission.refusal(home_id, parcel.consent)
        if refusal is not None:
            if refusal.for_good:
                self._remember(home_id, session, refusal.sentence)
            else:
                copy = self._shelf.copy(home_id, session)
                async with copy.turn:
                    await self._shelf.look(copy)
                    await self._asking.rest_of(copy)
            raise RefusedError(refusal.reason, refusal.sentence)
        copy = self._shelf.copy(home_id, session)
        async with copy.turn:
            await self._shelf.look(copy)
            if copy.blocked_until_ns > self._clock.now_ns():
                raise RefusedError("blocked", "its journal cannot be written now")
            match parcel:
                case Begun():
                    outcome = await self._take_begun(copy, parcel)
                case Entries():
                    outcome = await self._take_entries(copy, parcel, len(logged.data))
                case Ended():
                    outcome = await self._take_ended(copy, parcel)
        self._refused.pop((home_id, session), None)
        return outcome

    def _remember(self, home_id: str, session: str, why: str) -> None:
        self._refused[home_id, session] = why
        while len(self._refused) > MOST_REMEMBERED:
            self._refused.pop(next(iter(self._refused)))

    # --- How it begins ----------------------------------------------------------------

    async def _take_begun(self, copy: Copy, begun: Begun) -> str:
        try:
            info = check_begun(begun)
        except ValueError as error:
            raise RefusedError("malformed", str(error)) from error
        if copy.fate is not None:
            return "known"
        if copy.writer is not None:
            if same_session(copy.writer.info, info):
                return "known"
            raise self._contradiction(copy)
        home = await self._admission.home(copy.home)
        if home is None:
            raise RefusedError("home", "it was revoked just now")
        self._shelf.check_room()
        try:
            await self._threads.ask(self._begin, copy, begun, info, home.person_id)
        except RecordingError as error:
            raise self._blocked(copy, error) from error
        return "new"

    def _begin(
        self, copy: Copy, begun: Begun, info: SessionInfo, person_id: str
    ) -> None:
        person = self._list_session(copy, info, person_id)
        path = copy.anew if copy.is_anew else copy.journal
        copy.writer = CopyWriter.begin(path, begun, person)

    def _list_session(self, copy: Copy, info: SessionInfo, person_id: str) -> str:
        row = SessionRow.of(info, person_id, node=subjects.origin(copy.home))
        listed = self._store.homes.begin_session(row, final_path(info))
        same = (row.node, row.person_id, row.started_at_utc_ns) == (
            listed.node,
            listed.person_id,
            listed.started_at_utc_ns,
        )
        if not same:
            raise RefusedError("foreign", "the session is not of this home")
        return self._store.person(person_id).pseudonym

    # --- What follows, and how it ends ------------------------------------------------

    async def _take_entries(self, copy: Copy, parcel: Entries, n_bytes: int) -> str:
        try:
            check_entries(parcel)
        except ValueError as error:
            raise RefusedError("malformed", str(error)) from error
        if copy.fate is not None:
            return "known"
        if copy.writer is None:
            await self._asking.rest_of(copy)
            return "hole"
        if copy.writer.is_full_of_topics(parcel):
            raise RefusedError("malformed", "it has too many topics")
        try:
            taken = copy.writer.take(parcel)
        except RecordingError as error:  # the disk refused a moment ago
            raise self._blocked(copy, error) from error
        match taken:
            case Taken.NEW:
                copy.wait_s = ASK_AGAIN_AFTER_S[0]
                self._shelf.unsynced.add(copy, n_bytes)
            case Taken.HOLE:
                await self._asking.rest_of(copy)
            case Taken.CONTRADICTION:
                raise self._contradiction(copy)
        return str(taken.value)

    async def _take_ended(self, copy: Copy, ended: Ended) -> str:
        if copy.fate is not None:
            if copy.fate.content_sha256 != ended.content_sha256:
                raise self._contradiction(copy)
            return "known"
        writer = copy.writer
        if writer is None or writer.last < ended.last:
            await self._asking.rest_of(copy)
            return "hole"
        if writer.last > ended.last:
            await self._asking.all_of(copy)
            return "disagreement"
        fate = Fate(
            last=ended.last,
            content_sha256=ended.content_sha256,
            path=final_path(writer.info),
            recovery=ended.recovery,
            has_gaps=bool(ended.missing),
        )
        await self._ending.end(copy, writer, fate)
        return "new"

    def _contradiction(self, copy: Copy) -> RefusedError:
        if not self._counted.n("parcels", "contradiction"):
            _LOGGER.warning(
                "Home %s sends other entries by numbers that are there already; they "
                "are refused.",
                copy.home,
            )
        return RefusedError("contradiction", "others are there by the same numbers")

    def _blocked(self, copy: Copy, error: RecordingError) -> RefusedError:
        self._shelf.failed(copy, error)
        return RefusedError("blocked", error.message)


def _address(partition: int, logged: Logged) -> tuple[str, str]:
    words = logged.subject.split(".")
    if len(words) != 4 or not SESSION_ID.fullmatch(words[3]):
        raise RefusedError("malformed", "its subject names no session")
    home_id = words[2]
    if subjects.partition(home_id) != partition:
        raise RefusedError("malformed", "it is in another home's partition")
    return home_id, words[3]


def _decoded(data: bytes, session: str) -> Parcel:
    try:
        parcel: Parcel = parcels.decode(data)
    except (ValueError, MemoryError) as error:
        raise RefusedError("malformed", str(error)) from error
    if parcel.session != session:
        raise RefusedError("malformed", "it is of another session")
    return parcel
