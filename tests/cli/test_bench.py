"""`bench`: everything side by side, errors beside times; nothing here is timed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bench.page import tables
from biofeedback.bench import engine
from biofeedback.bench.peers import PEERS
from tests.cli.terminal import typed


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    said = typed("bench", "--quick", "--json")
    assert said.code == 0, said.err
    assert "Measuring: NeuroKit2" in said.err
    measured: dict[str, Any] = json.loads(said.out)
    return measured


def test_ours_and_neurokit2_agree_where_they_are_timed(found: dict[str, Any]) -> None:
    assert found["neurokit"]["max_difference"] < 1e-9


def test_ratios_are_of_one_run(found: dict[str, Any]) -> None:
    windows_us = found["neurokit"]["windows_us"]
    for row in found["ticks"]:
        assert row["ratio"] == pytest.approx(windows_us / row["tick_us"])
        every = row["tick_us"] + row["rsa_us"] + row["beats_us"]
        judged = windows_us + found["neurokit"]["fixpeaks_us"]
        assert row["ratio_with_beats"] == pytest.approx(judged / every)
        assert row["rfft_us"] > 0
        assert row["copy_us"] > 0
    assert [row["n_sessions"] for row in found["ticks"]] == list(engine.SIZES[:2])
    assert found["day"]["n_ticks"] == 3600


def test_every_peer_has_a_row_or_says_why_not(found: dict[str, Any]) -> None:
    rows = {row["peer"]: row for row in found["peers"]}
    assert set(rows) == set(PEERS)
    for row in rows.values():
        assert row.get("error") or row["rmssd_error_ms"] < 1e-5
    assert "error" not in rows["NeuroKit2"]
    assert rows["NeuroKit2"]["rmssd_error_ms"] < 1e-9
    assert rows["NeuroKit2"]["sdnn_error_ms"] < 1e-9


def test_the_page_can_be_written_from_it(found: dict[str, Any]) -> None:
    page = "\n".join(tables(found))
    assert "| NeuroKit2 " in page
    assert page.count("| 10 |") == 1


def test_what_is_timed_is_what_a_session_does() -> None:
    """The house of the benchmark knows all that a live session would."""
    house = engine.House(2)
    numbers = house.first.numbers(engine.FILLED_S * 10**9)
    assert numbers.windows.w300.rmssd_ms is not None
    assert numbers.spectrum.lf_peak_hz == pytest.approx(0.1, abs=0.002)
    assert numbers.welch.n_segments >= 6
    assert numbers.breathing is not None
    assert numbers.density is not None
    assert np.isfinite(numbers.density).all()
