"""What a real run leaves on the disk is for one person only, whatever the umask."""

from __future__ import annotations

import datetime as dt
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from biofeedback.errors import BiofeedbackError
from biofeedback.service.privacy import keep_private
from biofeedback.service.tls import shown
from biofeedback.session.simulated import SIMULATED_ID
from biofeedback.settings import Lan

PROGRAM = "a-token-for-programs-0123456789"
GRACE_S = 60.0

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no such modes."
)


def begin(*options: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "biofeedback.cli", *map(str, options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=0,
        env={"BIOFEEDBACK_TOKEN": PROGRAM, "PATH": ""},
    )


def modes_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in folder.rglob("*")
    }


def one_session(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready: "), process.communicate(timeout=GRACE_S)
    port = line.partition("#")[0].strip().rstrip("/").rpartition(":")[2]
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}/api/v1",
        headers={"Authorization": f"Bearer {PROGRAM}"},
        timeout=30,
    ) as client:
        begun = client.post("/sessions", json={"strap": SIMULATED_ID})
        assert begun.status_code == 201, begun.text
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=GRACE_S)
    assert process.returncode == 0, err


def test_what_a_run_leaves(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    with begin("run", "--no-browser", "--port", "0", "--data", data) as process:
        try:
            one_session(process)
        finally:
            process.kill()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    modes = modes_below(data)
    assert any(name.endswith(".mcap") for name in modes)
    assert "biofeedback.db" in modes
    files = {name: mode for name, mode in modes.items() if (data / name).is_file()}
    folders = {name: mode for name, mode in modes.items() if name not in files}
    assert set(files.values()) == {"0o600"}, files
    assert set(folders.values()) == {"0o700"}, folders


def test_what_a_network_adds(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        shown(tmp_path, Lan(name="clinic.local"), dt.datetime.now(dt.UTC))
    finally:
        os.umask(before)
    assert modes_below(tmp_path) == {
        "tls": "0o700",
        **dict.fromkeys(
            ("tls/ca.crt", "tls/ca.key", "tls/page.crt", "tls/page.key"), "0o600"
        ),
    }


class TestAFolderThatWasOpen:
    def test_it_is_closed_once(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        for mode in (0o755, 0o770, 0o701):
            data.mkdir(exist_ok=True)
            data.chmod(mode)
            assert keep_private(data)
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            assert not keep_private(data)

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(BiofeedbackError) as told:
            keep_private(tmp_path / "none")
        assert "--data" in told.value.advice
