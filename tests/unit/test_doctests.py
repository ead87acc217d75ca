"""The examples in the docstrings of the signal package are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from biofeedback import signal

MODULES = sorted(module.name for module in pkgutil.iter_modules(signal.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"biofeedback.signal.{name}")
    assert doctest.testmod(module).failed == 0
