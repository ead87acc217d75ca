"""NeuroKit2, imported once: it takes seconds and emits warnings."""

from __future__ import annotations

import warnings
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def nk() -> ModuleType:
    """The oracle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2

    module: ModuleType = neurokit2
    return module
