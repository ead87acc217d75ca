"""Biofeedback: practise with a chest strap, and be able to trust every number.

For notebooks::

    import biofeedback

    session = biofeedback.open("calm.mcap")
    session.beats()["rr_ms"]
    session.analyze()["rmssd_ms"]

The names of :mod:`biofeedback.api` are fetched when they are used first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biofeedback.api import (
        Cluster,
        Columns,
        OpenedRecording,
        Parameters,
        Place,
        Results,
        analyze_many,
        open,
        places,
    )

__version__ = "0.1.0"

__all__ = [
    "Cluster",
    "Columns",
    "OpenedRecording",
    "Parameters",
    "Place",
    "Results",
    "__version__",
    "analyze_many",
    "open",
    "places",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from biofeedback import api

        return getattr(api, name)
    raise AttributeError(f"module 'biofeedback' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
