"""Recorded heartbeats of a Polar H10, as bytes through the real Bleak, to the page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import expect

from biofeedback.model import Entry, Notification
from biofeedback.recording.reader import open_recording
from biofeedback.session.replay import verify
from biofeedback.wire.heart_rate import HeartRateMeasurement
from tests.e2e.conftest import OpenPage, StartService
from tests.e2e.journey import (
    PATIENCE_MS,
    answer,
    begin,
    count_beats,
    get_json,
    part,
    session_id,
    wait_for_stream,
    wait_until,
)
from tests.machine import HOW_TO_DBUS, dbus_daemon, in_ci

FIRST_BPM = re.compile(r"^(5[5-9]|6[0-5])$")
"""The file begins with 936, 1020, 1078, 1054 ms: 64 bpm, then below 60."""

ENOUGH_BEATS = 6

SAMPLE = "dont-hold-your-breath/sample_data_ibi.csv"


def sample_rr_ms(folder: Path) -> list[float]:
    lines = (folder / SAMPLE).read_text().splitlines()
    return [float(line.split(",")[1]) for line in lines]


@pytest.fixture
def virtual_strap(real_data: Path) -> Iterator[str]:
    """Put the recorded RR on the air of a virtual BlueZ; yield the bus's address."""
    if dbus_daemon() is None:
        if in_ci():
            pytest.fail(HOW_TO_DBUS)
        pytest.skip(HOW_TO_DBUS)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "biofeedback.simulator"),
            *("--rr", str(real_data / SAMPLE), "--name", "Polar H10 12345678"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["address"]
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_real_beats_reach_the_page_are_rated_stopped_and_replayed(
    virtual_strap: str,
    real_data: Path,
    tmp_path: Path,
    start_service: StartService,
    open_page: OpenPage,
) -> None:
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path)),
        env={"DBUS_SYSTEM_BUS_ADDRESS": virtual_strap},
    )
    page = open_page(service.url)
    beats = count_beats(page)

    begin(page, "ble")
    answer(page, 7, 6, 5)
    wait_for_stream(page)
    expect(part(page, "simulated-label")).to_have_count(0)
    part(page, "toggle-numbers").click()
    expect(part(page, "heart-rate")).to_have_text(FIRST_BPM, timeout=PATIENCE_MS)
    part(page, "rate-now").click()
    sheet = part(page, "rate-sheet")
    sheet.get_by_test_id("question-pain_unpleasantness").locator(
        'label:has(input[value="4"])'
    ).click()
    part(page, "save-rating").click()
    wait_until(page, lambda: len(beats) >= ENOUGH_BEATS)
    id = session_id(page)
    part(page, "stop").click()
    answer(page, 5, 3, 4)

    expect(part(page, "summary")).to_have_attribute(
        "data-ready", "true", timeout=120_000
    )
    expect(part(page, "summary")).to_contain_text("2 points lower")
    expect(part(page, "gap")).to_be_visible()

    # What the file holds is what was on the air, and what was answered.
    (path,) = tmp_path.rglob(f"{id}.mcap")
    recording = open_recording(path)
    records = [record for _, record in recording.inputs()]
    counts = [
        count
        for record in records
        if isinstance(record, Notification) and record.characteristic == "2a37"
        for count in HeartRateMeasurement.from_bytes(record.data).rr_1024 or ()
    ]
    sent = [round(rr * 1.024) for rr in sample_rr_ms(real_data)]
    assert len(counts) >= len(beats) >= ENOUGH_BEATS
    assert counts == sent[: len(counts)]
    ratings = [
        (record.type, record.moment, record.value)
        for record in records
        if isinstance(record, Entry) and record.prompt
    ]
    assert ratings == [
        ("pain_intensity", "before", 7),
        ("pain_unpleasantness", "before", 6),
        ("arousal", "before", 5),
        ("pain_unpleasantness", "during", 4),
        ("pain_intensity", "after", 5),
        ("pain_unpleasantness", "after", 3),
        ("arousal", "after", 4),
    ]
    assert recording.info.strap_name == "Polar H10"  # no serial number
    verdict = verify(path)
    assert verdict.ok, verdict.sentence
    summary = cast("dict[str, Any]", get_json(page, f"sessions/{id}/summary"))
    assert summary["n_beats"] == len(counts)

    part(page, "replay").click()
    expect(part(page, "replay-label")).to_be_visible(timeout=PATIENCE_MS)
    part(page, "toggle-numbers").click()
    expect(part(page, "heart-rate")).to_have_text(FIRST_BPM, timeout=PATIENCE_MS)
    expect(part(page, "rate-now")).to_have_count(0)
