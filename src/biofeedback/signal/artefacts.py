"""Judging intervals, in stages: what can be said at once, soon, and for good.

At once: an interval outside the hard limits, or without skin contact, is an artefact.
Two beats later: what :mod:`~biofeedback.signal.lipponen_tarvainen` says of it from the
beats so far, which is most of what there is to find. 51 beats later, and not before
there are 120: what it says when nothing can change it any more; the same as offline,
flag for flag. ``rr_ms`` is never touched.

Apart from these labels, and by an absolute rule, an interval is *abrupt* if it is the
turning point of two opposite jumps. The classes above follow the intervals: where every
second beat is premature they find nothing amiss, and this share alone tells that the
rhythm does not suit (``docs/signal.md``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from biofeedback.model import Beat, Interval, Label, Stage
from biofeedback.signal.lipponen_tarvainen import (
    FAR,
    FILLER_BEATS,
    Spread,
    View,
    classify,
    scan,
)

HARD_LIMITS_MS = (300.0, 2000.0)
"""No interval between normal beats at rest lies outside (200 to 30 bpm)."""

SOON = 2
"""Beats that a provisional judgement waits for: NeuroKit2 judges none without."""

MIN_CONTEXT = 20
"""Beats below which nothing but the hard limits is judged provisionally: among three,
0.8 % of clean intervals would be flagged, among twenty 0.07 % (``docs/signal.md``)."""

ABRUPT = 0.20
"""Two opposite jumps of this share of the shortest: no breathing does that."""


class Judge:
    """Judges the beats of one session as they come."""

    def __init__(self) -> None:
        self._segment: int | None = None
        self._begin()

    def judge(self, beat: Beat, *, contact: bool = True) -> tuple[Interval, ...]:
        """Take the next beat; return the judgements it makes possible.

        In this order: this beat's own (``UNJUDGED``), that of two beats before
        (``PROVISIONAL``), that of 51 before (``FINAL``; from the 120th beat of a
        segment on, then all that are due). With the first beat of another segment
        everything still open of the one before comes first, all ``FINAL``.

        Parameters
        ----------
        beat
            The next beat of the session.
        contact
            Whether the electrodes touched the skin; without, it is an artefact.
        """
        found: list[Interval] = []
        if beat.segment != self._segment:
            found += self.flush()
            self._segment = beat.segment
        low, high = HARD_LIMITS_MS
        possible = contact and low <= beat.rr_ms <= high
        self._beats.append(beat)
        self._possible.append(possible)
        rr_s = beat.rr_ms / 1000
        self._changes_s.append(rr_s - self._rr_s[-1])
        self._rr_s.append(rr_s)
        self._n += 1
        if self._n <= FILLER_BEATS:
            # The mean as NumPy adds it up, which is part of the definition.
            self._rr_s[0] = filler = float(np.mean(self._rr_s[1:]))
            self._changes_s[0] = self._rr_s[1] - filler
        found.append(self._interval(self._n, Label.NORMAL, Stage.UNJUDGED))
        if self._n > SOON:
            found.append(self._soon(self._n - SOON))
        if self._n >= FILLER_BEATS:
            while self._settled < self._n - FAR:
                found.append(self._for_good())
        if len(self._rr_s) > _HELD:
            self._forget()
        return tuple(found)

    def flush(self) -> tuple[Interval, ...]:
        """Judge for good what is still open: the segment has ended."""
        found = tuple(self._for_good() for _ in range(self._n - self._settled))
        self._begin()
        return found

    # Beats of a segment are numbered from 1, as the filler is interval 0.

    def _begin(self) -> None:
        self._segment = None
        self._base = 0
        self._n = self._settled = 0
        self._rr_s = [0.0]
        self._changes_s: list[float] = []
        self._beats: list[Beat | None] = [None]
        self._possible = [True]
        self._with_next: dict[Stage, Label] = {}
        self._spread = {Stage.PROVISIONAL: Spread(), Stage.FINAL: Spread()}

    def _view(self, stage: Stage) -> View:
        # Each stage moves on by a beat at a time, apart from the other.
        return View(self._rr_s, self._changes_s, self._base, self._spread[stage])

    def _soon(self, i: int) -> Interval:
        if self._n < MIN_CONTEXT:
            return self._interval(i, Label.NORMAL, Stage.PROVISIONAL)
        return self._interval(i, self._scanned(i, Stage.PROVISIONAL), Stage.PROVISIONAL)

    def _for_good(self) -> Interval:
        self._settled += 1
        return self._interval(
            self._settled, self._scanned(self._settled, Stage.FINAL), Stage.FINAL
        )

    def _scanned(self, i: int, stage: Stage) -> Label:
        """Return the label of beat ``i``; each stage goes along by itself."""
        if (label := self._with_next.pop(stage, None)) is not None:
            return label  # it was judged with the one before
        if i > self._n - SOON:
            return Label.NORMAL  # the newest two are never judged
        label, *others = scan(self._view(stage), i)
        if others:
            self._with_next[stage] = others[0]
        return label

    def _interval(self, i: int, label: Label, stage: Stage) -> Interval:
        k = i - self._base
        beat = self._beats[k]
        assert beat is not None
        if not self._possible[k]:
            label = Label.ARTEFACT
        abrupt = 1 < i < self._n and turns(*self._rr_s[k - 1 : k + 2])
        return _interval(beat, label, abrupt, stage)

    def _forget(self) -> None:
        gone = len(self._rr_s) - _KEPT
        del self._rr_s[:gone], self._changes_s[:gone]
        del self._beats[:gone], self._possible[:gone]
        self._base += gone


_KEPT = 2 * FAR + FILLER_BEATS
_HELD = 2 * _KEPT


def turns(one: float, two: float, three: float) -> bool:
    """Say whether the middle one of three intervals is a turning point of two jumps.

    >>> turns(1.0, 0.7, 1.2), turns(1.0, 0.9, 1.0), turns(1.0, 0.7, 0.5)
    (True, False, False)
    """
    there, back = two - one, three - two
    limit = ABRUPT * min(one, two, three)
    return there * back < 0 and min(abs(there), abs(back)) > limit


def flagged(beat: Beat) -> Interval:
    """Return ``beat`` as an artefact, without asking what it stands among."""
    return _interval(beat, Label.ARTEFACT, False, Stage.FINAL)


def judge_all(
    beats: Iterable[Beat], no_contact: Collection[int] = ()
) -> tuple[Interval, ...]:
    """Judge a whole series for good: what :class:`Judge` says in the end.

    ``no_contact`` holds the index of each beat that came without skin contact.
    """
    found: list[Interval] = []
    for _, segment in groupby(beats, key=lambda beat: beat.segment):
        found += _judge_segment(list(segment), no_contact)
    return tuple(found)


def _judge_segment(
    beats: Sequence[Beat], no_contact: Collection[int]
) -> Iterator[Interval]:
    rr_s = np.array([beat.rr_ms for beat in beats]) / 1000
    low, high = HARD_LIMITS_MS
    listed = rr_s.tolist()
    for i, (beat, label) in enumerate(zip(beats, classify(rr_s), strict=True)):
        if not low <= beat.rr_ms <= high or beat.index in no_contact:
            label = Label.ARTEFACT
        abrupt = 0 < i < len(beats) - 1 and turns(*listed[i - 1 : i + 2])
        yield _interval(beat, label, abrupt, Stage.FINAL)


def _interval(beat: Beat, label: Label, abrupt: bool, stage: Stage) -> Interval:
    return Interval(
        index=beat.index,
        segment=beat.segment,
        t_ns=beat.t_ns,
        rr_ms=beat.rr_ms,
        label=label,
        nn_ms=beat.rr_ms if label is Label.NORMAL else None,
        abrupt=abrupt,
        stage=stage,
    )
