"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings, read where they lie."""
    if not DATA.is_dir():
        pytest.skip(
            "The real recordings are not here: they belong in ../shared/data beside "
            "the checkout."
        )
    return DATA
