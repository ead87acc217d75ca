"""`join` and `leave`: what a patient reads, and what becomes of the ticket."""

from __future__ import annotations

from pathlib import Path

import msgspec

from biofeedback.clinic import ticket as tickets
from tests.cli.terminal import Terminal
from tests.clinic.test_ticket import TICKET, written

FOREVER_NS = 2**62


def test_joining_says_what_will_travel_and_leaving_ends_it(
    terminal: Terminal, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    unreachable = msgspec.structs.replace(
        TICKET,
        servers=("nats://127.0.0.1:9",),
        ca=None,
        join_before_utc_ns=FOREVER_NS,
    )
    path = written(tmp_path, unreachable.to_json())
    said = terminal("leave", "--data", data)
    assert said.code == 1
    said = terminal("join", path, "--data", data)
    assert said.code == 0
    assert "joined Clinic by the lake, as H-7Q2M9K" in said.out
    assert "Nothing of you travels by that" in said.out
    assert tickets.kept_at(data).exists()
    said = terminal("leave", "elsewhere", "--data", data)
    assert said.code == 1
    assert "Clinic by the lake (C-3F6T2A)" in said.sentence
    said = terminal("leave", "--data", data)
    assert said.code == 0
    assert "all that it was given has ended" in said.out
    assert "within five seconds" in said.err
    assert "could not be told yet" in said.err


def test_a_file_that_is_no_ticket(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("join", written(tmp_path, b"hello"), "--data", tmp_path / "data")
    assert said.code == 2
    assert said.sentence.startswith("home.ticket is no ticket of a clinic.")
