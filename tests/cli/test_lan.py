"""`run --lan`: what it demands, what it says, and a browser that opens the link."""

from __future__ import annotations

import re
import signal
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from biofeedback.store import Role, Store
from tests.cli.terminal import NO_DBUS, TRACEBACK, Terminal, begin, ended

RUN = ("run", "--no-browser", "--port", "0", "--data")
NAMED = ("--lan", "--host", "127.0.0.1", "--name", "clinic.local")


@pytest.mark.parametrize(
    ("options", "sentence", "advice"),
    [
        (["--lan"], "after somebody looks after", "user add --role admin NAME"),
        (["--host", "0.0.0.0"], "could read along at 0.0.0.0", "--lan"),
        (["--host", "fd00::2"], "could read along at fd00::2", "docs/lan.md"),
        (["--name", "clinic.local"], "are for others", "--lan"),
        (["--certificate", "c.pem", "--key", "k.pem"], "are for others", "--lan"),
        (["--lan", "--name", "a.b", "--lsl"], "whatever people agreed to", "--lsl"),
        (["--lan", "--name", "a_b"], "cannot ask for 'a_b'", "clinic.local"),
        (["--lan", "--name", "a.b:0"], "'a.b:0' holds no port", "clinic.local:443"),
        (["--lan", "--name", "localhost"], "cannot ask for", "--name"),
        (["--lan", "--name", "a.b", "--key", "k"], "belong together", "--certificate"),
        (["--lan", "--certificate", "c", "--key", "k"], "c cannot be read", "path"),
        (["--lan", "--host", "203.0.113.7"], "does not have the address", "--host"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_refused(
    terminal: Terminal, tmp_path: Path, options: list[str], sentence: str, advice: str
) -> None:
    said = terminal(*RUN, tmp_path / "data", *options)
    assert said.code == 2
    assert sentence in said.sentence
    assert advice in said.sentence
    assert not (tmp_path / "data" / "tls").exists(), "nothing was made for nothing"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill.")
def test_the_first_time(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.accounts.add(name="ada", display="Ada", role=Role.ADMIN)
    store.close()
    with begin(*RUN, tmp_path, *NAMED, env=NO_DBUS) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"ready: https://clinic\.local:(\d+)/\n", line)
            assert found, "and no one-time link: everybody has an account"
            answers(int(found[1]), tmp_path / "tls" / "ca.crt")
            process.send_signal(signal.SIGTERM)
            said = ended(process)
        finally:
            process.kill()
    assert (said.code, said.out) == (0, "")
    assert TRACEBACK not in said.err
    assert "PRIVATE" not in said.err
    assert re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", said.err)
    for word in ("/ca.crt", "Android", "iPhone", "Windows", "macOS", "Linux"):
        assert word in said.err


def answers(port: int, authority: Path) -> None:
    """See that a client which trusts only the authority is answered by every name."""
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.load_verify_locations(authority)
    with httpx.Client(
        base_url=f"https://127.0.0.1:{port}", verify=trusted, timeout=30
    ) as client:
        plain = client.get(f"http://127.0.0.1:{port}/api/v1/me")
        assert plain.status_code == 307, "typed without the s"
        assert plain.headers["location"] == f"https://clinic.local:{port}/"
        assert client.get("/healthz").status_code == 200
        assert client.get("/ca.crt").content == authority.read_bytes()
        assert client.get("/api/v1/me").status_code == 401
        name = {"Host": f"clinic.local:{port}"}
        asked = {"sni_hostname": "clinic.local"}
        answer = client.get("/healthz", headers=name, extensions=asked)
        assert answer.status_code == 200, "the certificate is for the name as well"
        for other in (f"evil.example:{port}", "clinic.local", f"0.0.0.0:{port}"):
            answer = client.get("/healthz", headers={"Host": other})
            assert answer.status_code == 403, other
