"""A clinic with many homes: real servers, real credentials, real consents."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Literal, NamedTuple
from urllib.request import urlopen

from ulid import ULID

from bench.capacity.homes import Patient
from bench.load.clinic import cookie
from bench.load.processes import house
from bench.load.viewers import Place
from biofeedback.clinic import nats_config
from biofeedback.clinic.credentials import new_nkey
from biofeedback.service.consent_texts import CURRENT
from biofeedback.service.sign_ins import SignIns
from biofeedback.store import (
    AccountRow,
    ConsentRow,
    CopyConsentRow,
    Purpose,
    Role,
    Store,
    Stream,
)
from tests.clinic.clinic_server import ClinicServer
from tests.postgres import PostgresServer, a_server
from tests.session.clusters import free_port

NS_PER_DAY = 86_400_000_000_000
SESSIONS_OF_A_THERAPIST = 25
"""One sign-in may hold 32 websockets."""

TILES = 30
LATER = 10**9
LIVE, ROOM = "/api/v1/live", "/api/v1/room"

Screens = Literal["sessions", "rooms"]


class Clinic(NamedTuple):
    """Everything that runs, and who is there.

    ``node`` is where viewers are; with one configuration that is the hub itself.
    """

    hub: Popen[str]
    hub_address: str
    node: Popen[str]
    node_address: str
    nats_pid: int
    monitor: str
    postgres: PostgresServer
    postgres_pid: int
    database: str
    data: Path
    log: Path
    server: str
    ca: Path
    patients: tuple[Patient, ...]
    places: tuple[Place, ...]

    def nats(self, what: str) -> dict[str, float]:
        """Return what the NATS server says of itself."""
        with urlopen(f"http://{self.monitor}/{what}", timeout=30) as answer:
            told: dict[str, float] = json.load(answer)
            return told


@contextlib.contextmanager
def a_clinic(
    *,
    patients: int,
    viewers_per_patient: int,
    screens: Screens = "sessions",
    apart: bool = False,
) -> Iterator[Clinic]:
    """Set up a clinic; nothing of it stays behind.

    Parameters
    ----------
    screens
        Whether a viewer looks at one session, or has a room with a tile for each of
        thirty patients.
    apart
        Whether viewers are at another node than the hub.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cap-")))
        # On a disk, as in earnest: what must be on it takes its time.
        postgres = stack.enter_context(
            a_server(Path(tempfile.gettempdir()), shared_buffers="128MB")
        )
        database = postgres.empty()
        data = folder / "hub"
        port, monitor_port = free_port(), free_port()
        _configure(data, database, port)
        with contextlib.closing(Store(folder / "making", database)) as store:
            people = _People(store, per_therapist=_share(screens))
            homes = people.make(patients, viewers_per_patient)
            nats_folder = data / nats_config.FOLDER
            nats_config.write_homes(nats_folder, store.homes.all())
        monitor = f"127.0.0.1:{monitor_port}"
        with (nats_folder / nats_config.SERVER).open("a") as config:
            config.write(f'\nhttp: "{monitor}"\n')
        nats = ClinicServer(nats_folder, data / "tls" / "ca.crt")
        nats.port = port
        nats.start()
        stack.callback(nats.kill)
        options = (
            *("--database", database, "--bus", nats.url, "--bus-ca", str(nats.ca)),
            *("--bus-credentials", str(nats_folder / nats_config.NODES_SEED)),
        )
        hub, at_hub = stack.enter_context(house(data, *options, "--hub", "all"))
        node, at_node = hub, at_hub
        if apart:
            node, at_node = stack.enter_context(house(folder / "node", *options))
        yield Clinic(
            hub=hub,
            hub_address=at_hub,
            node=node,
            node_address=at_node,
            nats_pid=int((nats_folder / nats_config.PID).read_text()),
            monitor=monitor,
            postgres=postgres,
            postgres_pid=_pid_of(postgres),
            database=database.partition("@/")[2].partition("?")[0],
            data=data,
            log=nats_folder / "log",
            server=nats.url,
            ca=nats.ca,
            patients=homes,
            places=tuple(people.places(homes, screens, at_node)),
        )


def _share(screens: Screens) -> int:
    return SESSIONS_OF_A_THERAPIST if screens == "sessions" else TILES


def _pid_of(postgres: PostgresServer) -> int:
    data = Path(postgres.execute("SHOW data_directory")[0][0])
    return int((data / "postmaster.pid").read_text().split()[0])


def _configure(data: Path, database: str, port: int) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "biofeedback.cli", "hub", "config"),
            *("--clinic", "Many homes", "--host", "127.0.0.1", "--port", str(port)),
            *("--data", str(data), "--database", database),
        ],
        check=True,
        capture_output=True,
    )


class _People:
    # By hand that would be days of tickets and invites; nothing else of it differs.

    def __init__(self, store: Store, *, per_therapist: int) -> None:
        self._store = store
        self._per_therapist = per_therapist
        self._therapists: list[AccountRow] = []
        self._cookies: list[str] = []

    def make(self, patients: int, viewers_per_patient: int) -> tuple[Patient, ...]:
        """Make homes, therapists, and consents between them."""
        store = self._store
        store.accounts.add(name="root", display="Root", role=Role.ADMIN)
        n_groups = -(-patients // self._per_therapist)
        sign_ins = SignIns(store)
        for number in range(viewers_per_patient * n_groups):
            name = f"therapist{number}"
            row = store.accounts.add(
                name=name, display=name.title(), role=Role.THERAPIST
            )
            self._therapists.append(row)
            self._cookies.append(sign_ins.enter(row))
        return tuple(
            self._patient(number, self._watchers(number, n_groups))
            for number in range(patients)
        )

    def _watchers(self, number: int, n_groups: int) -> list[AccountRow]:
        group = number // self._per_therapist
        return self._therapists[group::n_groups]

    def _patient(self, number: int, watchers: list[AccountRow]) -> Patient:
        store = self._store
        person = store.person_called(f"P-HOME{number:03d}")
        nkey = new_nkey()
        home = store.homes.add(
            person_id=person.id, label="Kitchen", public_key=nkey.public_key
        )
        now_ns = store.now_ns()
        ends_ns = now_ns + 30 * NS_PER_DAY
        copy = CopyConsentRow(
            id=str(ULID()),
            person_id=person.id,
            home_id=home.id,
            granted_at_utc_ns=now_ns,
            expires_at_utc_ns=ends_ns,
            text_version=CURRENT,
        )
        consents = [
            ConsentRow(
                id=str(ULID()),
                receipt_id=str(ULID()),
                person_id=person.id,
                account_id=account.id,
                stream=stream,
                purpose=Purpose.LIVE,
                granted_at_utc_ns=now_ns,
                expires_at_utc_ns=ends_ns,
                text_version=CURRENT,
            )
            for account in watchers
            for stream in Stream
        ]
        taken = store.homes.take_consents(
            home,
            consents,
            (copy,),
            given_to=[(account.id, Purpose.LIVE) for account in watchers],
        )
        assert not taken.refused, taken.refused
        return Patient(
            home=home.id,
            seed=nkey.seed,
            consent=copy.id,
            session=str(ULID()),
            watchers=tuple(account.id for account in watchers),
        )

    def places(
        self, homes: tuple[Patient, ...], screens: Screens, address: str
    ) -> Iterator[Place]:
        """Yield where each of them looks."""
        cookies = dict(
            zip((row.id for row in self._therapists), self._cookies, strict=True)
        )
        if screens == "rooms":
            for token in cookies.values():
                yield Place(path=ROOM, headers=cookie(address, token, shared=True))
            return
        for home in homes:
            for account_id in home.watchers:
                yield Place(
                    path=f"{LIVE}/{home.session}?since={LATER}",
                    headers=cookie(address, cookies[account_id], shared=True),
                )
