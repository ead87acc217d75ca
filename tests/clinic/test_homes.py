"""Credentials of homes: what lets them in lets them do what is theirs, and no more."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nats.errors
import pytest
from nats.aio.client import Client

from biofeedback.bus.jetstream import JetStreamLog
from biofeedback.cli import main
from biofeedback.clinic import nats_config, subjects, ticket
from biofeedback.clinic.ticket import Ticket
from biofeedback.settings import DATA_VARIABLE
from biofeedback.store import Store
from tests.bus.conditions import eventually
from tests.clinic.clinic_server import ClinicServer
from tests.nats_server import NatsServer

SESSION = "01KB0000000000000000000000"


@dataclass
class Desk:
    """The command line of a clinic, and the server that runs by what it wrote."""

    data: Path
    server: ClinicServer
    capture: pytest.CaptureFixture[str] | None = None

    def type(self, *arguments: str | Path) -> str:
        """Type a command about the clinic; return what it printed."""
        return self.ask(*arguments, "--data", self.data)

    def ask(self, *arguments: str | Path) -> str:
        """Type any command; return what it printed."""
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        assert self.capture is not None
        said = self.capture.readouterr()
        assert ended.value.code == 0, said.err
        return said.out + said.err

    def add(self, name: str) -> Ticket:
        """Let a home in."""
        out = self.data / f"{name}.json"
        with self.server.reloaded():
            self.type(
                *("home", "add", "--person", "P-ANNA01", "--label", name),
                *("--servers", self.server.url, "--ca", self.server.ca, "--out", out),
            )
        return ticket.read(out)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    data = tmp_path_factory.mktemp("clinic")
    with pytest.raises(SystemExit):
        main(
            [
                *("hub", "config", "--clinic", "Pain clinic", "--name", "clinic.local"),
                *("--data", str(data)),
            ]
        )
    store = Store(data)
    store.person_called("P-ANNA01")
    store.close()
    with ClinicServer(data / nats_config.FOLDER, data / "tls" / "ca.crt") as server:
        yield Desk(data, server)


@pytest.fixture
def desk(running: Desk, capsys: pytest.CaptureFixture[str]) -> Desk:
    running.capture = capsys
    return running


async def test_a_ticket_lets_a_home_in(desk: Desk, tmp_path: Path) -> None:
    home = desk.add("Kitchen")
    out = desk.data / "Kitchen.json"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert home.clinic.name == "Pain clinic"
    store = Store(desk.data)
    row = store.homes.get(home.home)
    store.close()
    assert home.seed not in (desk.data / "biofeedback.db").read_bytes().decode("latin1")
    assert row.public_key in (desk.server.folder / nats_config.HOMES).read_text()
    assert home.seed not in (desk.server.folder / nats_config.HOMES).read_text()
    assert "Kitchen" in desk.type("home", "list")
    assert f"{home.home}" in desk.type("home", "list")

    node, bus = desk.server.node(), desk.server.bus_of(home)
    await node.open()
    await bus.open()
    await eventually(lambda: bus.connected and node.connected, "both are connected")
    log = JetStreamLog(node)
    await log.open(create=True)
    at = subjects.records(home.home, SESSION)
    await JetStreamLog(bus).append(at, b"parcel", id="1")
    async for logged in log.read("records.>"):
        assert (logged.subject, logged.data) == (at, b"parcel")
        break

    async def has(delivery: object) -> bytes:
        return b"has"

    await node.answer("hub.have.*.*", has)
    assert await bus.request(subjects.have(home.home), b"") == b"has"
    # And the other way round: a node asks a session that goes on at this home.
    await bus.answer(f"cmd.{subjects.origin(home.home)}.>", has)
    asked = f"cmd.{subjects.origin(home.home)}.{SESSION}"
    assert await node.request(asked, b"") == b"has"
    for one in (bus, node):
        await one.close()


async def test_a_home_says_and_hears_nothing_of_another(desk: Desk) -> None:
    mine, other = desk.add("Mine"), desk.add("Other")
    refusals: list[str] = []
    me = await _connected(desk, mine, told=refusals)
    node = desk.server.node("ear")
    await node.open()
    await eventually(lambda: node.connected, "the node is connected")
    said: list[str] = []
    await node.subscribe(">", lambda delivery: said.append(delivery.subject))
    own = subjects.origin(mine.home)
    forbidden = [
        subjects.records(other.home, SESSION),
        f"records.{subjects.partition(mine.home)}.{other.home}.{SESSION}",
        subjects.have(other.home),
        subjects.ask_accounts(other.home),
        subjects.tell_consents(other.home),
        subjects.new_accounts(mine.home),
        subjects.ended_consents(other.home),
        subjects.send_again(mine.home),
        f"presence.home.{other.home}",
        f"presence.home.{other.home}.session.{SESSION}",
        "presence.node.N-7Q2M9K",
        f"live.home.{other.home}.{SESSION}",
        f"live.node.N-7Q2M9K.{SESSION}",
        f"cmd.home.{other.home}.{SESSION}",
        f"cmd.node.N-7Q2M9K.{SESSION}",
        "http.node.N-7Q2M9K",
        "consents.changed",
        "signins.changed",
        "homes.changed",
        "erase.node.N-7Q2M9K",
        f"_INBOX_{other.home}.x",
        "_INBOX.x",
        "$JS.API.INFO",
        "$JS.API.STREAM.CREATE.RECORDS",
        "$JS.API.STREAM.PURGE.RECORDS",
        "$JS.API.STREAM.DELETE.RECORDS",
        "$JS.API.STREAM.INFO.RECORDS",
        "$JS.API.CONSUMER.CREATE.RECORDS.x",
        "$JS.API.CONSUMER.MSG.NEXT.RECORDS.x",
        "$JS.API.DIRECT.GET.RECORDS",
        "$JS.ACK.RECORDS.x.1.1.1.1.1",
        "$SYS.REQ.SERVER.PING",
    ]
    for subject in forbidden:
        await me.publish(subject, b"forged")
    await me.publish(f"live.{own}.{SESSION}", b"mine")  # what is behind the others
    await eventually(lambda: f"live.{own}.{SESSION}" in said, "what is allowed arrives")
    assert not {*said} & {*forbidden}
    refused = " ".join(refusals).casefold()
    for subject in forbidden:
        assert f'publish to "{subject}"'.casefold() in refused, subject

    heard: list[str] = []

    async def hear(message: object) -> None:
        heard.append(getattr(message, "subject", ""))

    for pattern in (">", "*.>", "records.>", "clinic.*.>", f"clinic.{other.home}.>"):
        await me.subscribe(pattern, cb=hear)
    for pattern in (f"live.home.{other.home}.>", "live.>", "presence.>", "cmd.>"):
        await me.subscribe(pattern, cb=hear)
    for pattern in (f"_INBOX_{other.home}.>", "_INBOX.>", "consents.changed", "$JS.>"):
        await me.subscribe(pattern, cb=hear)
    own_subject = subjects.new_accounts(mine.home)
    await me.subscribe(f"clinic.{mine.home}.>", cb=hear)
    # The library's flush overtakes what waits to be sent; this is behind it.
    await me.publish(f"live.{own}.{SESSION}", b"again")
    await eventually(lambda: said.count(f"live.{own}.{SESSION}") == 2, "all is sent")
    for subject in (
        subjects.records(other.home, SESSION),
        subjects.new_accounts(other.home),
        f"live.home.{other.home}.{SESSION}",
        f"live.node.N-7Q2M9K.{SESSION}",
        f"presence.home.{other.home}",
        f"cmd.home.{other.home}.{SESSION}",
        f"_INBOX_{other.home}.x",
        "consents.changed",
        own_subject,
    ):
        await node.publish(subject, b"")
    await eventually(lambda: own_subject in heard, "what is its own arrives")
    assert {*heard} == {own_subject}
    assert sum("subscription" in one.casefold() for one in refusals) == 13
    await node.close()
    await me.close()


async def test_a_home_has_nobody_say_for_it_what_it_may_not_say_itself(
    desk: Desk,
) -> None:
    mine, other = desk.add("Asks"), desk.add("Owes")
    me = await _once(desk, mine.seed, inbox_prefix=subjects.inbox(mine.home))
    node = desk.server.node("door")
    await node.open()
    await eventually(lambda: node.connected, "the node is connected")
    log = JetStreamLog(node)
    await log.open(create=True)

    async def nothing(delivery: object) -> bytes:
        return b""  # which deletes a stream, where it is said to JetStream

    said: list[str] = []
    await node.answer("fromhome.*.*", nothing)
    await node.subscribe(">", lambda delivery: said.append(delivery.subject))
    asked, at = subjects.tell_consents(mine.home), subjects.records(mine.home, SESSION)
    for reply in (
        "$JS.API.STREAM.DELETE.RECORDS",
        "signins.changed",
        subjects.ended_consents(other.home),
    ):
        await me.publish(asked, b"", reply=reply)
    for _ in range(3):  # the log says to whom it likes that it kept something
        await me.publish(at, b"parcel", reply="$JS.API.STREAM.PURGE.RECORDS")
    await me.request(asked, b"", timeout=30)
    assert not [one for one in said if one.startswith(("$JS.API.STREAM.D", "signins"))]
    assert subjects.ended_consents(other.home) not in said
    n = 0
    async for logged in log.read(at):
        assert logged.data == b"parcel"
        if (n := n + 1) == 3:
            break
    await me.close()
    await node.close()


async def test_whoever_has_no_credential_or_no_encryption_stays_out(
    desk: Desk, tmp_path: Path
) -> None:
    from biofeedback.clinic.credentials import new_nkey

    with pytest.raises(nats.errors.Error, match=r"[Aa]uthorization"):
        await _once(desk, new_nkey().seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.server.port)
    greeting = await reader.readline()
    assert b'"tls_required":true' in greeting
    writer.write(b'CONNECT {"verbose":true}\r\nPING\r\n')
    left = await asyncio.wait_for(reader.read(), 30)  # until the server hangs up
    assert b"PONG" not in left
    writer.close()


async def test_a_revoked_home_is_cut_off_and_stays_out(desk: Desk) -> None:
    home, stays = desk.add("Going"), desk.add("Staying")
    cut = asyncio.Event()

    async def closed() -> None:
        cut.set()

    going = await _connected(desk, home, closed_cb=closed)
    staying = await _connected(desk, stays)
    assert "is revoked" in desk.type("home", "revoke", home.home)
    await asyncio.wait_for(cut.wait(), 30)
    assert going.is_closed
    with pytest.raises(nats.errors.Error, match=r"[Aa]uthorization"):
        await _once(desk, home.seed)
    await staying.flush()
    assert staying.is_connected
    await staying.close()
    assert "revoked" in desk.type("home", "list")
    assert '"revoked": true' in desk.type("home", "list", "--json")


async def _connected(
    desk: Desk,
    home: Ticket,
    *,
    told: list[str] | None = None,
    closed_cb: Callable[[], Awaitable[None]] | None = None,
) -> Client:
    return await _once(desk, home.seed, told=told, closed_cb=closed_cb)


async def _once(
    desk: Desk, seed: str, *, told: list[str] | None = None, **options: object
) -> Client:
    async def tell(error: Exception) -> None:
        if told is not None:
            told.append(str(error))

    return await desk.server.client(seed, error_cb=tell, **options)


def test_the_doctor_says_how_a_clinic_is_reached(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv(DATA_VARIABLE, str(data))

    def found(*options: str | Path) -> dict[str, tuple[bool, str, str | None]]:
        return {
            one["name"]: (one["ok"], one["text"], one["advice"])
            for one in json.loads(desk.ask("doctor", "--json", *options))
        }

    assert not {"Clinic", "Bus"} & {*found()}
    home = desk.add("Looks")
    data.mkdir()
    ticket.keep(home, data)
    assert found()["Clinic"] == (True, "Pain clinic: linked", None)
    bus = ("--bus", desk.server.url)
    known = (*bus, "--bus-ca", desk.server.ca)
    seed = desk.server.folder / nats_config.NODES_SEED
    assert found(*known, "--bus-credentials", seed)["Bus"] == (True, "linked", None)
    where = f"localhost:{desk.server.port}"
    ok, text, advice = found(*known)["Bus"]
    assert not ok
    assert text == f"{where} does not let us in (credentials)."
    assert "--bus-credentials" in str(advice)
    ok, text, _ = found(*bus)["Bus"]
    assert not ok
    assert text == f"{where} is not trusted (its certificate)."
    ok, text, _ = found("--bus", "ftp://nowhere")["Bus"]
    assert not ok
    assert text == "The address of the NATS server cannot be used."
    with NatsServer(tmp_path / "nats", jetstream=False) as plain:
        ok, text, advice = found("--bus", plain.url)["Bus"]
    assert (ok, text) == (False, "linked, without JetStream")
    assert "hub config" in str(advice)
    ok, text, _ = found("--bus", plain.url)["Bus"]
    assert not ok
    assert "cannot be reached" in text
    desk.type("home", "revoke", home.home)
    ok, text, advice = found()["Clinic"]
    assert not ok
    assert text == f"Pain clinic: {where} does not let us in (credentials)."
    assert "new ticket" in str(advice)
    ticket.kept_at(data).write_bytes(b"{}")
    ok, text, advice = found()["Clinic"]
    assert not ok
    assert "is no ticket of a clinic" in text


def test_where_no_server_runs_it_is_said_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    store.homes.name_clinic("Pain clinic")
    store.person_called("P-ANNA01")
    store.close()
    server = ClinicServer(tmp_path / "nats", Path(__file__))
    desk = Desk(tmp_path, server, capsys)
    said = desk.type(
        *("home", "add", "--person", "P-ANNA01", "--label", "Kitchen"),
        *("--servers", "tls://clinic.example:4222", "--out", tmp_path / "t.json"),
    )
    assert "The NATS server does not know of it yet." in said
    assert "biofeedback hub config" in said
    home = ticket.read(tmp_path / "t.json")
    assert home.servers == ("tls://clinic.example:4222",)
    desk.type("hub", "config", "--name", "clinic.local")
    assert home.home in (tmp_path / "nats" / nats_config.HOMES).read_text()
    said = desk.type("home", "revoke", home.home)
    assert "nats-server --signal reload" in said
    assert home.home not in (tmp_path / "nats" / nats_config.HOMES).read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--servers", "nats://clinic.example:4222"], "encrypted or not at all"),
        (["--person", "nobody"], "Nobody here is called 'nobody'."),
        (["--label", " "], "This label cannot be used."),
        (["--ca", __file__], "is no certificate"),
    ],
    ids=["plain", "person", "label", "ca"],
)
def test_what_cannot_be_is_said_and_lets_nobody_in(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    store = Store(tmp_path)
    store.homes.name_clinic("Pain clinic")
    store.person_called("P-ANNA01")
    given = {
        "--person": "P-ANNA01",
        "--label": "Kitchen",
        "--servers": "tls://clinic.example:4222",
        "--out": str(tmp_path / "t.json"),
        "--data": str(tmp_path),
    } | dict([arguments])
    with pytest.raises(SystemExit) as ended:
        main(["home", "add", *(part for pair in given.items() for part in pair)])
    assert ended.value.code != 0
    assert sentence in capsys.readouterr().err
    assert store.homes.all() == ()
    assert not (tmp_path / "t.json").exists()
    store.close()
