"""Arrays by their names: what a notebook is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import PackageError
from biofeedback.recording.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

Happening = tuple[Any, ...]
"""``t_ns, kind, type, value, unit, moment, by, text``."""


class Columns(dict[str, NDArray[Any]]):
    """Arrays of one length by their names, which carry the units.

    ``t_s`` is always seconds since the start of the recording.
    """

    @property
    def n_rows(self) -> int:
        """The length of every array."""
        return len(next(iter(self.values()), ()))

    def to_pandas(self) -> pd.DataFrame:
        """Return the same as a ``DataFrame``.

        Raises
        ------
        SettingsError
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise PackageError("A DataFrame", "pandas", "research") from error
        return pd.DataFrame(dict(self))


def timed(t_ns: NDArray[np.int64], **columns: NDArray[Any]) -> Columns:
    """Return columns with their time, in seconds and in nanoseconds."""
    return Columns(t_s=t_ns / NS_PER_S, t_ns=t_ns, **columns)


def events_of(tables: Tables) -> list[Happening]:
    """Return what happened in a recording, in no order."""
    rows: list[Happening] = [
        (e.t_ns, "entry", e.type, e.value, e.unit, e.moment, e.by, e.text)
        for e in tables.entries
    ]
    for pace in tables.pacer:
        t_ns = round(pace.t_ms * NS_PER_MS)
        rows.append((t_ns, "pacer", "pace", pace.rate_bpm, "bpm", None, None, None))
    for link in tables.links:
        t_ns, state = round(link.t_ms * NS_PER_MS), str(link.state)
        rows.append((t_ns, "link", state, None, None, None, None, link.advice))
    return rows


def told(rows: Sequence[Happening]) -> Columns:
    """Return what happened, in its order."""
    columns = list(zip(*sorted(rows, key=lambda row: row[0]), strict=True))
    t_ns, kind, type, value, *words = columns or [()] * 8
    found = timed(
        np.array(t_ns, np.int64),
        kind=np.array(kind, object),
        type=np.array(type, object),
        value=_known(value),
    )
    for name, column in zip(("unit", "moment", "by", "text"), words, strict=True):
        found[name] = np.array([word or None for word in column], object)
    return found


def by_name(windows: Sequence[Mapping[str, Any]]) -> Columns:
    """Return the ``windows`` of an analysis, ``t_s`` being the end of each."""
    found = Columns(t_s=_known(w["begins_ms"] / 1000 + w["end_s"] for w in windows))
    for name, first in windows[0].items() if windows else ():
        values = [window[name] for window in windows]
        if name == "breathing":
            rates = [breath and breath["breaths_per_min"] for breath in values]
            found["breathing_bpm"] = _known(rates)
        elif name == "reason":
            found[name] = np.array(values, object)
        elif isinstance(first, bool):
            found[name] = np.array(values, np.bool_)
        else:
            found[name] = _known(values)
    return found


def _known(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if v is None else float(v) for v in values], np.float64)
