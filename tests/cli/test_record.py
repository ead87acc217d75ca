"""`record`: what it makes, what it refuses, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import LinkChange, LinkReason, LinkState, Tick
from biofeedback.recording.reader import Recording, open_recording
from biofeedback.session.replay import verify
from tests.cli.terminal import (
    NO_DBUS,
    PATIENCE_S,
    TRACEBACK,
    Said,
    Terminal,
    begin,
    command,
    ended,
    reached,
    typed,
)

S = 1_000_000_000

unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither these signals nor limits."
)


def ticks(recording: Recording) -> list[int]:
    return [one.t_ns for _, one in recording.inputs() if isinstance(one, Tick)]


def has_ended(recording: Recording) -> bool:
    *_, (_, last) = recording.inputs()
    return isinstance(last, LinkChange) and last.state is LinkState.ENDED


def test_it_says_what_it_does(made: tuple[Path, Said]) -> None:
    path, said = made
    assert said.code == 0
    told = r" \(simulated\): 3 s, [1-9] beats; \d+ records and messages, \d+ bytes\n"
    assert re.fullmatch(re.escape(str(path)) + told, said.out)
    assert said.err.splitlines() == [
        "Connecting.",
        "Streaming from Simulated heart.",
        "Finishing the recording. This takes a few seconds.",
    ]
    assert [one.name for one in path.parent.iterdir()] == ["calm.mcap"]


def test_every_second_is_in_it_and_it_is_labelled(made: tuple[Path, Said]) -> None:
    recording = open_recording(made[0])
    assert recording.complete
    assert recording.info.simulated
    assert recording.info.source == "simulated"
    assert [t_ns // S for t_ns in ticks(recording)] == [1, 2, 3]
    summary = json.loads(recording.summary() or b"{}")
    assert summary["source"]["simulated"] is True
    assert "neurokit" in summary


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("calm.mcap", "'calm.mcap' exists already and is not overwritten."),
        ("half.mcap", "'half.mcap.part' is an unfinished recording of that name."),
        ("calm.csv", "'calm.csv' is not a recording's name."),
        ("nowhere/calm.mcap", "There is no folder '"),
    ],
)
def test_it_refuses_a_place_it_cannot_use(
    terminal: Terminal, recording: Path, out: str, sentence: str
) -> None:
    folder, data = recording.parent, recording.read_bytes()
    (folder / "half.mcap.part").write_bytes(b"half")
    said = terminal("record", "--simulate", "--seconds", "1", "--out", folder / out)
    assert said.code == 2
    assert said.sentence.startswith(sentence)
    assert recording.read_bytes() == data
    assert (folder / "half.mcap.part").read_bytes() == b"half"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("source", [[], ["--simulate", "--strap", "Polar H10"]])
def test_it_wants_one_source(
    terminal: Terminal, tmp_path: Path, source: list[str]
) -> None:
    said = terminal("record", *source, "--out", tmp_path / "a.mcap")
    assert said.code == 2
    assert said.sentence == (
        "A recording needs one source. Give either --simulate or --strap NAME."
    )


def test_without_bluetooth_it_ends_at_once(tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"
    said = typed("record", "--strap", "Polar H10", "--out", out, env=NO_DBUS)
    assert said.code == 1
    assert said.sentence == ADVICE[LinkReason.NO_BUS]
    assert list(tmp_path.iterdir()) == []


@unix_only
def test_a_closed_terminal_ends_it_with_a_whole_file(tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"
    with begin("record", "--simulate", "--out", out) as process:
        assert process.stderr is not None
        process.stderr.close()
        process.stderr = None
        reached(tmp_path / "a.mcap.part", process)
        process.send_signal(signal.SIGHUP)
        reached(tmp_path / "a.mcap.part", process, has_ended)
        process.send_signal(signal.SIGTERM)  # not to wait for the summary
        said = ended(process)
    assert said.code == 0
    assert said.out.startswith(f"{out} (simulated): ")
    assert verify(out).ok


@unix_only
def test_killed_it_keeps_every_second_and_can_be_finished(
    terminal: Terminal, tmp_path: Path
) -> None:
    part, out = tmp_path / "a.mcap.part", tmp_path / "a.mcap"
    with begin("record", "--simulate", "--out", out) as process:
        seen = ticks(reached(part, process, lambda it: len(ticks(it)) >= 2))
        process.kill()
        killed_ns = time.time_ns()
        assert ended(process).code == -signal.SIGKILL

    left = open_recording(part)
    kept = ticks(left)
    assert kept[: len(seen)] == seen
    assert [t_ns // S for t_ns in kept] == list(range(1, len(kept) + 1))
    elapsed_ns = killed_ns - left.info.started_at_utc_ns
    assert kept[-1] >= elapsed_ns - 2 * S, "a tick a second, and one second at risk"

    replayed = terminal("replay", part, "--speed", "max")
    assert replayed.code == 0
    _, *lines = replayed.out.encode().splitlines()  # the first says: a replay
    assert lines[: len(list(left.outputs()))] == [data for *_, data in left.outputs()]
    (analysis,) = json.loads(terminal("analyze", part, "--json").out)
    assert analysis["source"] == {
        "format": "mcap",
        "simulated": True,
        "complete": False,
        "unknown_frames": 0,
    }
    assert analysis["duration_s"] >= 2
    person = terminal("analyze", part).out
    assert person.startswith("a.mcap.part (simulated, unfinished or cut off): ")

    verified = terminal("verify", part)
    assert verified.code == 1
    assert "is unfinished or cut off" in verified.sentence

    full = limited(5_000, "recover", part)
    assert full.code == 1
    assert full.sentence.startswith(
        "The recording a.mcap could not be finished; a.mcap.part still holds "
        "everything."
    )
    assert [one.name for one in tmp_path.iterdir()] == ["a.mcap.part"]

    recovered = terminal("recover", part)
    assert (recovered.code, recovered.err) == (0, "")
    assert "nothing that was safe is lost" in recovered.out
    assert terminal("verify", out).code == 0
    assert ticks(open_recording(out)) == kept
    assert [one.name for one in tmp_path.iterdir()] == ["a.mcap"]


def limited(limit_bytes: int, *arguments: str | Path) -> Said:
    """Run a command on a disk that is full after so many bytes a file."""
    limit = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit, *command(*arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@unix_only
def test_a_full_disk_ends_it_and_keeps_what_there_is(
    terminal: Terminal, tmp_path: Path
) -> None:
    out, part = tmp_path / "a.mcap", tmp_path / "a.mcap.part"
    began_s = time.monotonic()
    said = limited(12_000, "record", "--simulate", "--seconds", "100", "--out", out)
    assert time.monotonic() - began_s < 50, "it does not go on without a recording"
    assert (said.code, said.out) == (1, "")
    assert TRACEBACK not in said.err
    assert said.err.splitlines()[2:] == [
        "a.mcap.part could not be written any further. The file may not grow further. "
        "Raise the limit on file sizes. What was written so far is kept and can be "
        "recovered."
    ]
    kept = ticks(open_recording(part))
    assert terminal("recover", part).code == 0
    assert ticks(open_recording(out)) == kept
    assert terminal("verify", out).code == 0
