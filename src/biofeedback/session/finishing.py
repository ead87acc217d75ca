"""Finishes a recording: the summary with NeuroKit2's full analysis, then compaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from biofeedback.recording.compaction import Compacted, Compaction
from biofeedback.session.referee import Referee


async def finish(
    part: Path,
    final: Path,
    referee: Referee,
    *,
    recovery: Mapping[str, str] | None = None,
) -> Compacted:
    """Turn the closed journal ``part`` into the recording ``final``.

    ``recovery`` says why, where it is not as it should be.

    The summary is computed in NeuroKit2's worker; should it fail, the recording is
    finished without one, and the summary can be computed from it at any time.

    Raises
    ------
    RecordingError
        When the recording cannot be written; ``part`` is then still whole.
    """
    summary = await referee.summarise(part)
    compaction = Compaction(part, final, summary, recovery=recovery)
    return await asyncio.to_thread(compaction.run)
