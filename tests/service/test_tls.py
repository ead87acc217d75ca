"""The certificate that is made here, one's own, and what goes over the wire."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import stat
import sys
import warnings
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from websockets.asyncio.client import connect
from websockets.typing import Origin

from biofeedback.errors import SettingsError
from biofeedback.service.certificates import Pair, new_authority, new_page
from biofeedback.service.connections import ConnectionLimits
from biofeedback.service.machine import checked_name, host_names, private_addresses
from biofeedback.service.server import check_admin
from biofeedback.service.tls import Shown, context_of, names_in, shown
from biofeedback.service.trusting import told
from biofeedback.settings import Lan, Settings
from biofeedback.store import Role, Store
from tests.service.conftest import BEARER, House, Start, comes_true, message

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
LAN = Lan(name="clinic.local", names=("clinic", "192.168.1.20", "fd00::2"))
HERE = Lan(name="localhost", names=("127.0.0.1",))


def certificate(path: Path | None) -> x509.Certificate:
    assert path is not None
    return x509.load_pem_x509_certificate(path.read_bytes())


class TestMadeHere:
    def test_what_the_authority_may(self, tmp_path: Path) -> None:
        files = shown(tmp_path, LAN, NOW)
        authority = certificate(files.authority)
        get = authority.extensions.get_extension_for_class
        assert get(x509.BasicConstraints).value.ca
        assert get(x509.BasicConstraints).value.path_length == 0
        limits = get(x509.NameConstraints)
        assert limits.critical
        permitted = limits.value.permitted_subtrees or []
        names = {str(one.value) for one in permitted if isinstance(one, x509.DNSName)}
        assert names == {"clinic.local", "clinic", "localhost"}
        networks = [one.value for one in permitted if isinstance(one, x509.IPAddress)]
        assert networks
        assert all(not network.is_global for network in networks)
        lifetime = authority.not_valid_after_utc - authority.not_valid_before_utc
        assert 2 * 365 * DAY <= lifetime <= 5 * 365 * DAY

    def test_what_the_page_shows(self, tmp_path: Path) -> None:
        files = shown(tmp_path, LAN, NOW)
        page = certificate(files.certificate)
        page.verify_directly_issued_by(certificate(files.authority))
        assert set(names_in(files.certificate)) == {
            *("clinic.local", "clinic", "192.168.1.20", "fd00::2"),
            *("localhost", "127.0.0.1", "::1"),
        }
        assert page.not_valid_after_utc - page.not_valid_before_utc <= 397 * DAY
        assert page.not_valid_before_utc < NOW
        usage = page.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert [one.dotted_string for one in usage] == ["1.3.6.1.5.5.7.3.1"]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes.")
    def test_nobody_else_may_look(self, tmp_path: Path) -> None:
        shown(tmp_path, LAN, NOW)
        folder = tmp_path / "tls"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()
        }
        assert modes == dict.fromkeys(
            ("ca.crt", "ca.key", "page.crt", "page.key"), 0o600
        )

    def test_it_stays_until_it_ends_soon(self, tmp_path: Path) -> None:
        first = shown(tmp_path, LAN, NOW)
        page, authority = (path.read_bytes() for path in _both(first))
        assert first.is_new
        again = shown(tmp_path, LAN, NOW + 300 * DAY)
        assert not again.is_new
        assert [path.read_bytes() for path in _both(again)] == [page, authority]
        renewed = shown(tmp_path, LAN, NOW + 370 * DAY)
        assert not renewed.is_new, "devices trust the authority, which stays"
        assert renewed.fingerprint == first.fingerprint
        assert renewed.certificate.read_bytes() != page
        assert renewed.until > first.until
        last = shown(tmp_path, LAN, NOW + 1790 * DAY)
        assert last.until <= certificate(last.authority).not_valid_after_utc
        other = shown(tmp_path, LAN, NOW + 1820 * DAY)
        assert other.is_new, "they must be told once more"
        assert other.fingerprint != first.fingerprint

    def test_another_address_takes_no_other_authority(self, tmp_path: Path) -> None:
        first = shown(tmp_path, LAN, NOW)
        lan = Lan(name="clinic.local", names=("elsewhere", "10.0.0.7"))
        moved = shown(tmp_path, lan, NOW)
        assert (moved.fingerprint, moved.is_new) == (first.fingerprint, False)
        names = names_in(moved.certificate)
        assert "10.0.0.7" in names
        assert "elsewhere" not in names, "the authority may not vouch for it"
        assert shown(tmp_path, Lan(name="elsewhere"), NOW).is_new

    def test_what_is_damaged_is_made_anew(self, tmp_path: Path) -> None:
        first = shown(tmp_path, LAN, NOW)
        (tmp_path / "tls" / "page.key").write_bytes(b"")
        assert shown(tmp_path, LAN, NOW).fingerprint == first.fingerprint
        other = new_authority(["other"], NOW)
        (tmp_path / "tls" / "ca.key").write_bytes(other.key_pem)
        made = shown(tmp_path, LAN, NOW)
        assert made.is_new
        context_of(made)

    def test_not_for_the_internet(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="internet") as refused:
            shown(tmp_path, Lan(name="203.0.113.7"), NOW)
        assert "--certificate" in refused.value.advice
        assert not (tmp_path / "tls").exists()

    def test_what_is_said(self, tmp_path: Path) -> None:
        settings = Settings.of(data=tmp_path, host="0.0.0.0", lan=LAN)
        first = "\n".join(told(settings, shown(tmp_path, LAN, NOW), NOW))
        again = "\n".join(told(settings, shown(tmp_path, LAN, NOW), NOW))
        authority = certificate(tmp_path / "tls" / "ca.crt")
        digits = authority.fingerprint(authority.signature_hash_algorithm).hex(":")  # type: ignore[arg-type]
        for text in (first, again):
            assert digits.upper() in text
            assert "PRIVATE" not in text
        assert "https://clinic.local:8765/ca.crt" in first
        assert "https://192.168.1.20:8765/ or https://[fd00::2]:8765/ instead" in again
        for system in ("Android", "iPhone", "Windows", "macOS", "Linux"):
            assert system in first
            assert system not in again


def _both(files: Shown) -> tuple[Path, Path]:
    assert files.authority is not None
    return files.certificate, files.authority


class TestOnesOwn:
    @pytest.fixture
    def own(self, tmp_path: Path) -> Lan:
        page = new_page(new_authority(["c.example"], NOW), ["c.example"], NOW)
        return self.kept(tmp_path, page, page)

    def kept(self, folder: Path, page: Pair, other: Pair) -> Lan:
        at, key = folder / "cert.pem", folder / "key.pem"
        at.write_bytes(page.certificate_pem)
        key.write_bytes(other.key_pem)
        key.chmod(0o600)
        return Lan(name="c.example", certificate=at, key=key)

    def test_it_is_shown(self, tmp_path: Path, own: Lan) -> None:
        files = shown(tmp_path, own, NOW)
        assert files.authority is None
        assert not (tmp_path / "tls").exists(), "nothing is made here"
        context_of(files)
        settings = Settings.of(data=tmp_path, lan=own)
        (line,) = told(settings, files, NOW)
        assert "2027" in line

    def test_what_cannot_be_shown(self, tmp_path: Path, own: Lan) -> None:
        assert own.certificate is not None
        assert own.key is not None
        for lan, now, said in (
            (
                Lan(name="d.example", certificate=own.certificate, key=own.key),
                NOW,
                "not for",
            ),
            (own, NOW + 400 * DAY, "not good today"),
            (own, NOW - 10 * DAY, "not good today"),
            (Lan(name="c.example", certificate=own.key, key=own.key), NOW, "no"),
            (
                Lan(name="c.example", certificate=tmp_path / "none", key=own.key),
                NOW,
                "cannot be read",
            ),
        ):
            with pytest.raises(SettingsError, match=said) as refused:
                shown(tmp_path, lan, now)
            assert refused.value.advice
        if sys.platform != "win32":
            own.key.chmod(0o604)
            with pytest.raises(SettingsError, match="Everybody") as refused:
                shown(tmp_path, own, NOW)
            assert f"chmod 600 {own.key}" in refused.value.advice

    def test_a_key_of_another_certificate(self, tmp_path: Path, own: Lan) -> None:
        assert own.key is not None
        own.key.write_bytes(new_authority(["c.example"], NOW).key_pem)
        with pytest.raises(SettingsError, match="cannot be used together"):
            context_of(shown(tmp_path, own, NOW))

    def test_both_or_neither(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="belong together"):
            Lan(name="c.example", certificate=tmp_path / "cert.pem")


class TestNames:
    def test_of_this_computer(self) -> None:
        assert host_names("Clinic") == ("clinic.local", "clinic")
        assert host_names("clinic.local") == ("clinic.local", "clinic")
        assert host_names("clinic.example.org") == (
            *("clinic.local", "clinic.example.org", "clinic"),
        )
        assert host_names("localhost") == host_names("my_computer") == ()
        assert not any(name.startswith("127.") for name in private_addresses())

    def test_that_links_can_have(self) -> None:
        assert checked_name("Breathe.Home.ARPA.") == "breathe.home.arpa"
        assert checked_name("FD00::02") == "fd00::2"
        for wrong in (
            "",
            "a b",
            "a_b",
            "a/b",
            "*.a",
            "localhost",
            "127.0.0.1",
            "1.2.3",
        ):
            with pytest.raises(SettingsError, match="cannot ask"):
                checked_name(wrong)


def test_nobody_comes_in_before_there_is_an_admin(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lan, alone = (Settings.of(data=tmp_path, lan=lan) for lan in (LAN, None))
    check_admin(alone, store)
    store.accounts.add(name="kim", display="Kim", role=Role.THERAPIST)
    with pytest.raises(SettingsError) as refused:
        check_admin(lan, store)
    assert refused.value.exit_code == 2
    assert "biofeedback user add --role admin NAME" in refused.value.advice
    store.accounts.add(name="ada", display="Ada", role=Role.ADMIN)
    check_admin(lan, store)
    store.close()


class TestOverTheWire:
    async def test_everything_is_encrypted(self, start_house: Start) -> None:
        async with start_house(lan=HERE) as house:
            answer = await house.browser.get("/")
            assert answer.status_code == 200
            assert "strict-transport-security" not in answer.headers
            cookies = list(house.browser.cookies.jar)
            assert [c.secure for c in cookies] == [True]
            assert cookies[0].name.startswith("__Host-")
            assert (await house.browser.get("/api/v1/me")).status_code == 200
            await _the_certificate_is_for_anybody(house)
            await _a_live_session(house)
            await _plain_http_learns_nothing(house)
            await _old_tls_is_refused(house)
            await _it_is_renewed_while_it_runs(house)

    async def test_a_handshake_that_never_ends(self, start_house: Start) -> None:
        limits = ConnectionLimits(handshake_s=1.0)
        async with start_house(lan=HERE, limits=limits) as house:
            (door,) = house.server.doors
            port = house.context.settings.port
            slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
            await comes_true(lambda: door.n_open >= 50)
            assert (await house.anyone.get("/healthz")).status_code == 200
            for reader, writer in slow:
                assert await asyncio.wait_for(reader.read(), 30) == b""
                writer.close()
            await comes_true(lambda: door.n_open <= 2)


async def _the_certificate_is_for_anybody(house: House) -> None:
    answer = await house.anyone.get("/ca.crt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    tls = house.context.settings.data / "tls"
    assert answer.content == (tls / "ca.crt").read_bytes()
    assert b"PRIVATE" not in answer.content
    for path in ("/ca.key", "/tls/ca.key", "/page.key", "/../tls/ca.key"):
        assert (await house.anyone.get(path)).status_code == 404, path


async def _a_live_session(house: House) -> None:
    session = await house.begin()
    trusted = ssl.create_default_context(
        cafile=house.context.settings.data / "tls" / "ca.crt"
    )
    at = f"{house.address}/api/v1/live/{session['id']}"
    own = f"https://{house.address}"
    async with connect(
        f"wss://{at}", ssl=trusted, additional_headers=BEARER, origin=Origin(own)
    ) as socket:
        assert (await message(socket))["kind"] == "hello"


async def _plain_http_learns_nothing(house: House) -> None:
    plain = house.context.settings.url.replace("https", "http")
    async with httpx.AsyncClient() as client:
        for path in ("", "api/v1/me", "healthz", "ca.crt"):
            secret = {"Cookie": "a=secret", "Host": "evil.example"}
            answer = await client.get(f"{plain}{path}?q=secret", headers=secret)
            assert answer.status_code == 307
            assert answer.headers["location"] == house.context.settings.url
            assert (answer.content, answer.cookies) == (b"", httpx.Cookies())
            assert "secret" not in str(answer.headers)
        answer = await client.post(f"{plain}api/v1/sign-in", json={"token": "x"})
        assert answer.status_code == 307, "nothing but where to go"


async def _old_tls_is_refused(house: House) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    port = house.context.settings.port
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=old)
    name, version, _ = writer.get_extra_info("cipher")
    assert (version, name.partition("-")[0]) == ("TLSv1.2", "ECDHE")
    writer.close()


async def _it_is_renewed_while_it_runs(house: House) -> None:
    before = await _number_shown(house)
    await house.server.renew(dt.datetime.now(dt.UTC))
    assert await _number_shown(house) == before, "it is not time yet"
    (house.context.settings.data / "tls" / "page.key").unlink()
    await house.server.renew(dt.datetime.now(dt.UTC))
    assert await _number_shown(house) != before
    told_to_trust = [one for one in house.notices if "told once" in one]
    assert len(told_to_trust) == 1, "at the start, and not for a newer page"


async def _number_shown(house: House) -> str:
    trusted = ssl.create_default_context(
        cafile=house.context.settings.data / "tls" / "ca.crt"
    )
    port = house.context.settings.port
    _, writer = await asyncio.open_connection("localhost", port, ssl=trusted)
    number: str = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    await writer.wait_closed()
    return number
