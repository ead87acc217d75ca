"""Who is let in, who may do what, and that nothing secret is said."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from pathlib import Path

import nkeys
import pytest

from biofeedback.bus import BusError, Delivery, NobodyThereError
from biofeedback.bus.nats import NatsBus
from biofeedback.bus.presence import Presence
from biofeedback.errors import SettingsError
from biofeedback.service.certificates import Pair, new_authority, new_page
from biofeedback.session.clock import ManualClock
from tests.bus.conditions import eventually
from tests.bus.conftest import Link
from tests.nats_server import NatsServer

HOME, OTHER = "H-7Q2M9K", "H-3F8T1B"
NOW = dt.datetime.now(dt.UTC)


def user_seed() -> str:
    """A new key of a user, as a ticket holds it."""
    raw = secrets.token_bytes(32)
    return bytes(nkeys.encode_seed(raw, nkeys.PREFIX_BYTE_USER)).decode()


def public_key(seed: str) -> str:
    key: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    return key.decode()


def tls(folder: Path, authority: Pair) -> str:
    """A server's configuration with a certificate that ``authority`` signed."""
    page = new_page(authority, ["127.0.0.1"], NOW)
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    (folder / "server.crt").write_bytes(page.certificate_pem)
    (folder / "server.key").write_bytes(page.key_pem)
    return (
        f'tls {{ cert_file: "{folder}/server.crt", key_file: "{folder}/server.key" }}\n'
    )


@pytest.fixture(scope="module")
def authority() -> Pair:
    return new_authority(["clinic.example"], NOW)


CLINIC_SEED, HOME_SEED = user_seed(), user_seed()


@pytest.fixture(scope="module")
def clinic(
    tmp_path_factory: pytest.TempPathFactory, authority: Pair
) -> Iterator[NatsServer]:
    """A clinic's server: TLS, a key for its nodes, and one for a home."""
    folder = tmp_path_factory.mktemp("clinic")
    config = tls(folder, authority) + (
        "authorization { users = [\n"
        f"  {{ nkey: {public_key(CLINIC_SEED)} }}\n"
        f"  {{ nkey: {public_key(HOME_SEED)}, permissions: {{\n"
        f'     publish: ["presence.home.{HOME}.>", "presence.home.{HOME}",\n'
        f'       "presence-ask", "live.home.{HOME}.>", "fromhome.{HOME}.>"],\n'
        f'     subscribe: ["_INBOX_{HOME}.>", "presence.node.>", "presence-ask",\n'
        f'       "cmd.home.{HOME}.>", "cmd.home.{HOME}.> answers"],\n'
        "     allow_responses: true } }\n"
        "] }\n"
    )
    with NatsServer(folder, config=config) as server:
        yield server


@pytest.fixture
async def node(clinic: NatsServer, link: Link) -> NatsBus:
    ca = clinic.folder / "ca.crt"
    return await link(clinic.url, nkey_seed=CLINIC_SEED, tls_ca=ca)


@pytest.fixture
async def home(clinic: NatsServer, link: Link) -> NatsBus:
    return await link(
        clinic.url,
        nkey_seed=HOME_SEED,
        tls_ca=clinic.folder / "ca.crt",
        inbox_prefix=f"_INBOX_{HOME}",
    )


async def test_a_home_may_do_what_is_its_own(node: NatsBus, home: NatsBus) -> None:
    heard: list[Delivery] = []
    await node.subscribe("live.>", heard.append)
    await node.answer("fromhome.*.consents", _echo)
    await home.answer(f"cmd.home.{HOME}.s1", _echo)
    await home.publish(f"live.home.{HOME}.s1", b"1")
    await eventually(lambda: heard, "it was heard")
    assert await node.request(f"cmd.home.{HOME}.s1", b"2") == b"2"
    assert await home.request(f"fromhome.{HOME}.consents", b"3") == b"3"
    with pytest.raises(NobodyThereError):
        await home.request(f"fromhome.{HOME}.nobody", b"")


async def test_a_home_may_not_pose_as_another(
    node: NatsBus, home: NatsBus, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Delivery] = []
    await node.subscribe("live.>", heard.append)
    for _ in range(3):
        await home.publish(f"live.home.{OTHER}.s1", b"forged")
    with pytest.raises(BusError, match="does not let us ask"):
        await home.request(f"fromhome.{OTHER}.consents", b"", limit_s=300.0)
    await home.publish(f"live.home.{HOME}.s1", b"mine")
    await eventually(lambda: heard, "what was allowed was heard")
    assert [delivery.data for delivery in heard] == [b"mine"]
    refusals = [
        text for text in caplog.messages if f"live.home.{OTHER}".lower() in text
    ]
    assert len(refusals) == 1


async def test_a_home_may_not_hear_another(node: NatsBus, home: NatsBus) -> None:
    overheard: list[Delivery] = []
    heard: list[Delivery] = []
    await home.subscribe(f"live.home.{OTHER}.>", overheard.append)
    await home.subscribe(">", overheard.append)
    await home.subscribe(f"cmd.home.{HOME}.last", heard.append)
    await node.publish(f"live.home.{OTHER}.s1", b"secret")
    await node.publish(f"cmd.home.{HOME}.last", b"")
    await eventually(lambda: heard, "its own was heard")
    assert overheard == []
    assert home.connected


async def test_a_home_and_the_nodes_know_of_each_other(
    node: NatsBus, home: NatsBus
) -> None:
    nodes = Presence(node, ManualClock())
    homes = Presence(home, ManualClock(), hears=("node.>",))
    await nodes.open()
    await nodes.announce("node.N-1", b"n")
    await homes.open()
    await homes.announce(f"home.{HOME}", b"h")
    await eventually(lambda: homes.here("node."), "the home knows the node")
    await eventually(lambda: nodes.here("home."), "the node knows the home")
    await homes.close()
    await nodes.close()


async def test_a_key_in_a_file(clinic: NatsServer, link: Link, tmp_path: Path) -> None:
    seed = tmp_path / "node.nk"
    seed.write_text(CLINIC_SEED + "\n")
    ca = clinic.folder / "ca.crt"
    bus = await link(clinic.url, credentials=seed, tls_ca=ca)
    assert bus.connected


async def test_a_key_that_nobody_knows_gets_no_link(
    clinic: NatsServer, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    ca = clinic.folder / "ca.crt"
    seed = user_seed()
    bus = await link(clinic.url, nkey_seed=seed, tls_ca=ca)
    assert not bus.connected
    await eventually(lambda: "does not let us in" in caplog.text, "it is said")
    assert seed not in caplog.text
    assert "eof_received" not in caplog.text


async def test_a_server_with_a_strangers_certificate_gets_no_word(
    clinic: NatsServer, link: Link, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(new_authority(["clinic.example"], NOW).certificate_pem)
    bus = await link(clinic.url, nkey_seed=CLINIC_SEED, tls_ca=other)
    assert not bus.connected
    await eventually(lambda: "is not trusted" in caplog.text, "it is said")


@pytest.mark.parametrize("by", ["scheme", "authority"])
async def test_a_server_without_tls_is_told_nothing_when_there_must_be_tls(
    own_server: NatsServer,
    link: Link,
    authority: Pair,
    tmp_path: Path,
    by: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(authority.certificate_pem)
    at = f"127.0.0.1:{own_server.port}"
    if by == "scheme":
        bus = await link(f"tls://me:hunter2@{at}")
    else:
        bus = await link(f"nats://me:hunter2@{at}", tls_ca=ca)
    assert not bus.connected
    await eventually(lambda: "offers no TLS" in caplog.text, "it is said")


async def test_passwords_are_said_nowhere(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    config = 'authorization { user: "us:er", password: "p@ss/w" }'
    with NatsServer(config=config) as server:
        at = f"127.0.0.1:{server.port}"
        right = await link(f"nats://us%3Aer:p%40ss%2Fw@{at}")
        assert right.connected
        wrong = await link(f"nats://us%3Aer:hunter2@{at}")
        assert not wrong.connected
        await eventually(lambda: "does not let us in" in caplog.text, "it is said")
        server.kill()
        await eventually(lambda: not right.connected, "the link is lost")
        with pytest.raises(BusError) as away:
            await right.publish("a", b"")
    spoken = caplog.text + str(away.value) + repr(right) + repr(wrong)
    for secret in ("hunter2", "p@ss/w", "p%40ss", "us:er"):
        assert secret not in spoken


async def test_a_user_who_may_no_longer_loses_the_link(link: Link) -> None:
    users = 'authorization { users = [{ user: "a", password: "1" }%s] }'
    with NatsServer(config=users % ', { user: "b", password: "2" }') as server:
        stays = await link(server.url_for("a", "1"))
        goes = await link(server.url_for("b", "2"))
        assert stays.connected
        assert goes.connected
        server.reload(users % "")
        await eventually(lambda: not goes.connected, "the link is lost")
        await eventually(lambda: stays.connected, "the other is there")
        with pytest.raises(BusError):
            await goes.publish("a", b"")


@pytest.mark.parametrize("text", ["", "nonsense", "SUAnonsense", "\x00\xff"])
async def test_credentials_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seed"
    path.write_text(text, encoding="latin-1")
    bus = NatsBus("nats://127.0.0.1:1", name="test", credentials=path)
    with pytest.raises(SettingsError, match="credentials"):
        await bus.open()


async def test_credentials_that_are_not_there(tmp_path: Path) -> None:
    bus = NatsBus("nats://127.0.0.1:1", name="test", credentials=tmp_path / "none")
    with pytest.raises(SettingsError, match="cannot be read"):
        await bus.open()


async def test_an_authority_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("nonsense")
    for ca in (path, tmp_path / "none"):
        bus = NatsBus("nats://127.0.0.1:1", name="test", tls_ca=ca)
        with pytest.raises(SettingsError, match="authority"):
            await bus.open()


async def _echo(asked: Delivery) -> bytes:
    return asked.data
