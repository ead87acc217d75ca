"""`replay`, `verify` and `recover`: the same bytes, or a sentence that says why not."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from tests.cli.terminal import TRACEBACK, Terminal, begin, command, ended
from tests.conftest import ROOT
from tests.recording.faults.damage import chunks


def documented() -> dict[str, set[str]]:
    """Return the fields of each kind, as the table of docs/protocol.md has them."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    table = text.partition("| kind | fields | when |")[2].partition("\n\n")[0]
    kinds: dict[str, set[str]] = {}
    for row in table.splitlines()[2:]:
        kind, fields, _ = row.strip("| ").split(" | ")
        fields = fields.partition(";")[0]
        while (inner := re.sub(r"\{[^{}]*\}|\([^()]*\)", "", fields)) != fields:
            fields = inner
        kinds[kind.strip("`")] = set(re.findall(r"`(\w+)`", fields))
    return kinds


@pytest.mark.parametrize("speed", ["max", "64"])
def test_a_replay_gives_the_recorded_bytes(
    terminal: Terminal, recording: Path, speed: str
) -> None:
    said = terminal("replay", recording, "--speed", speed, "--jsonl", "-")
    assert (said.code, said.err) == (0, "")
    sent = [data for *_, data in open_recording(recording).outputs()]
    assert len(sent) >= 9
    first, *lines = said.out.encode().splitlines()
    assert json.loads(first)["kind"] == "replay"
    assert lines == sent


@pytest.mark.parametrize("speed", ["max", "64"])
def test_it_plays_what_was_shown_then(
    terminal: Terminal, recording: Path, speed: str
) -> None:
    said = terminal("replay", recording, "--speed", speed, "--as-recorded")
    anew = terminal("replay", recording, "--speed", speed)
    assert (said.code, said.err, said.out) == (0, "", anew.out)
    both = terminal("replay", recording, "--serve", "--as-recorded")
    assert both.code == 2


def test_its_lines_are_the_live_messages_of_the_protocol(
    terminal: Terminal, recording: Path
) -> None:
    said = terminal("replay", recording, "--speed", "max")
    first, *messages = [json.loads(line) for line in said.out.splitlines()]
    assert (first["kind"], first["seq"], first["speed"]) == ("replay", 0, None)
    assert [one["seq"] for one in messages] == list(range(1, len(messages) + 1))
    assert {one["v"] for one in messages} == {1}
    fields = documented()
    for one in messages:
        assert set(one) == {"v", "seq", "t_ms", "kind"} | fields[one["kind"]]
    kinds = [one["kind"] for one in messages]
    assert kinds[0] == "pacer"
    assert {"pacer", "link", "heart", "beat", "metrics"} <= set(kinds)
    assert kinds.count("metrics") == 3, "one a second"
    straps = {one["strap"]["name"] for one in messages if one.get("strap")}
    assert straps == {"Simulated heart"}
    assert messages[-1]["state"] == "ended"


def test_it_writes_them_to_a_file(
    terminal: Terminal, recording: Path, tmp_path: Path
) -> None:
    to = tmp_path / "messages.jsonl"
    said = terminal("replay", recording, "--speed", "max", "--jsonl", to)
    assert (said.code, said.out, said.err) == (0, "", "")
    printed = terminal("replay", recording, "--speed", "max", "--jsonl", "-")
    assert to.read_text() == printed.out


def test_it_never_writes_over_what_it_plays(
    terminal: Terminal, recording: Path
) -> None:
    data = recording.read_bytes()
    said = terminal("replay", recording, "--speed", "max", "--jsonl", recording)
    assert said.code == 2
    assert "is itself to be read, and is not overwritten." in said.sentence
    assert recording.read_bytes() == data


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--speed", "65"], "A speed of '65' is not offered."),
        (["--speed", "nan"], "A speed of 'nan' is not offered."),
        (["--speed", "max", "--serve"], "A dashboard cannot follow '--speed max'."),
        (["--jsonl", "nowhere/messages.jsonl"], "There is no folder 'nowhere'."),
    ],
)
def test_what_it_cannot_do_is_2(
    terminal: Terminal, recording: Path, options: list[str], sentence: str
) -> None:
    said = terminal("replay", recording, *options)
    assert said.code == 2
    assert said.sentence.startswith(sentence)


def test_a_reader_that_goes_away_is_no_error(recording: Path) -> None:
    with begin("replay", recording, "--speed", "1") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.stdout.close()  # as `| head -1` does
        process.stdout = None
        said = ended(process)
    assert first["kind"] == "replay"
    assert (said.code, said.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Only Linux has /dev/full.")
def test_output_that_cannot_be_written_is_said_once(recording: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("replay", recording, "--speed", "max"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert TRACEBACK not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_whole_recording_verifies(terminal: Terminal, recording: Path) -> None:
    said = terminal("verify", recording)
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(
        r"calm\.mcap is whole: \d+ records give the same \d+ messages, byte for byte\.",
        said.out.strip(),
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(500))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def missing(path: Path) -> None:
    path.unlink()


Harm = Callable[[Path], None]
BAD: list[tuple[Harm, str]] = [
    (cut, "calm.mcap is unfinished or cut off;"),
    (emptied, "calm.mcap is empty."),
    (foreign, "calm.mcap is not a recording."),
    (a_folder, "calm.mcap could not be read. It is a folder."),
    (missing, "calm.mcap could not be read. It is not there."),
]


@pytest.mark.parametrize(("harm", "sentence"), BAD)
def test_what_is_no_whole_recording_does_not_verify(
    terminal: Terminal, recording: Path, harm: Harm, sentence: str
) -> None:
    harm(recording)
    said = terminal("verify", recording)
    assert said.code == 1
    assert said.sentence.startswith(sentence)


def test_no_flipped_bit_goes_unnoticed(terminal: Terminal, recording: Path) -> None:
    data = recording.read_bytes()
    for at in itertools.chain(range(0, len(data), 797), [len(data) - 1]):
        harmed = bytearray(data)
        harmed[at] ^= 1 << (at % 8)
        recording.write_bytes(harmed)
        said = terminal("verify", recording)
        assert said.code == 1, f"byte {at}"
        assert "calm.mcap" in said.sentence


@pytest.mark.parametrize(("harm", "sentence"), BAD[1:])
@pytest.mark.parametrize("verb", ["replay", "recover"])
def test_nothing_comes_of_nothing(
    terminal: Terminal, recording: Path, verb: str, harm: Harm, sentence: str
) -> None:
    harm(recording)
    said = terminal(verb, recording)
    assert said.code == 1
    assert said.sentence.startswith(sentence)
    assert not list(recording.parent.glob("*.recovered.*"))


def test_a_whole_recording_needs_no_recovery(
    terminal: Terminal, recording: Path
) -> None:
    said = terminal("recover", recording)
    assert (said.code, said.err) == (0, "")
    assert said.out == "The recording calm.mcap is whole; nothing needs saving.\n"
    assert [one.name for one in recording.parent.iterdir()] == ["calm.mcap"]


def test_a_damaged_recording_is_saved_beside_itself(
    terminal: Terminal, recording: Path
) -> None:
    whole = open_recording(recording).survey()
    cut(recording)
    harmed = recording.read_bytes()
    said = terminal("recover", recording)
    assert (said.code, said.err) == (0, "")
    saved = recording.with_name("calm.recovered.mcap")
    assert said.out.endswith(f"{saved}: {whole.n_records} records\n")
    assert recording.read_bytes() == harmed, "the damaged one stays as it is"
    assert open_recording(saved).survey().content_sha256 == whole.content_sha256
    assert open_recording(saved).recovery is not None
    assert terminal("verify", saved).code == 0

    again = terminal("recover", recording)
    assert again.code == 1
    assert again.sentence.startswith(
        "calm.recovered.mcap exists already and is not overwritten."
    )


def test_it_is_saved_where_it_is_asked_for(terminal: Terminal, recording: Path) -> None:
    cut(recording)
    out = recording.with_name("saved.mcap")
    assert terminal("recover", recording, "--out", out).code == 0
    assert terminal("verify", out).code == 0
    over = terminal("recover", recording, "--out", recording)
    assert over.code == 2
    assert "is not overwritten" in over.sentence


def test_when_no_record_is_left_it_says_so(terminal: Terminal, recording: Path) -> None:
    data = recording.read_bytes()
    recording.write_bytes(data[: chunks(data)[0].end - 1])
    said = terminal("recover", recording)
    assert said.code == 1
    assert said.sentence.startswith("Nothing of calm.mcap can be saved:")
    assert [one.name for one in recording.parent.iterdir()] == ["calm.mcap"]
