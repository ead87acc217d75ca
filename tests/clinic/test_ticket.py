"""The ticket: kept like a key, and refused in a sentence when it is none."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import msgspec
import pytest

from biofeedback.clinic import nats_config
from biofeedback.clinic import ticket as tickets
from biofeedback.clinic.ticket import FORMAT, Clinic, Ticket
from biofeedback.errors import BiofeedbackError, NotSoError, SettingsError
from biofeedback.service.at_home.joining import join, leave
from biofeedback.store import AccountRow, CopyConsentRow, Role, SessionRow, Store
from biofeedback.store.backup import back_up
from biofeedback.store.clinics import covered
from biofeedback.store.erasing import erase

SEED = "SU" + "A" * 56
TICKET = Ticket(
    format=FORMAT,
    clinic=Clinic(id="C-3F6T2A", name="Clinic by the lake"),
    home="H-7Q2M9K",
    servers=("tls://localhost:4222",),
    ca="-----BEGIN CERTIFICATE-----",
    seed=SEED,
    join_before_utc_ns=1000,
)


def written(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "home.ticket"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, TICKET.to_json())
    assert tickets.read(path, now_utc_ns=999) == TICKET
    tickets.keep(TICKET, tmp_path)
    kept = tickets.kept_at(tmp_path)
    assert tickets.read(kept) == TICKET
    assert kept.stat().st_mode & 0o777 == 0o600
    assert tickets.ca_file(tmp_path).read_text() == TICKET.ca
    tickets.forget(tmp_path)
    assert not kept.exists()


def _changed(**changes: object) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(TICKET) | changes)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "home.ticket is no ticket of a clinic."),
        (b"\x00\xff" * 40, "home.ticket is no ticket of a clinic."),
        (b'{"format": "elsewhere/1"}', "home.ticket is no ticket of a clinic."),
        (b" " * 100_000, "home.ticket is no ticket of a clinic."),
        (
            _changed(format="biofeedback-home/2"),
            "This ticket is for another version of this program.",
        ),
        (_changed(seed="SUshort"), "The ticket home.ticket is damaged."),
        (_changed(seed=17), "The ticket home.ticket is damaged."),
        (_changed(home="H-1.>"), "The ticket home.ticket is damaged."),
        (_changed(servers=[]), "The ticket home.ticket is damaged."),
        (_changed(servers=["file:///etc"]), "The ticket home.ticket is damaged."),
        (_changed(join_before_utc_ns=5), "This ticket is too old to join by."),
    ],
    ids=range(11),
)
def test_what_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        tickets.read(written(tmp_path, content), now_utc_ns=999)
    assert refused.value.message == said
    assert "SU" not in f"{refused.value!r}{refused.value.__cause__!r}"


def test_one_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Others on this computer can read"):
        tickets.read(written(tmp_path, TICKET.to_json(), 0o644))


def test_its_secret_shows_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert SEED not in repr(TICKET)
    assert SEED not in str(TICKET)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("any").info("%s %r", TICKET, [TICKET])
    assert SEED not in caplog.text


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data", now_ns=lambda: 500)


def test_joining_again_takes_the_new_ticket(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path, TICKET.to_json())
    join(store, path)
    assert store.clinics.joined() == store.clinics.all()[0]
    new = msgspec.structs.replace(TICKET, home="H-222222", seed="SU" + "B" * 56)
    join(store, written(tmp_path, new.to_json()))
    joined = store.clinics.joined()
    assert joined is not None
    assert joined.home_id == "H-222222"
    assert tickets.read(tickets.kept_at(store.data)) == new


def test_one_clinic_at_a_time(tmp_path: Path, store: Store) -> None:
    join(store, written(tmp_path, TICKET.to_json()))
    other = msgspec.structs.replace(TICKET, clinic=Clinic(id="C-222222", name="Other"))
    with pytest.raises(NotSoError, match="has joined Clinic by the lake already"):
        join(store, written(tmp_path, other.to_json()))
    with pytest.raises(NotSoError, match="The clinic that was joined is"):
        leave(store, "Other")
    assert tickets.read(tickets.kept_at(store.data)) == TICKET


def test_where_several_have_accounts_is_no_home(tmp_path: Path, store: Store) -> None:
    store.accounts.add(name="root", display="root", role=Role.ADMIN)
    with pytest.raises(NotSoError, match="Several people have accounts here"):
        join(store, written(tmp_path, TICKET.to_json()))
    assert not tickets.kept_at(store.data).exists()


def test_a_clinics_people_never_replace_ones_own(tmp_path: Path, store: Store) -> None:
    join(store, written(tmp_path, TICKET.to_json()))
    kim = AccountRow(
        id="K", code="T-111111", name="", display="Kim", role=Role.THERAPIST,
        person_id="", created_at_utc_ns=0,
    )  # fmt: skip
    assert store.clinics.keep_accounts("C-3F6T2A", [kim])
    assert not store.clinics.keep_accounts("C-3F6T2A", [kim])
    (kept,) = store.accounts.all()
    assert (kept.id, kept.clinic, kept.password_hash) == ("K", "C-3F6T2A", None)
    assert not store.accounts.any()
    assert store.accounts.named(kept.name) is None
    assert len(store.people()) == 1
    # Another clinic, or one that says somebody is an administrator, changes nothing.
    assert not store.clinics.keep_accounts("C-222222", [kim])
    boss = msgspec.structs.replace(kim, id="B", role=Role.ADMIN)
    store.clinics.keep_accounts("C-3F6T2A", [kim, boss])
    assert {one.id for one in store.accounts.all()} == {"K"}
    store.clinics.keep_accounts("C-3F6T2A", [])
    assert store.accounts.get("K").revoked_at_utc_ns == 500
    # Back again: what was given to them before is not.
    store.clinics.keep_accounts("C-3F6T2A", [kim])
    assert store.accounts.get("K").revoked_at_utc_ns is None


def test_a_backup_has_no_secret_of_homes_and_nodes(
    tmp_path: Path, store: Store
) -> None:
    join(store, written(tmp_path, TICKET.to_json()))
    folder = store.data / nats_config.FOLDER
    here = Path(__file__)
    nats_config.write(folder, nats_config.Server(certificate=here, key=here), ())
    (folder / "log").mkdir()
    (folder / "log" / "1.blk").write_bytes(b"parcels of homes")
    back_up(store.data, tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as backup:
        assert "clinic/ticket.json" not in backup.namelist()
        assert not [one for one in backup.namelist() if one.startswith("nats/")]
        assert not any(SEED.encode() in backup.read(one) for one in backup.namelist())


def test_leaving_while_nobody_can_be_told(tmp_path: Path, store: Store) -> None:
    unreachable = msgspec.structs.replace(
        TICKET, servers=("nats://127.0.0.1:9",), ca=None
    )
    join(store, written(tmp_path, unreachable.to_json()))
    try:
        _, knows = leave(store)
    except BiofeedbackError as error:
        pytest.fail(str(error))
    assert not knows
    assert store.clinics.joined() is None
    # The service says goodbye later: it needs the ticket for that.
    assert tickets.kept_at(store.data).exists()
    # Another clinic's would take its place, and the first would never be told.
    other = msgspec.structs.replace(TICKET, clinic=Clinic(id="C-222222", name="Other"))
    with pytest.raises(NotSoError, match="Clinic by the lake does not know yet"):
        join(store, written(tmp_path, other.to_json()))
    assert tickets.read(tickets.kept_at(store.data)) == unreachable
    join(store, written(tmp_path, TICKET.to_json()))  # the same one: it is told so


def test_somebody_who_is_erased_leaves_first(tmp_path: Path, store: Store) -> None:
    # Whoever practises here next is somebody else to the clinic.
    join(store, written(tmp_path, TICKET.to_json()))
    erase(store, store.person().id)
    assert store.clinics.joined() is None
    assert not tickets.kept_at(store.data).exists()
    assert not tickets.ca_file(store.data).exists()  # it names the clinic


def test_a_home_gets_no_accounts(tmp_path: Path, store: Store) -> None:
    join(store, written(tmp_path, TICKET.to_json()))
    with pytest.raises(NotSoError, match="has joined a clinic"):
        store.accounts.add(name="root", display="root", role=Role.ADMIN)


def test_renewing_goes_on_and_a_break_begins_anew(store: Store) -> None:
    def row(granted: int, expires: int, revoked: int | None = None) -> CopyConsentRow:
        return CopyConsentRow(
            id=f"{granted}", person_id="P", home_id="H", text_version="1",
            granted_at_utc_ns=granted, expires_at_utc_ns=expires,
            revoked_at_utc_ns=revoked,
        )  # fmt: skip

    assert covered([], 50) is None
    assert covered([row(10, 40)], 50) is None
    renewed = covered([row(10, 90, 30), row(30, 90)], 50)
    assert renewed is not None
    assert (renewed.consent.id, renewed.since_utc_ns) == ("30", 10)
    broken = covered([row(10, 90, 20), row(30, 90)], 50)
    assert broken is not None
    assert broken.since_utc_ns == 30


def test_a_clock_that_was_set_back_sends_nothing_from_before_the_yes(
    store: Store,
) -> None:
    person, hour_ns = store.person(), 3600 * 10**9
    began_ns = store.now_ns() + hour_ns  # by the clock as it was then
    session = SessionRow(
        id="01KB0000000000000000000000", person_id=person.id, plan="free",
        source="strap", simulated=False, strap_name="H10", started_at_utc_ns=began_ns,
    )  # fmt: skip
    store.add_session(session, "recordings/2026/11/x.mcap")
    for _ in range(2):  # agreeing for longer goes on with the first yes
        store.clinics.allow_copies(
            person_id=person.id,
            home_id="H-7Q2M9K",
            expires_at_utc_ns=began_ns + 24 * hour_ns,
            text_version="1",
        )
    now = covered(store.clinics.copies_of("H-7Q2M9K"), store.now_ns())
    assert now is not None
    assert now.since_utc_ns == began_ns + 1
