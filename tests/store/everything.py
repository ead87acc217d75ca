"""A store with something of everything in it, and all that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from biofeedback.store import (
    AccessTokenRow,
    AccountRow,
    DiaryRow,
    EstimateRow,
    InviteRow,
    LossReport,
    NoteRow,
    PasskeyRow,
    PractisedRow,
    Purpose,
    Quality,
    RatingRow,
    RecordingRow,
    Role,
    SessionRow,
    SessionState,
    SignInRow,
    Store,
    Stream,
)
from biofeedback.store.mapping import Rows

NOW_NS = 1_795_800_000_123_456_789
LATER_NS = NOW_NS + 10**16
ODD = "Grüße, שלום, 心拍変動, 🫁\n\t\x01'\"%s:a\\ \x7f"

PARTS = ("accounts", "consents", "notes", "clinics", "homes", "audit")

CHANGES = frozenset(
    {
        "close",
        *("person_called", "add_session", "close_session", "finish_session"),
        *("restore_session", "add_rating", "keep_practised", "forget_practised"),
        *("add_to_diary", "keep_estimate", "add_sign_in", "see_sign_in"),
        *("revoke_sign_in", "revoke_sign_ins"),
        *("accounts.add", "accounts.set_password", "accounts.keep_password"),
        *("accounts.renew", "accounts.revoke", "accounts.add_invite"),
        *("accounts.revoke_invite", "accounts.add_passkey", "accounts.use_passkey"),
        *("accounts.remove_passkey", "accounts.add_token", "accounts.revoke_token"),
        *("consents.grant", "consents.revoke", "notes.add", "notes.remove"),
        *("clinics.join", "clinics.rename", "clinics.leave", "clinics.keep_accounts"),
        *("clinics.end_consents", "clinics.allow_copies", "clinics.end_copies"),
        *("clinics.end_all_copies", "homes.name_clinic", "homes.add", "homes.revoke"),
        *("homes.take_consents", "homes.begin_session", "homes.finish_session"),
        *("audit.add", "audit.made_key"),
    }
)
"""What writes: :func:`fill` does all of it that leaves something behind."""


def fill(store: Store) -> None:
    """Put something into every table, by the methods that put it there."""
    person = store.person()
    other = store.person_called("P-ÖTHER1")
    for n, whose in enumerate((person, other, person)):
        id = f"{n}" * 26
        store.add_session(
            SessionRow(
                id=id,
                person_id=whose.id,
                plan=ODD,
                source="strap",
                simulated=n == 1,
                strap_name="strap",
                started_at_utc_ns=NOW_NS + n,
                speed=None if n else 0.1 + 0.2,
                replay_of=None if n else "9" * 26,
                node=None if n else "node.N-7Q2M9K",
            ),
            f"recordings/2026/11/{id}.mcap",
        )
        store.close_session(id, ended_at_utc_ns=NOW_NS + 9)
        store.add_rating(_rating(f"R{n}", id))
        store.keep_practised(
            PractisedRow(session_id=id, practice=None, minutes=n / 3, symptom=n == 0)
        )
        store.keep_estimate(
            EstimateRow(
                session_id=id,
                person_id=whose.id,
                at_utc_ns=NOW_NS + n,
                rate_bpm=5.5 + 1e-13,
                probability=None,
                rest_rr_ms=5e-324,
                report='{"a": [1, 2.5, null]}',
            )
        )
        store.finish_session(
            id,
            SessionState.COMPLETE,
            recording=RecordingRow(
                session_id=id,
                path=f"recordings/2026/11/{id}.mcap",
                state=SessionState.COMPLETE,
                size_bytes=2**40,
                n_records=2**33,
                sha256="a" * 64,
                loss=LossReport(sentence="A second is lost.", lost_bytes=n),
                quality=None if n else _quality(),
            ),
        )
    store.forget_practised("1" * 26)
    restored = store.session("2" * 26)
    kept = store.recording("2" * 26)
    assert kept is not None
    store.restore_session(restored, kept, [_rating("R9", "2" * 26)])
    store.add_to_diary([_note("D1", person.id), _note("D2", other.id)])
    _fill_accounts(store)
    _fill_homes(store)
    for n in range(5):
        store.audit.add(
            actor="T-7Q2M9K",
            role="therapist",
            action="watch",
            person_id=(person, other)[n % 2].id,
            object_id=f"session-{n}",
            origin="::1" if n else None,
        )
    store.audit.made_key(person.id)


def _fill_accounts(store: Store) -> None:
    accounts, person = store.accounts, store.person()
    admin = accounts.add(
        name="Ada", display="Ada Ö.", role=Role.ADMIN, password_hash="h1"
    )
    kim = accounts.add(name="kim", display="Dr. Kim", role=Role.THERAPIST)
    for n, token in enumerate("abc"):
        accounts.add_invite(
            InviteRow(
                id=f"I{n}",
                token_sha256=token * 64,
                role=Role.PATIENT,
                created_at_utc_ns=NOW_NS + n,
                expires_at_utc_ns=LATER_NS,
                created_by=admin.id,
                account_id=kim.id if n == 1 else None,
            )
        )
    accounts.add(
        name="pat",
        display="Pat",
        role=Role.PATIENT,
        person_id=person.id,
        invite_id="I0",
    )
    accounts.keep_password(admin.id, old="h1", new="h2")
    gone = accounts.add(name="gone", display="Gone", role=Role.RESEARCHER)
    for n, account in enumerate((kim, gone, kim)):
        store.add_sign_in(
            SignInRow(
                token_sha256=f"{n}" * 64,
                person_id=account.person_id,
                created_at_utc_ns=NOW_NS,
                last_seen_utc_ns=NOW_NS,
                expires_at_utc_ns=LATER_NS,
                account_id=account.id,
            )
        )
        accounts.add_passkey(
            PasskeyRow(
                credential_id=f"passkey-{n}",
                account_id=account.id,
                public_key="abc",
                sign_count=2**32 - 1,
                label=ODD,
                created_at_utc_ns=NOW_NS + n,
            )
        )
        accounts.add_token(
            AccessTokenRow(
                id=f"T{n}",
                token_sha256=f"{n}" * 64,
                account_id=account.id,
                label="a program",
                scope="read",
                created_at_utc_ns=NOW_NS + n,
                expires_at_utc_ns=LATER_NS,
            )
        )
    accounts.renew(kim.id, None, invite_id="I1")
    accounts.add_passkey(
        PasskeyRow(
            credential_id="passkey-3",
            account_id=kim.id,
            public_key="abc",
            sign_count=0,
            label="",
            created_at_utc_ns=NOW_NS,
        )
    )
    accounts.use_passkey("passkey-3", 7)
    accounts.revoke_invite("I2")
    accounts.revoke_token("T1")
    store.see_sign_in("0" * 64)
    store.revoke_sign_in("1" * 64)
    store.consents.grant(
        person_id=person.id,
        account_id=kim.id,
        grants=[(stream, Purpose.LIVE) for stream in Stream],
        expires_at_utc_ns=LATER_NS,
        text_version="1",
    )
    store.consents.grant(
        person_id=person.id,
        account_id=gone.id,
        grants=[(Stream.HEART, Purpose.RESEARCH)],
        expires_at_utc_ns=LATER_NS,
        text_version="1",
    )
    store.notes.add(
        NoteRow(
            id="N1",
            person_id=person.id,
            account_id=kim.id,
            at_utc_ns=NOW_NS,
            text=ODD,
            session_id="0" * 26,
        )
    )
    accounts.revoke(gone.id)


def _fill_homes(store: Store) -> None:
    person = store.person()
    store.homes.name_clinic("A clinic")
    home = store.homes.add(person_id=person.id, label="at home", public_key="UKEY1")
    store.homes.revoke(
        store.homes.add(person_id=person.id, label="", public_key="UKEY2").id
    )
    store.clinics.allow_copies(
        person_id=person.id,
        home_id=home.id,
        expires_at_utc_ns=LATER_NS,
        text_version="1",
    )
    there = AccountRow(
        id="W" * 26,
        code="T-ABCDEF",
        name="w",
        display="W.",
        role=Role.THERAPIST,
        person_id="",
        created_at_utc_ns=NOW_NS,
    )
    store.clinics.keep_accounts("C-123456", [there])


def _rating(id: str, session_id: str) -> RatingRow:
    return RatingRow(
        id=id,
        session_id=session_id,
        type="mood",
        value=4.1,
        unit="nrs_0_10",
        moment="after",
        at_utc_ns=NOW_NS,
        in_recording=False,
        prompt=ODD,
        latency_ms=123,
    )


def _note(id: str, person_id: str) -> DiaryRow:
    return DiaryRow(
        id=id,
        person_id=person_id,
        occasion="day",
        group_id=id,
        type="note",
        text=ODD,
        at_utc_ns=NOW_NS,
        utc_offset_s=-3600,
        kept_at_utc_ns=NOW_NS,
    )


def _quality() -> Quality:
    return Quality(
        duration_s=1 / 3,
        n_beats=7,
        coverage=0.1,
        artefact_pct=1e-9,
        n_gaps=0,
        suitable=False,
        reason="too short",
        n_ratings=0,
    )


def answers(store: Store) -> dict[str, Any]:
    """Return what the store says to every question, about everything in it."""
    people = [one.id for one in store.people()]
    sessions = [one.id for one in store.sessions()]
    accounts = store.accounts.all()
    ids = [one.id for one in accounts]
    tokens = [digit * 64 for digit in "0129abc"]
    homes = store.homes.all()
    rows = [(id, one) for id in people for one in ids]
    asked: dict[str, Callable[[], Iterator[Any]]] = {
        "people": lambda: iter([store.people()]),
        "person": lambda: map(store.person, [None, *people]),
        "session": lambda: map(store.session, sessions),
        "find_session": lambda: map(store.find_session, [*sessions, "none"]),
        "sessions": lambda: map(store.sessions, [None, *SessionState]),
        "sessions_of": lambda: map(store.sessions_of, people),
        "unfinished": lambda: iter([store.unfinished()]),
        "recording": lambda: map(store.recording, [*sessions, "none"]),
        "recordings": lambda: iter([store.recordings()]),
        "ratings": lambda: map(store.ratings, sessions),
        "ratings_of": lambda: map(store.ratings_of, people),
        "practised": lambda: map(store.practised, people),
        "diary": lambda: map(store.diary, people),
        "estimates": lambda: map(store.estimates, people),
        "sign_in": lambda: map(store.sign_in, tokens),
        "sign_ins_of": lambda: map(store.sign_ins_of, people),
        "sign_ins_of_account": lambda: (
            sorted(store.sign_ins_of_account(id)) for id in ids
        ),
        "accounts.any": lambda: map(store.accounts.any, [None, *Role]),
        "accounts.all": lambda: iter([accounts]),
        "accounts.get": lambda: map(store.accounts.get, ids),
        "accounts.named": lambda: map(store.accounts.named, ["ADA ", "kim", "x"]),
        "accounts.coded": lambda: map(
            store.accounts.coded, [one.code for one in accounts]
        ),
        "accounts.of_person": lambda: map(store.accounts.of_person, people),
        "accounts.last_seen": lambda: iter([store.accounts.last_seen()]),
        "accounts.revoked": lambda: iter([set(store.accounts.revoked())]),
        "accounts.invite": lambda: map(store.accounts.invite, tokens),
        "accounts.invites": lambda: iter([store.accounts.invites()]),
        "accounts.inviter_of": lambda: map(store.accounts.inviter_of, ids),
        "accounts.passkey": lambda: map(store.accounts.passkey, ["passkey-3", "x"]),
        "accounts.passkeys": lambda: map(store.accounts.passkeys, ids),
        "accounts.token": lambda: map(store.accounts.token, tokens),
        "accounts.tokens": lambda: iter([store.accounts.tokens()]),
        "consents.of_person": lambda: map(store.consents.of_person, people),
        "consents.naming": lambda: (set(store.consents.naming(id)) for id in ids),
        "consents.holding": lambda: iter([set(store.consents.holding())]),
        "notes.about": lambda: (
            store.notes.about(id, account_id=one) for id, one in rows
        ),
        "clinics.joined": lambda: iter([store.clinics.joined()]),
        "clinics.all": lambda: iter([store.clinics.all()]),
        "clinics.consents_to": lambda: iter([store.clinics.consents_to("C-123456")]),
        "clinics.copies_of": lambda: (store.clinics.copies_of(one.id) for one in homes),
        "clinics.copies_by": lambda: map(store.clinics.copies_by, people),
        "homes.clinic": lambda: iter([store.homes.clinic()]),
        "homes.all": lambda: iter([homes]),
        "homes.find": lambda: (store.homes.find(one.id) for one in homes),
        "homes.holds": lambda: (store.homes.holds(one) for one in homes),
        "homes.get": lambda: (store.homes.get(one.id) for one in homes),
        "homes.of_person": lambda: map(store.homes.of_person, people),
        "homes.erased": lambda: iter([store.homes.erased([one.id for one in homes])]),
        "homes.copy_consents": lambda: iter([set(store.homes.copy_consents())]),
        "homes.ended": lambda: map(store.homes.ended, homes),
        "audit.newest": lambda: iter([store.audit.newest(100)]),
        "audit.about": lambda: map(store.audit.about, people),
        "audit.key_of": lambda: map(store.audit.key_of, people),
        "audit.verify": lambda: iter([store.audit.verify()]),
    }
    return {name: list(ask()) for name, ask in asked.items()}


def methods() -> frozenset[str]:
    """Return the name of every public method of a store and of its parts."""
    store = {name for name in vars(Store) if not name.startswith("_")}
    kinds = {kind.__name__.lower(): kind for kind in Rows.__subclasses__()}
    parts = {
        f"{part}.{name}"
        for part in PARTS
        for name in vars(kinds[part])
        if not name.startswith("_")
    }
    return frozenset(store | parts)
