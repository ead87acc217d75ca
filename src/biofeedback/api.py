"""The Python API: one file, opened for a notebook.

``biofeedback.open(path)`` opens recordings and every format that can be imported. All
that it hands out are NumPy arrays by name, or pandas where that is asked for.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import BiofeedbackError, RecordingError
from biofeedback.model import Interval, Signal, Value
from biofeedback.recording.importers.imported import Imported, Options
from biofeedback.recording.reader import open_recording
from biofeedback.recording.sealed import opened
from biofeedback.recording.tables import Tables, read_tables
from biofeedback.session.batch import Parameters, analyze_many
from biofeedback.session.cluster import Cluster
from biofeedback.session.columns import Columns, by_name, events_of, timed, told
from biofeedback.session.places import Place, places_in
from biofeedback.session.provenance import sha256_of
from biofeedback.session.results import Results
from biofeedback.signal.segments import Detrend

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Cluster",
    "Columns",
    "Info",
    "OpenedRecording",
    "Parameters",
    "Place",
    "Results",
    "analyze_many",
    "open",
    "places",
]

MCAP_MAGIC = b"\x89MCAP0\r\n"

NS_PER_S = 1_000_000_000

SIGNAL_COLUMNS = {Signal.ECG: ("ecg_uv",), Signal.ACC: ("x_mg", "y_mg", "z_mg")}


class Info(Value, frozen=True):
    """What is known of a file as a whole; ``None`` for what it does not say.

    ``person`` is a pseudonym. ``format`` is ``mcap`` for our own recordings;
    ``started_at_utc_ns`` may be a civil time whose zone is not known, which ``notes``
    then say. ``simulated`` beats come from no heart.
    """

    file: str
    sha256: str
    format: str
    duration_s: float
    started_at_utc_ns: int | None
    session: str | None = None
    person: str | None = None
    plan: str | None = None
    device: str | None = None
    simulated: bool | None = None
    complete: bool | None = None
    notes: tuple[str, ...] = ()


class OpenedRecording:
    """One file, read when something is asked of it, and then kept.

    See :func:`open`.
    """

    def __init__(self, path: Path, format: str | None, options: Options) -> None:
        self.path = path
        self._format = format
        self._options = options
        self._ours = _is_ours(path)
        if self._ours:
            open_recording(path)  # whether it can be read at all
        else:
            self._foreign  # noqa: B018 - to refuse at once

    def __repr__(self) -> str:
        info = self.info
        return f"<{info.format} {info.file}: {info.duration_s:.0f} s>"

    @cached_property
    def info(self) -> Info:
        """What is known of the file as a whole."""
        if not self._ours:
            found = self._foreign
            return Info(
                file=self.path.name,
                sha256=sha256_of(self.path),
                format=found.format,
                duration_s=found.duration_ns / NS_PER_S,
                started_at_utc_ns=found.started_at_utc_ns,
                device=found.device or None,
                notes=found.notes,
            )
        tables = self._tables
        info = tables.info
        return Info(
            file=self.path.name,
            sha256=tables.sha256,
            format="mcap",
            duration_s=tables.duration_ns / NS_PER_S,
            started_at_utc_ns=info.started_at_utc_ns,
            session=info.id,
            person=info.person,
            plan=info.plan,
            device=info.strap_name,
            simulated=info.simulated,
            complete=tables.complete,
        )

    @overload
    def beats(self, *, as_pandas: Literal[False] = False) -> Columns: ...
    @overload
    def beats(self, *, as_pandas: Literal[True]) -> pd.DataFrame: ...
    def beats(self, *, as_pandas: bool = False) -> Columns | pd.DataFrame:
        """Return every beat with its judgement.

        ``t_s`` and ``t_ns`` are the end of the interval ``rr_ms``, known to
        ``uncertainty_ms``; ``nn_ms`` is NaN where ``label`` is not ``normal``. No
        difference may be taken across ``segment``: there is a gap.

        A recording gives the judgement of its own day, a foreign file today's.
        :meth:`analyze` always judges anew.
        """
        if self._ours:
            beats = self._tables.beats
            found = timed(
                beats.t_ns,
                index=beats.index,
                segment=beats.segment,
                rr_ms=beats.rr_ms,
                nn_ms=beats.nn_ms,
                label=beats.label,
                uncertainty_ms=beats.uncertainty_ms,
            )
        else:
            found = self._judged()
        return found.to_pandas() if as_pandas else found

    @overload
    def metrics(self, *, as_pandas: Literal[False] = False) -> Columns: ...
    @overload
    def metrics(self, *, as_pandas: Literal[True]) -> pd.DataFrame: ...
    def metrics(self, *, as_pandas: bool = False) -> Columns | pd.DataFrame:
        """Return what was shown once a second, NaN where nothing was known.

        Windows have their length as a suffix: ``rmssd_ms_60s``. A foreign file was not
        shown by us and has no rows: see :meth:`windows`.
        """
        if self._ours:
            metrics = self._tables.metrics
            found = timed(metrics.t_ns, **metrics.columns)
        else:
            found = timed(np.zeros(0, np.int64))
        return found.to_pandas() if as_pandas else found

    @overload
    def windows(
        self,
        window_s: float,
        step_s: float | None = None,
        *,
        as_pandas: Literal[False] = False,
    ) -> Columns: ...
    @overload
    def windows(
        self, window_s: float, step_s: float | None = None, *, as_pandas: Literal[True]
    ) -> pd.DataFrame: ...
    def windows(
        self,
        window_s: float,
        step_s: float | None = None,
        *,
        as_pandas: bool = False,
    ) -> Columns | pd.DataFrame:
        """Return the windows of :meth:`analyze`, computed today, of any file.

        ``t_s`` is the end of each window; ``start_s`` and ``end_s`` lie on the beat
        clock, which begins with the first interval.
        """
        rows = self.analyze(window_s, step_s)["windows"]
        found = by_name(rows)
        return found.to_pandas() if as_pandas else found

    @overload
    def events(self, *, as_pandas: Literal[False] = False) -> Columns: ...
    @overload
    def events(self, *, as_pandas: Literal[True]) -> pd.DataFrame: ...
    def events(self, *, as_pandas: bool = False) -> Columns | pd.DataFrame:
        """Return what happened: ratings, marks, phases, paces, and the link's states.

        ``kind`` is ``entry`` (a rating, a mark, a phase: its ``type`` says which),
        ``pacer`` (``value`` is the pace in breaths a minute) or ``link`` (``type`` is
        the state). Columns of words hold ``None`` where there is nothing to say.
        """
        if self._ours:
            rows = events_of(self._tables)
        else:
            rows = [
                (mark.t_ns, "entry", mark.type, mark.value, None, None, None, mark.text)
                for mark in self._foreign.marks
            ]
        found = told(rows)
        return found.to_pandas() if as_pandas else found

    @overload
    def ecg(self, *, as_pandas: Literal[False] = False) -> Columns: ...
    @overload
    def ecg(self, *, as_pandas: Literal[True]) -> pd.DataFrame: ...
    def ecg(self, *, as_pandas: bool = False) -> Columns | pd.DataFrame:
        """Return the ECG in µV: ``t_s``, ``segment``, ``ecg_uv``.

        No line may be drawn from one ``segment`` to the next. Without ECG there are no
        rows.
        """
        found = self._signal(Signal.ECG)
        return found.to_pandas() if as_pandas else found

    @overload
    def acc(self, *, as_pandas: Literal[False] = False) -> Columns: ...
    @overload
    def acc(self, *, as_pandas: Literal[True]) -> pd.DataFrame: ...
    def acc(self, *, as_pandas: bool = False) -> Columns | pd.DataFrame:
        """Return the acceleration in mG: ``t_s``, ``segment``, ``x_mg y_mg z_mg``."""
        found = self._signal(Signal.ACC)
        return found.to_pandas() if as_pandas else found

    def analyze(
        self,
        window_s: float | None = None,
        step_s: float | None = None,
        *,
        detrend: str = "line",
    ) -> dict[str, Any]:
        """Return the summary of the file, with the keys of ``analyze --json``.

        Raises
        ------
        RecordingError
            When the file is damaged, or holds no RR intervals.
        SettingsError
            When the windows cannot be cut as asked.
        """
        from biofeedback.session.analysis import analyze_file

        return analyze_file(
            self.path,
            window_s,
            step_s,
            column=self._options.column,
            unit=self._options.unit,
            detrend=Detrend(detrend),
        )

    @cached_property
    def _tables(self) -> Tables:
        return read_tables(self.path)

    @cached_property
    def _foreign(self) -> Imported:
        from biofeedback.recording.importers.registry import read_foreign

        return read_foreign(self.path, format=self._format, options=self._options)

    def _judged(self) -> Columns:
        from biofeedback.signal.artefacts import judge_all

        beats = self._foreign.beats
        intervals: tuple[Interval, ...] = judge_all(beats)
        return timed(
            np.array([one.t_ns for one in intervals], np.int64),
            index=np.array([one.index for one in intervals], np.int64),
            segment=np.array([one.segment for one in intervals], np.int64),
            rr_ms=np.array([one.rr_ms for one in intervals], np.float64),
            nn_ms=np.array(
                [np.nan if one.nn_ms is None else one.nn_ms for one in intervals],
                np.float64,
            ),
            label=np.array([str(one.label) for one in intervals], "U10"),
            uncertainty_ms=np.array([one.uncertainty_ms for one in beats], np.float64),
        )

    def _signal(self, signal: Signal) -> Columns:
        pieces: list[tuple[NDArray[np.float64], int, NDArray[np.int32]]] = []
        if self._ours:
            pieces = [
                (trace.t_ms / 1000, trace.segment, trace.values)
                for trace in self._tables.traces
                if trace.signal is signal
            ]
        else:
            for one in self._foreign.signals:
                if one.signal is signal:
                    t_s = (
                        one.t0_ns / NS_PER_S + np.arange(len(one.values)) / one.rate_hz
                    )
                    pieces.append((t_s, one.segment, one.values))
        names = SIGNAL_COLUMNS[signal]
        values = [v for _, _, v in pieces] or [np.zeros((0, len(names)), np.int32)]
        found = Columns(
            t_s=np.concatenate([t_s for t_s, _, _ in pieces] or [np.zeros(0)]),
            segment=np.concatenate(
                [np.full(len(v), s, np.int64) for _, s, v in pieces]
                or [np.zeros(0, np.int64)]
            ),
        )
        for name, column in zip(names, np.concatenate(values).T, strict=True):
            found[name] = column
        return found


def open(
    path: Path | str,
    *,
    format: str | None = None,
    column: str | None = None,
    unit: str | None = None,
) -> OpenedRecording:
    """Open a recording, or a file of any format that can be imported.

    Parameters
    ----------
    path
        The file. Nothing of it is changed, ever.
    format
        Name of a foreign format; ``None`` lets its header tell.
    column, unit
        The RR column of a text file, and whether it is in ``ms`` or ``s``, where the
        file does not say so itself.

    Raises
    ------
    RecordingError
        When it is not there, damaged, or of no known format.
    """
    return OpenedRecording(Path(path), format, Options(column=column, unit=unit))


def places(*asked: Path | str, **options: Any) -> list[Path | Place]:  # noqa: ANN401
    """Return all files at paths and URLs, for :func:`analyze_many`.

    Parameters
    ----------
    asked
        Files, folders, and URLs of files and folders, as ``analyze`` takes them.
    options
        For the storage that the URLs name, as fsspec takes them: ``endpoint_url``,
        ``key``, ``secret`` and the like.

    Raises
    ------
    BiofeedbackError
        When there is nothing at one of them, or its storage cannot be read.
    """
    found: list[Path | Place] = []
    for one in places_in(asked, options):
        if isinstance(one, BiofeedbackError):
            raise one
        found.append(one)
    return found


def _is_ours(path: Path) -> bool:
    try:
        with opened(path) as file:
            magic = file.read(len(MCAP_MAGIC))
    except OSError as error:
        raise RecordingError(
            f"'{path.name}' cannot be read: {error.strerror}.",
            "Check that it is there and that you may read it.",
        ) from error
    return magic == MCAP_MAGIC
