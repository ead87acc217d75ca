"""Finishes a recording: the summary with NeuroKit2's full analysis, then compaction."""

from __future__ import annotations

import asyncio
from pathlib import Path

from biofeedback.recording.compaction import Compacted, compact
from biofeedback.session.referee import Referee


async def finish(part: Path, final: Path, referee: Referee) -> Compacted:
    """Turn the closed journal ``part`` into the recording ``final``.

    The summary is computed in NeuroKit2's worker; should it fail, the recording is
    finished without one, and the summary can be computed from it at any time.

    Raises
    ------
    RecordingError
        When the recording cannot be written; ``part`` is then still whole.
    """
    summary = await referee.summarise(part)
    return await asyncio.to_thread(compact, part, final, summary)
