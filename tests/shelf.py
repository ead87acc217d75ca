"""Puts example recordings on a store's shelf, as sessions leave them."""

from __future__ import annotations

import shutil
from pathlib import Path

from biofeedback.recording.reader import open_recording
from biofeedback.store import (
    LossReport,
    Quality,
    RecordingRow,
    SessionRow,
    SessionState,
    Store,
)
from tests.conftest import ROOT

EXAMPLES = ROOT / "recordings" / "examples"


def shelve(
    store: Store,
    name: str,
    *,
    quality: Quality | None = None,
    loss: str | None = None,
    person_id: str | None = None,
) -> tuple[str, Path]:
    """Put the example ``name`` there; return its session's id and where it lies."""
    info = open_recording(EXAMPLES / f"{name}.mcap").info
    path = store.data / "recordings" / f"{info.id}.mcap"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(EXAMPLES / f"{name}.mcap", path)
    relative = path.relative_to(store.data).as_posix()
    session = SessionRow(
        id=info.id,
        person_id=store.person(person_id).id,
        plan=info.plan,
        source="simulated",
        simulated=True,
        strap_name=info.strap_name,
        started_at_utc_ns=info.started_at_utc_ns,
        state=SessionState.CLOSING,
    )
    store.add_session(session, relative)
    state = SessionState.COMPLETE if loss is None else SessionState.RECOVERED
    row = RecordingRow(
        session_id=info.id,
        path=relative,
        state=state,
        loss=None if loss is None else LossReport(sentence=loss),
        quality=quality,
    )
    store.finish_session(info.id, state, recording=row)
    return info.id, path
