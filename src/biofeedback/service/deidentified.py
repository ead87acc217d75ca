"""What a researcher sees of somebody who consented: codes, and no day of the calendar.

A code is a keyed hash of the researcher and of whom or what it stands for. It stays the
same for one researcher, two researchers cannot join what they have by it, and without
the key of the data folder nobody can try all people. All sessions of a person are moved
by as many whole days, so that the first one lies on 1985-01-01: what lies between two
sessions stays, and so does the time of day.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import Depends

from biofeedback.model import Entry, Value
from biofeedback.recording.exporters.entries import (
    kind_of,
    moment_of,
    role_of,
    scale_of,
)
from biofeedback.recording.exporters.options import (
    NS_PER_DAY,
    UNKNOWN_DATE_UTC_NS,
    ExportOptions,
)
from biofeedback.recording.names import device_key
from biofeedback.recording.relabelling import Layer
from biofeedback.recording.tables import Tables
from biofeedback.service.access import is_own, no_such_session, streams_of
from biofeedback.service.consenting import EVERY_STREAM
from biofeedback.service.context import Context, Here, SignedIn
from biofeedback.service.sign_ins import Caller
from biofeedback.store import AccountRow, Purpose, Role, SessionRow, Stream

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8
SESSION_LENGTH = 26
STRAP = "strap"

EXPORTED = frozenset({Stream.HEART, Stream.BREATHING, Stream.RATINGS})
"""What stands in every recording: a researcher needs consent for all of it."""


class Codes:
    """The codes that the researcher of one account sees. Blocks: the key is read.

    Parameters
    ----------
    data
        The data folder, whose key they are made with.
    account_id
        Whose codes they are.
    key
        The key they are made with instead, where several nodes must make the same.
    """

    def __init__(
        self, data: Path, account_id: str, *, key: bytes | None = None
    ) -> None:
        self._reader = account_id
        self._key = device_key(data) if key is None else key

    def person(self, id: str) -> str:
        """Return what stands for a person."""
        return f"S-{self._code('person', id, CODE_LENGTH)}"

    def session(self, id: str) -> str:
        """Return what stands for a session: its own id tells when it was."""
        return self._code("session", id, SESSION_LENGTH)

    def _code(self, kind: str, id: str, length: int) -> str:
        text = f"{kind} of {self._reader}: {id}"
        number = int.from_bytes(
            hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        )
        signs = []
        for _ in range(length):
            number, sign = divmod(number, len(SIGNS))
            signs.append(SIGNS[sign])
        return "".join(signs)


def codes_of(here: Context, account: AccountRow) -> Codes:
    """Return the codes that a researcher sees, the same on all nodes. Blocks."""
    key = None
    if here.store.is_shared:
        audit = here.store.audit
        text = audit.key_of(account.person_id) or audit.made_key(account.person_id)
        if text is None:  # erased just now
            raise no_such_session()
        key = bytes.fromhex(text)
    return Codes(here.store.data, account.id, key=key)


class Mask(Value, frozen=True):
    """What stands in place of what would tell who a session is of, and when it was.

    ``first_utc_ns`` is when the person's first session began. ``reader`` is the code of
    the researcher, whose own comments stay.
    """

    person: str
    session: str
    first_utc_ns: int
    reader: str

    def utc_ns(self, utc_ns: int) -> int:
        """Return an instant, moved by the person's whole days."""
        days = self.first_utc_ns // NS_PER_DAY
        return utc_ns - days * NS_PER_DAY + UNKNOWN_DATE_UTC_NS

    def tables(self, tables: Tables, *, free_text: bool = False) -> Tables:
        """Return a recording as it may be seen; what was typed only if asked for."""
        options = ExportOptions(free_text=free_text)
        return msgspec.structs.replace(
            tables,
            info=msgspec.structs.replace(
                tables.info,
                id=self.session,
                person=self.person,
                strap_name=STRAP,
                device_hash=None,
                started_at_utc_ns=self.utc_ns(tables.info.started_at_utc_ns),
                replay_of=None,
            ),
            entries=tuple(_masked(one, options) for one in tables.entries),
            links=tuple(
                msgspec.structs.replace(one, strap=None) for one in tables.links
            ),
        )

    def layer(self, layer: Layer) -> Layer:
        """Return the labels without what others wrote, and without when."""
        return msgspec.structs.replace(
            layer,
            changes=tuple(
                msgspec.structs.replace(
                    one,
                    at_utc_ns=UNKNOWN_DATE_UTC_NS,
                    by=one.by if one.by == self.reader else role_of(one.by, _NO_TEXT),
                    comment=one.comment if one.by == self.reader else None,
                )
                for one in layer.changes
            ),
        )


_NO_TEXT = ExportOptions()


def _masked(entry: Entry, options: ExportOptions) -> Entry:
    return msgspec.structs.replace(
        entry,
        id=options.identifier(entry.id),
        type=kind_of(entry),
        by=role_of(entry.by, _NO_TEXT),
        unit=scale_of(entry, options),
        moment=moment_of(entry, options),
        text=options.text_of(entry),
        prompt=entry.prompt if options.free_text else None,
        device=None,
        corrects=options.identifier(entry.corrects) if entry.corrects else None,
    )


class Seen(Value, frozen=True):
    """A session that somebody may see; ``mask`` is ``None`` where it is their own."""

    row: SessionRow
    streams: frozenset[Stream]
    mask: Mask | None = None

    @property
    def typed(self) -> bool:
        """Say whether what the person wrote may be seen."""
        return self.mask is None or Stream.NOTES in self.streams


def shown_to(
    here: Context,
    caller: Caller,
    sessions: tuple[SessionRow, ...],
    *,
    needs: frozenset[Stream] = EXPORTED,
) -> list[Seen]:
    """Return those of ``sessions`` that somebody may have for research. Blocks.

    Their own as they are; of who consented to all that is needed, masked, in an order
    that tells nothing.
    """
    codes: Codes | None = None
    first: dict[str, int] = {}
    own, others = [], []
    for row in sessions:
        if is_own(caller, row.person_id):
            own.append(Seen(row=row, streams=EVERY_STREAM))
            continue
        streams = streams_of(here, caller, row.person_id, Purpose.RESEARCH)
        if not streams or not streams >= needs:
            continue
        if codes is None:
            assert caller.account is not None  # nobody else is given consent
            codes = codes_of(here, caller.account)
        if row.person_id not in first:
            first[row.person_id] = first_utc_ns(here, row.person_id)
        mask = Mask(
            person=codes.person(row.person_id),
            session=codes.session(row.id),
            first_utc_ns=first[row.person_id],
            reader=caller.by,
        )
        others.append(Seen(row=row, streams=streams, mask=mask))
    others.sort(key=_by_code)
    return [*own, *others]


def _by_code(seen: Seen) -> tuple[str, int]:
    mask = seen.mask
    return ("" if mask is None else mask.person, -seen.row.started_at_utc_ns)


def first_utc_ns(here: Context, person_id: str) -> int:
    """Return when a person's first session began (UTC), 0 without any. Blocks."""
    sessions = here.store.sessions_of(person_id)
    return sessions[0].started_at_utc_ns if sessions else 0


def find_seen(
    here: Context, caller: Caller, id: str, *, needs: frozenset[Stream] = EXPORTED
) -> Seen | None:
    """Return a session by its id, or by the code that this researcher sees. Blocks."""
    row = here.store.find_session(id)
    if row is not None:
        # Whoever is to see a code is not to learn that an id is right.
        own = is_own(caller, row.person_id)
        return Seen(row=row, streams=EVERY_STREAM) if own else None
    if caller.role is not Role.RESEARCHER or caller.account is None:
        return None
    people = {
        one.person_id
        for one in here.consents.of_account(caller.account.id)
        if one.purpose is Purpose.RESEARCH
    }
    codes = codes_of(here, caller.account)
    for person_id in sorted(people):
        for session in here.store.sessions_of(person_id):
            if codes.session(session.id) == id.upper():
                found = shown_to(here, caller, (session,), needs=needs)
                return found[0] if found else None
    return None


def find_person(here: Context, caller: Caller, code: str) -> str | None:
    """Return the person that a code stands for, if they consented. Blocks."""
    if caller.role is not Role.RESEARCHER or caller.account is None:
        return None
    codes = codes_of(here, caller.account)
    for one in here.consents.of_account(caller.account.id):
        if one.purpose is Purpose.RESEARCH and codes.person(one.person_id) == code:
            return one.person_id
    return None


async def seen_recording(id: str, caller: SignedIn, here: Here) -> Seen:
    """Return the session of the path, as the caller may see its recording.

    Raises
    ------
    Problem
        With status 404, when they may not, or there is none.
    """
    found = await asyncio.to_thread(find_seen, here, caller, id)
    if found is None:
        raise no_such_session()
    return found


SeenRecording = Annotated[Seen, Depends(seen_recording)]
