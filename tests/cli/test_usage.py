"""How the command line presents itself, and what it says to wrong usage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from biofeedback import __version__
from tests.cli.terminal import TRACEBACK, Terminal, typed

THERE = (
    *("run", "scan", "record", "replay", "verify", "recover", "analyze", "doctor"),
    *("import", "export", "bench", "catalog", "person", "plan"),
    *("backup", "restore", "migrate", "keys", "user", "token", "audit"),
    *("join", "leave"),
    *("home", "hub"),
)
HEAVY = (
    "rich",
    "asyncio",
    "numpy",
    "scipy",
    "fastapi",
    "bleak",
    "neurokit2",
    "sqlalchemy",
    "mcap",
)


def test_help_lists_every_command(terminal: Terminal) -> None:
    said = terminal("--help")
    assert (said.code, said.err) == (0, "")
    _, _, commands = said.out.partition("Commands:\n")
    assert {line.split()[0] for line in commands.splitlines()} == set(THERE)


def test_help_imports_nothing_heavy() -> None:
    look = (
        "import sys\n"
        "from biofeedback.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: sys.stderr.write(' '.join(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: biofeedback" in done.stdout


@pytest.mark.parametrize("name", THERE)
def test_each_command_has_help(terminal: Terminal, name: str) -> None:
    said = terminal(name, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: biofeedback {name} ")


def test_the_version(terminal: Terminal) -> None:
    said = terminal("--version")
    assert (said.code, said.out, said.err) == (0, f"biofeedback {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["breathe"],
        ["--breathe"],
        ["record"],
        ["record", "--simulate", "--out", "x.mcap", "--seconds", "soon"],
        ["record", "--simulate", "--out", "x.mcap", "--seconds", "nan"],
        ["record", "--simulate", "--out", "x.mcap", "--seconds", "0"],
        ["record", "--simulate", "--out", "x.mcap", "--seconds", "inf"],
        ["replay"],
        ["verify", "one", "two"],
        ["recover"],
        ["analyze"],
        ["analyze", "x", "--window", "-1"],
        ["analyze", "x", "--window", "60", "--step", "nan"],
        ["analyze", "x", "--jobs", "-1"],
        ["scan", "--seconds", "nan"],
        ["record", "--strap", "", "--out", "x.mcap"],
        ["run", "--strap", " "],
        ["user"],
        ["user", "add", "kim"],
        ["user", "add", "--role", "owner", "kim"],
        ["user", "invite"],
        ["user", "invite", "--role", "patient", "--for", "kim"],
        ["token", "add", "kim"],
        ["token", "add", "kim", "--label", "x", "--days", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_shows_the_usage(
    terminal: Terminal, arguments: list[str]
) -> None:
    said = terminal(*arguments)
    assert said.code == 2
    assert "Usage: biofeedback" in said.err
    assert TRACEBACK not in said.err


def test_a_search_that_is_too_long_is_told_its_limits(terminal: Terminal) -> None:
    said = terminal("scan", "--seconds", "100")
    assert said.code == 2
    assert "A search takes 0.5 to 60 seconds." in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["record", "--strap", "line:rr.txt", "--out", "x.mcap"],
            "There is no driver 'line'. Those installed here: 'ble'.",
        ),
        (["run", "--strap", "line:rr.txt"], "There is no driver 'line'."),
        (["analyze", "x", "--step", "60"], "--step needs --window."),
        (["analyze", "x", "--unit", "min"], "There is no unit 'min' of RR."),
        (["run", "--port", "65536"], "There is no port 65536."),
        (
            ["record", "--simulate", "--profile", "x", "--out", "x.mcap"],
            "There is no simulated heart called 'x'.",
        ),
        *(
            (
                ["record", "--simulate", "--signals", signals, "--out", "x.mcap"],
                sentence,
            )
            for signals, sentence in {
                "ppg": "There is no signal 'ppg'. Give ecg, acc, ppi",
                "ecg,": "There is no signal ''.",
                "acc:fast": "'fast' is not a rate for acc. Give whole samples",
                "acc:-50": "'-50' is not a rate for acc.",
                "acc:": "'' is not a rate for acc.",
                "acc:1000": "No strap sends 'acc' at 1000 Hz.",
                "ecg, ECG": "The signal 'ecg' was asked for more than once.",
                "ppi:1": "The signal 'ppi' has no rate",
            }.items()
        ),
    ],
)
def test_what_cannot_be_meant_is_2_in_a_sentence(
    terminal: Terminal, arguments: list[str], sentence: str
) -> None:
    said = terminal(*arguments)
    assert said.code == 2
    assert said.sentence.startswith(sentence)


def test_debug_shows_where_an_error_came_from(
    terminal: Terminal, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.mcap"
    assert terminal("replay", missing).sentence.startswith("missing.mcap could not be")
    said = typed("replay", missing, "--debug")
    assert said.code == 1
    assert TRACEBACK in said.err
    assert "open_recording" in said.err
