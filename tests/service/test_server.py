"""The service as a process: it begins, it is refused, it ends, it is killed."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from biofeedback.errors import BiofeedbackError, SettingsError
from biofeedback.model import Entry
from biofeedback.recording.reader import open_recording
from biofeedback.service.server import listen
from biofeedback.session.replay import verify
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import Lan, Settings, default_data_folder
from tests.service.conftest import BEARER

SERVING = Path(__file__).with_name("serving.py")


def test_nothing_of_a_clinic_is_imported_at_home() -> None:
    code = (
        "import sys, biofeedback.service.server; "
        "mine = [m for m in sys.modules if m.startswith('biofeedback.')]; "
        "print(*(m for m in mine if '.hub.' in m or m.endswith(('.copies', '_door'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""


@dataclass
class Service:
    """A service that runs in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    ready_s: float

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = httpx.request(
            method, f"{self.url}api/v1/{path}", json=body, headers=BEARER, timeout=30
        )
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told


def begin(data: Path, port: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SERVING), str(data), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def serving(data: Path, port: int = 0) -> Iterator[Service]:
    started_s = time.monotonic()
    with begin(data, port) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready: http://127.0.0.1:"), process.stderr
            url, _, token = line.removeprefix("ready: ").strip().partition("#token=")
            assert len(token) >= 43, "256 bits"
            yield Service(process, url, time.monotonic() - started_s)
        finally:
            process.kill()


def waited_for(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill.")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as service:
        session = service.ask("POST", "sessions", {"strap": SIMULATED_ID})
        rating = {"type": "arousal", "value": 5, "moment": "before"}
        service.ask("POST", f"sessions/{session['id']}/ratings", rating)
        service.process.send_signal(number)
        code, errors = waited_for(service.process)
        assert (code, errors) == (0, "")
    (recording,) = (tmp_path / "recordings").rglob("*.mcap")
    assert verify(recording).ok
    assert not list(tmp_path.rglob("*.part"))
    with serving(tmp_path) as service:
        (known,) = service.ask("GET", "sessions")["sessions"]
        assert (known["id"], known["state"]) == (session["id"], "complete")


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        code, errors = waited_for(begin(tmp_path))
        assert code == 1
        assert errors.count("\n") == 1
        assert "already using this data folder" in errors
        assert service.ask("GET", "sessions") == {"sessions": []}


def test_a_port_in_use_is_said_to_be_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = waited_for(begin(tmp_path, port))
    assert code == 1
    assert errors == (
        f"Port {port} is in use. Another biofeedback service may be running: use that "
        "one, or choose another port with --port.\n"
    )


def test_a_killed_one_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        session = service.ask("POST", "sessions", {"strap": SIMULATED_ID})
        at = f"sessions/{session['id']}"
        rating = {"type": "pain_intensity", "value": 7, "moment": "during"}
        ids = [service.ask("POST", f"{at}/ratings", rating)["id"] for _ in range(5)]
        service.process.kill()
        service.process.wait(10)
    with serving(tmp_path) as service:
        deadline_s = time.monotonic() + 20
        while (known := service.ask("GET", at))["state"] == "closing":
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        assert known["state"] == "recovered"
        told = service.ask("GET", f"{at}/ratings")["ratings"]
        assert [one["id"] for one in told] == ids
    (recording,) = (tmp_path / "recordings").rglob("*.mcap")
    inputs = open_recording(recording).inputs()
    assert [r.id for _, r in inputs if isinstance(r, Entry)] == ids


class TestListening:
    def test_an_address_of_another_computer(self, tmp_path: Path) -> None:
        for host in ("203.0.113.7", "no.such.name.invalid"):
            lan = Lan(name="clinic.local")
            settings = Settings.of(data=tmp_path, host=host, port=0, lan=lan)
            with pytest.raises(SettingsError, match="does not have the address"):
                listen(settings)

    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(BiofeedbackError, match="in use") as told:
                listen(Settings.of(data=tmp_path, port=port))
        assert told.value.exit_code == 1


class TestSettings:
    def test_where_the_data_goes(self) -> None:
        chosen = default_data_folder({"BIOFEEDBACK_DATA": "elsewhere"})
        assert chosen == Path("elsewhere")
        assert default_data_folder({}).name == "biofeedback"
        if sys.platform == "linux":
            xdg = default_data_folder({"XDG_DATA_HOME": "/x"})
            assert xdg == Path("/x/biofeedback")

    def test_names_that_are_ours(self, tmp_path: Path) -> None:
        settings = Settings.of(data=tmp_path, host="::1", port=80)
        assert settings.url == "http://[::1]:80/"
        assert {"[::1]", "localhost", "127.0.0.1:80"} <= settings.allowed_hosts

    def test_names_in_a_network(self, tmp_path: Path) -> None:
        lan = Lan(name="clinic.local", names=("10.1.2.3", "fd00::2", "clinic"))
        settings = Settings.of(data=tmp_path, host="0.0.0.0", port=443, lan=lan)
        assert settings.url == "https://clinic.local:443/"
        assert {"clinic.local", "10.1.2.3:443", "[fd00::2]", "clinic"} <= (
            settings.allowed_hosts
        )
        assert not any("0.0.0.0" in host for host in settings.allowed_hosts)
        assert settings.https
        assert not settings.hsts, "its own certificate may have to change"
        own = Lan(name="c.example", certificate=Path("c.pem"), key=Path("k.pem"))
        assert Settings.of(data=tmp_path, lan=own).hsts

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "a.example"])
    def test_a_network_takes_more_than_an_address(
        self, tmp_path: Path, host: str
    ) -> None:
        with pytest.raises(SettingsError, match="read along") as told:
            Settings.of(data=tmp_path, host=host)
        assert "--lan" in told.value.advice

    def test_what_cannot_be_used(self, tmp_path: Path) -> None:
        for wrong in ({"port": 70000}, {"port": -1}, {"token": "short"}):
            with pytest.raises(SettingsError) as told:
                Settings.of(data=tmp_path, **wrong)
            assert told.value.advice
