"""The journal: created once, readable at any time, loud when it cannot go on."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from biofeedback.errors import RecordingError
from biofeedback.model import LinkChange, LinkState, Strap, Tick
from biofeedback.recording.reader import open_recording
from biofeedback.recording.writer import FLUSHES_PER_WRITER, RecordingWriter
from tests.recording.samples import EVERY_RECORD, INFO, new_writer


def test_every_record_type_round_trips(tmp_path: Path) -> None:
    part = tmp_path / "2026" / "11" / "a.mcap.part"
    writer = new_writer(part)
    for sequence, record in enumerate(EVERY_RECORD, 1):
        writer.record(sequence, record)
    last = len(EVERY_RECORD) + 1
    writer.message(last, 10, "metrics", b'{"v":1}')
    assert writer.sync() == last
    recording = open_recording(part)  # while it is still being written
    assert list(recording.inputs()) == list(enumerate(EVERY_RECORD, 1))
    assert list(recording.outputs()) == [(last, "metrics", b'{"v":1}')]
    assert [s.sequence for s in recording.all()] == list(range(1, last + 1))
    assert recording.info == INFO
    assert not recording.complete
    assert recording.summary() is None
    assert recording.practice["posture"] == "unknown"
    assert recording.software["biofeedback"] == INFO.software
    writer.close()
    writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes.")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    part = tmp_path / "deep" / "a.mcap.part"
    new_writer(part).close()
    assert part.stat().st_mode & 0o777 == 0o600
    assert part.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    part.write_bytes(b"mine")
    with pytest.raises(RecordingError, match=r"could not be created.*another name"):
        new_writer(part)
    assert part.read_bytes() == b"mine"


def test_a_nearly_full_disk_is_told_at_once(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    with pytest.raises(RecordingError, match=r"MB are free .* Free some space"):
        RecordingWriter(part, INFO, min_free_bytes=1 << 62)
    assert not part.exists()


def test_a_closed_writer_refuses(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "a.mcap.part")
    writer.close()
    with pytest.raises(RecordingError, match="closed"):
        writer.record(1, Tick(t_ns=0))
    with pytest.raises(RecordingError, match="closed"):
        writer.sync()


def test_mistakes_of_the_caller_are_value_errors(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "a.mcap.part")
    with pytest.raises(ValueError, match="does not follow"):
        writer.record(2, Tick(t_ns=0))
    with pytest.raises(ValueError, match="too many"):
        writer.message(1, 0, "beat", bytes(2 << 20))
    named = Strap(name="Polar H10 1A2B3C4D")
    link = LinkChange(t_ns=0, source="s", state=LinkState.STREAMING, strap=named)
    with pytest.raises(ValueError, match="as_stored"):
        writer.record(1, link)
    writer.record(1, Tick(t_ns=0))
    writer.close()


def test_append_and_sync_may_run_at_once(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    writer = new_writer(part)
    done = threading.Event()

    def keep_syncing() -> None:
        while not done.is_set():
            writer.sync()

    threads = [threading.Thread(target=keep_syncing) for _ in range(3)]
    for thread in threads:
        thread.start()
    n = 3000
    for sequence in range(1, n + 1):
        writer.record(sequence, Tick(t_ns=sequence))
    done.set()
    for thread in threads:
        thread.join()
    writer.close()
    read = [(s, r.t_ns) for s, r in open_recording(part).inputs()]
    assert read == [(i, i) for i in range(1, n + 1)]


def test_a_long_session_keeps_its_topics(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    writer = new_writer(part)
    n = FLUSHES_PER_WRITER + 10
    for sequence in range(1, n + 1):
        if sequence % 3:
            writer.record(sequence, Tick(t_ns=sequence))
        else:
            writer.message(sequence, sequence, "beat", b"{}")
        writer.sync()
    late = EVERY_RECORD[2]
    writer.record(n + 1, late)
    writer.close()
    recording = open_recording(part)
    kinds = [(s.sequence, s.channel.topic) for s in recording.all()]
    assert kinds == [
        *((i, "/tick" if i % 3 else "/beat") for i in range(1, n + 1)),
        (n + 1, "/ble/strap/2a37"),
    ]


FILL = """
import resource, sys
from pathlib import Path
from biofeedback.errors import RecordingError
from biofeedback.model import Entry, Tick
from tests.recording.samples import new_writer
import random

resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
writer = new_writer(Path(sys.argv[1]))
rng = random.Random(1)
safe = 0
try:
    for sequence in range(1, 100_000):
        noise = rng.randbytes(500).hex()
        writer.record(sequence, Entry(t_ns=1, id="a", type="m", by="p", text=noise))
        safe = writer.sync()
except RecordingError as error:
    print(safe, str(error))
for refused in (writer.sync, lambda: writer.record(sequence + 1, Tick(t_ns=1))):
    try:
        refused()
    except RecordingError as error:
        print(str(error))
writer.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit.")
def test_a_full_disk_stops_it_loudly_and_keeps_what_is_there(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    told = subprocess.run(
        [sys.executable, "-c", FILL, str(part)],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout.splitlines()
    safe, sentence = told[0].split(" ", 1)
    assert sentence.startswith("a.mcap.part could not be written any further.")
    assert "Raise the limit" in sentence
    assert told[1:] == [sentence, sentence]
    survey = open_recording(part).survey()
    assert survey.last == int(safe) > 10
    assert survey.lost_bytes == 0
