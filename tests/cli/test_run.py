"""`run` and `replay --serve`: what they say, what they refuse, how they end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import LinkReason
from tests.cli.terminal import NO_DBUS, TRACEBACK, Terminal, begin, ended

unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no polite kill."
)


def ready(process: subprocess.Popen[str]) -> int:
    """Return the port of a service that has said it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready: http://127.0.0.1:"), ended(process)
    url, _, token = line.partition("/#token=")
    assert len(token.strip()) >= 43
    return int(url.rpartition(":")[2])


@unix_only
def test_one_service_a_folder_and_a_port(terminal: Terminal, tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("run", "--no-browser", "--port", "0", "--data", data)
    with begin(*options, env=NO_DBUS) as process:
        try:
            port = ready(process)
            assert process.stderr is not None
            assert process.stderr.readline() == f"{ADVICE[LinkReason.NO_BUS]}\n"

            second = terminal(*options)
            assert second.code == 1
            assert second.sentence.startswith(
                "Another biofeedback service is already using this data folder."
            )

            other = ("run", "--no-browser", "--data", tmp_path / "other")
            taken = terminal(*other, "--port", str(port))
            assert taken.code == 1
            assert taken.sentence.startswith(f"Port {port} is in use. ")

            socket.create_connection(("127.0.0.1", port), 5).close()
            process.send_signal(signal.SIGTERM)
            said = ended(process)
            assert (said.code, said.out, said.err) == (0, "", "")
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("option", "code", "sentence"),
    [
        (("--host", "192.0.2.1"), 2, "Others on this network could read along"),
        (("--data", "file"), 1, "The data folder cannot be used"),
        (("--bus-ca", "ca.pem"), 2, "Credentials and an authority are for a bus"),
        (("--hub", "all"), 2, "A hub takes what homes send from a bus"),
        (("--hub", "5/4"), 2, "'5/4' is no share of the homes"),
    ],
)
def test_what_cannot_be_served(
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    said = terminal("run", "--no-browser", "--data", "data", "--port", "0", *option)
    assert said.code == code
    assert said.sentence.startswith(sentence)


@unix_only
def test_a_recording_is_served(recording: Path) -> None:
    options = ("--serve", "--speed", "64", "--port", "0", "--no-browser")
    with begin("replay", recording, *options, env=NO_DBUS) as process:
        try:
            ready(process)
            process.send_signal(signal.SIGINT)
            said = ended(process)
            assert said.code == 0
            assert TRACEBACK not in said.err
        finally:
            process.kill()
