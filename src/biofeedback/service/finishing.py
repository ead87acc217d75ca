"""Where recordings lie, and how they are finished: after a session or after a crash."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from biofeedback.clinic.fates import Arrived
from biofeedback.errors import BiofeedbackError, NotSoError, RecordingError
from biofeedback.model import Value
from biofeedback.practice.resonance import holds_assessment
from biofeedback.recording.compaction import (
    PART_SUFFIX,
    Compacted,
    Compaction,
    weighed,
)
from biofeedback.recording.keys import key_in_use
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import Recovered, find_parts, recover_parts
from biofeedback.recording.sealed import is_there, seal
from biofeedback.service.cataloguing import catalogued, quality_or_none
from biofeedback.service.kept_assessments import keep_assessment
from biofeedback.service.practised import keep_practised
from biofeedback.service.problems import Problem
from biofeedback.session.finishing import finish
from biofeedback.session.referee import Referee
from biofeedback.session.runner import LiveSession
from biofeedback.store import (
    LossReport,
    RecordingRow,
    SessionRow,
    SessionState,
    Store,
)
from biofeedback.store.homes import is_of_home

_LOGGER = logging.getLogger(__name__)

READY = (SessionState.COMPLETE, SessionState.RECOVERED)
KEPT_SUMMARIES = 32


class LeftBehind(Value, frozen=True):
    """What an earlier process did not finish: sessions, and journals on the disk."""

    sessions: tuple[SessionRow, ...]
    parts: tuple[Path, ...]


class Finisher:
    """Brings ended sessions to their last state.

    ``trouble`` holds why a session could not be finished; its journal is still whole,
    and the next start tries again.

    Parameters
    ----------
    store, referee
        Where it says so, and who writes the summaries.
    node
        Whose sessions these are, where several nodes share the store: where they do
        not, all are its own.
    """

    def __init__(
        self, store: Store, referee: Referee, *, node: str | None = None
    ) -> None:
        self.trouble: dict[str, BiofeedbackError] = {}
        self.node = node
        self._store = store
        self._referee = referee
        self._summaries: OrderedDict[str, bytes] = OrderedDict()
        self._unsummarised: set[str] = set()
        self._sealing = threading.Lock()

    def new_part(self, id: str) -> Path:
        """Return where the journal of a new session goes."""
        folder = datetime.now(UTC).strftime("%Y/%m")
        return self._store.data / "recordings" / folder / f"{id}.mcap{PART_SUFFIX}"

    def relative(self, part: Path) -> str:
        """Return how the store names the recording that ``part`` becomes."""
        return _final(part).relative_to(self._store.data).as_posix()

    async def finish(self, live: LiveSession) -> None:
        """Analyse and compact a session that has ended, and say so in the store.

        May be called again after it has failed.
        """
        id = live.info.id
        row = await asyncio.to_thread(self._store.recording, id)
        if row is None:  # a replay keeps nothing
            await asyncio.to_thread(
                self._store.finish_session, id, SessionState.COMPLETE
            )
            return
        final = self._store.data / row.path
        part = final.with_name(final.name + PART_SUFFIX)
        if is_there(final) and not part.exists():  # the store failed the last time
            compacted = await asyncio.to_thread(_weighed, final)
        else:
            # Before the summary, which takes seconds: the next practice asks for it.
            await asyncio.to_thread(keep_practised, self._store, id, part)
            if holds_assessment(live.pipeline.entries):
                await asyncio.to_thread(keep_assessment, self._store, id, part)
            compacted = await finish(part, final, self._referee)
            if await asyncio.to_thread(_summary_in, final) is None:
                self._unsummarised.add(id)  # it has just been tried
        loss = None
        if live.recording_error is not None:
            loss = LossReport(sentence=str(live.recording_error))
        state = SessionState.COMPLETE if loss is None else SessionState.RECOVERED
        recording = await asyncio.to_thread(self._row, id, compacted, state, loss)
        await asyncio.to_thread(
            self._store.finish_session, id, state, recording=recording
        )
        _LOGGER.info("Session %s is %s", id, state)
        await asyncio.to_thread(self._seal, (final,))

    async def finish_copy(self, arrived: Arrived) -> None:
        """Finish the copy of a session at a home, and say so unless it was said.

        May be called again after it has failed.

        Raises
        ------
        RecordingError, StoreError
            When the recording cannot be written, or the store.
        """
        id, part, final = arrived.session, arrived.part, arrived.final
        if part.exists():
            await asyncio.to_thread(keep_practised, self._store, id, part)
            await asyncio.to_thread(keep_assessment, self._store, id, part)
            if arrived.has_gaps:  # the journal does not say so: what reads it would end
                compaction = Compaction(part, final, recovery=arrived.recovery)
                await asyncio.to_thread(compaction.run)
            else:
                await finish(part, final, self._referee, recovery=arrived.recovery)
        await asyncio.to_thread(self._say_copied, id, final)
        await asyncio.to_thread(self._seal, (final,))

    def _say_copied(self, id: str, final: Path) -> None:
        session, recording, ratings = catalogued(self._store, final)
        assert session.ended_at_utc_ns is not None
        self._store.homes.finish_session(
            id, recording, ratings, ended_at_utc_ns=session.ended_at_utc_ns
        )

    def recording_path(self, id: str) -> Path:
        """Return where the finished recording of a session lies. Blocks.

        Raises
        ------
        NotSoError
            When there is no such session.
        Problem
            With status 404 and what to do, when it has no finished recording.
        """
        session = self._store.session(id)
        row = self._store.recording(id)
        if session.state in READY and row is not None:
            path = self._store.data / row.path
            if is_there(path):
                return path
        raise self._absent(session, "recording")

    async def summary(self, id: str) -> bytes:
        """Return a session's summary as JSON text; a replay's is its original's.

        Raises
        ------
        Problem
            With status 404, while it is being written, or when it cannot be.
        """
        if id in self._summaries:
            return self._summaries[id]
        session = await asyncio.to_thread(self._store.session, id)
        if session.replay_of is not None:
            if await asyncio.to_thread(self._store.find_session, session.replay_of):
                return await self.summary(session.replay_of)
            raise self._absent(session, "summary")
        path = await asyncio.to_thread(self.recording_path, id)
        try:
            summary = await asyncio.to_thread(_summary_in, path)
        except RecordingError as error:  # damaged since
            self._unsummarised.add(id)
            raise Problem(404, error.message, error.advice) from error
        if summary is None:  # recovered, or NeuroKit2 had no time when it ended
            summary = await self._referee.summarise(path)
        if summary is None:
            self._unsummarised.add(id)
            raise Problem(
                404,
                "This session's summary could not be computed.",
                "Download its recording and try 'biofeedback analyze' on it.",
            )
        self._unsummarised.discard(id)
        self._summaries[id] = summary
        while len(self._summaries) > KEPT_SUMMARIES:
            self._summaries.popitem(last=False)
        return summary

    def summary_ready(
        self, session: SessionRow, recording: RecordingRow | None
    ) -> bool:
        """Say whether a session has a summary, or one can be computed. Blocks.

        ``False`` once it could not be: a service that starts anew tries again.
        """
        if session.state not in READY or recording is None:
            return False
        if session.id in self._summaries:
            return True
        if session.id in self._unsummarised:
            return False
        here = is_there(self._store.data / recording.path)
        return here or self.is_elsewhere(session)

    def is_elsewhere(self, session: SessionRow) -> bool:
        """Say whether it is another node that ran this session.

        A copy of its file may lie here all the same.
        """
        return self._store.is_shared and session.node != self.node

    def _absent(self, session: SessionRow, what: str) -> Problem:
        if trouble := self.trouble.get(session.id):
            return Problem(404, trouble.message, trouble.advice)
        match session.state:
            case SessionState.LIVE:
                return Problem(
                    404, "This session still goes on.", "End it, then ask again."
                )
            case SessionState.CLOSING:
                return Problem(
                    404,
                    "This session is just being finished.",
                    "Ask again in a few seconds.",
                )
            case _:
                return Problem(
                    404,
                    f"This session has no {what}.",
                    "Replays and sessions that were lost in a crash have none.",
                )

    def forget(self) -> None:
        """Forget the summaries that were read: whose they were is erased."""
        self._summaries.clear()
        self._unsummarised.clear()

    # --- After a crash ------------------------------------------------------------

    def left_behind(self) -> LeftBehind:
        """Return what an earlier process did not finish; none of ours is live now.

        What another node runs is left alone, whatever it says. Blocks. Call it before
        anything new begins, so that a new journal is never taken for an old one.
        """
        rows = tuple(row for row in self._store.unfinished() if self._is_mine(row))
        for row in rows:
            if row.state is SessionState.LIVE:
                self._store.close_session(row.id, ended_at_utc_ns=row.started_at_utc_ns)
        return LeftBehind(rows, find_parts(self._store.data / "recordings"))

    def _is_mine(self, row: SessionRow) -> bool:
        if is_of_home(row):
            return False  # its hub sees to it
        if not self._store.is_shared or row.node == self.node:
            return True
        if row.node is not None:
            return False
        # From before there were several nodes: it is of whoever has the file.
        known = self._store.recording(row.id)
        if known is None:
            return True  # a replay, which has none
        final = self._store.data / known.path
        return is_there(final) or final.with_name(final.name + PART_SUFFIX).exists()

    def recover(self, left: LeftBehind) -> None:
        """Finish what an earlier process left behind. Blocks for as long as it takes.

        Raises
        ------
        StoreError
            When the store cannot be read or written.
        """
        reports = recover_parts(left.parts)
        for report in reports:
            _LOGGER.warning("%s", report.sentence)
            if report.session_id is not None:
                self._recovered(report, report.session_id)
        for row in left.sessions:
            self._settle(row, reports)
        listed = self._store.recordings().values()
        # Also what an earlier process did not come to seal.
        self._seal([self._store.data / r.path for r in listed if r.state in READY])

    def _seal(self, paths: Sequence[Path]) -> None:
        """Seal recordings that are finished, where a key is given.

        One that fails is whole all the same: that is logged, and the next start tries
        again.
        """
        try:
            key = key_in_use()
        except BiofeedbackError as error:
            _LOGGER.warning("Nothing is sealed now. %s", error)
            return
        if key is None:
            return
        for path in paths:
            try:
                with self._sealing:
                    if path.exists():
                        seal(path, key)
            except BiofeedbackError as error:
                _LOGGER.warning("%s", error)

    def _recovered(self, report: Recovered, id: str) -> None:
        recording = open_recording(report.path)
        try:
            session = self._store.session(id)
        except NotSoError:  # the process was killed before the store knew of it
            session = SessionRow.of(
                recording.info,
                self._store.person_called(recording.info.person).id,
                state=SessionState.CLOSING,
                node=self.node,
            )
            self._store.add_session(session, self.relative(report.part))
        last_ns = max((record.t_ns for _, record in recording.inputs()), default=0)
        loss = LossReport(sentence=report.sentence, lost_bytes=report.lost_bytes)
        state = SessionState.RECOVERED
        self._store.finish_session(
            id,
            state,
            recording=self._row(id, _weighed(report.path), state, loss),
            ended_at_utc_ns=session.started_at_utc_ns + last_ns,
        )
        keep_practised(self._store, id, report.path)
        keep_assessment(self._store, id, report.path)

    def _settle(self, row: SessionRow, reports: tuple[Recovered, ...]) -> None:
        if self._store.session(row.id).state is not SessionState.CLOSING:
            return  # recovered just now
        known = self._store.recording(row.id)
        if known is None:  # a replay
            self._store.finish_session(row.id, SessionState.COMPLETE)
            return
        final = self._store.data / known.path
        part = final.with_name(final.name + PART_SUFFIX)
        if is_there(final):  # killed after compaction, before the store knew of it
            state = SessionState.COMPLETE
            done = self._row(row.id, _weighed(final), state, None)
            self._store.finish_session(row.id, state, recording=done)
            return
        said = next((r.sentence for r in reports if r.part == part), None)
        if part.exists():  # the disk refused: the next start tries again
            self.trouble[row.id] = RecordingError(said or f"{part.name} is in use.")
            return
        lost = LossReport(sentence=said or "Its recording is not there any more.")
        self._store.finish_session(
            row.id,
            SessionState.FAILED,
            recording=RecordingRow(
                session_id=row.id,
                path=known.path,
                state=SessionState.FAILED,
                loss=lost,
            ),
        )

    def _row(
        self,
        id: str,
        compacted: Compacted,
        state: SessionState,
        loss: LossReport | None,
    ) -> RecordingRow:
        return RecordingRow(
            session_id=id,
            path=compacted.path.relative_to(self._store.data).as_posix(),
            state=state,
            size_bytes=compacted.size_bytes,
            n_records=compacted.n_records,
            sha256=compacted.sha256,
            loss=loss,
            quality=quality_or_none(compacted.path),
        )


def _final(part: Path) -> Path:
    return part.with_name(part.name.removesuffix(PART_SUFFIX))


def _summary_in(path: Path) -> bytes | None:
    return open_recording(path).summary()


def _weighed(path: Path) -> Compacted:
    return weighed(path, open_recording(path).survey().n_records)
