"""Provenance: what was computed of what; nothing of where, when or by whom."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from biofeedback.errors import RecordingError
from biofeedback.pipeline import ALGORITHM
from biofeedback.session.provenance import provenance


def test_it_names_input_versions_and_parameters(tmp_path: Path) -> None:
    path = tmp_path / "rr.csv"
    path.write_bytes(b"800\n" * 700_000)  # more than one piece
    found = provenance(path, {"window_s": 300.0, "step_s": None})
    assert found["input"] == {
        "name": "rr.csv",
        "bytes": 2_800_000,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert found["algorithm"] == ALGORITHM
    assert found["libraries"]["numpy"] == version("numpy")
    assert found["libraries"]["neurokit2"] == version("neurokit2")
    assert found["parameters"] == {"window_s": 300.0, "step_s": None}


def test_it_is_the_same_again_and_tells_of_no_person_or_place(tmp_path: Path) -> None:
    path = tmp_path / "rr.csv"
    path.write_text("800\n")
    one, other = (json.dumps(provenance(path, {})) for _ in range(2))
    assert one == other
    for private in (str(tmp_path), platform.node(), getpass.getuser() + "/"):
        assert private not in one


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read") as caught:
        provenance(tmp_path / "gone.csv", {})
    assert caught.value.advice
