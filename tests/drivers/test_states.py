"""The steps of a link: which may follow which, and what a person reads meanwhile."""

from __future__ import annotations

import itertools

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    AnyRecord,
    LinkChange,
    LinkReason,
    LinkState,
    LinkStep,
    Strap,
)
from biofeedback.session.clock import ManualClock
from biofeedback_drivers.states import NEXT, Reporter, state_of
from biofeedback_drivers.timing import Timing

S = LinkStep
ONE_LINK = (S.IDLE, S.SCANNING, S.CONNECTING, S.DISCOVERING, S.SUBSCRIBING)

# Said once more here, so that a change of the table is a decision.
LEGAL = {
    (None, S.IDLE),
    (S.IDLE, S.SCANNING),
    (S.IDLE, S.CONNECTING),
    (S.IDLE, S.BACKOFF),
    (S.SCANNING, S.CONNECTING),
    (S.SCANNING, S.BACKOFF),
    (S.CONNECTING, S.DISCOVERING),
    (S.CONNECTING, S.BACKOFF),
    (S.DISCOVERING, S.SUBSCRIBING),
    (S.DISCOVERING, S.LOST),
    (S.SUBSCRIBING, S.STREAMING),
    (S.SUBSCRIBING, S.STALE),
    (S.SUBSCRIBING, S.LOST),
    (S.STREAMING, S.STALE),
    (S.STREAMING, S.LOST),
    (S.STALE, S.STREAMING),
    (S.STALE, S.LOST),
    (S.LOST, S.BACKOFF),
    (S.BACKOFF, S.SCANNING),
    (S.BACKOFF, S.CONNECTING),
}


class Told:
    def __init__(self, name: str = "Polar H10") -> None:
        self.clock = ManualClock()
        self.records: list[AnyRecord] = []
        self.report = Reporter(self.clock, self.records.append, Timing(), name)

    def go(self, *steps: LinkStep) -> None:
        for step in steps:
            self.report.to(step)

    @property
    def changes(self) -> list[LinkChange]:
        return [each for each in self.records if isinstance(each, LinkChange)]


@pytest.fixture
def told() -> Told:
    return Told()


def test_the_table_is_what_was_decided() -> None:
    assert {(one, other) for one in NEXT for other in NEXT[one]} == LEGAL


def way_to(step: LinkStep | None) -> list[LinkStep]:
    """Return the shortest legal way from the beginning to ``step``."""
    ways: dict[LinkStep | None, list[LinkStep]] = {None: []}
    for _ in S:
        for one, other in sorted(LEGAL, key=str):
            if one in ways and other not in ways:
                ways[other] = [*ways[one], other]
    return ways[step]


@pytest.mark.parametrize(
    ("one", "other"), list(itertools.product([None, *S], S)), ids=str
)
def test_only_what_the_table_says_may_follow(
    one: LinkStep | None, other: LinkStep, told: Told
) -> None:
    told.go(*way_to(one))
    if (one, other) in LEGAL or one is other:
        told.report.to(other)
        assert told.report.step is other
    else:
        with pytest.raises(ValueError, match="a link cannot go"):
            told.report.to(other)
        assert told.report.step is one


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        (S.IDLE, LinkState.SEARCHING, LinkState.RECONNECTING),
        (S.SCANNING, LinkState.SEARCHING, LinkState.RECONNECTING),
        (S.CONNECTING, LinkState.CONNECTING, LinkState.CONNECTING),
        (S.DISCOVERING, LinkState.CONNECTING, LinkState.CONNECTING),
        (S.SUBSCRIBING, LinkState.CONNECTING, LinkState.CONNECTING),
        (S.STREAMING, LinkState.STREAMING, LinkState.STREAMING),
        (S.STALE, LinkState.STALE, LinkState.STALE),
        (S.LOST, LinkState.SEARCHING, LinkState.RECONNECTING),
        (S.BACKOFF, LinkState.SEARCHING, LinkState.RECONNECTING),
    ],
)
def test_each_step_has_a_word_for_people(
    step: LinkStep, before: LinkState, after: LinkState
) -> None:
    assert state_of(step, streamed=False) is before
    assert state_of(step, streamed=True) is after


def test_the_reason_stays_to_be_read_until_the_next_link(told: Told) -> None:
    told.go(*ONE_LINK, S.STREAMING)
    told.report.to(S.LOST, LinkReason.LINK_LOST)
    told.report.to(S.BACKOFF, retry_in_ms=500)
    told.go(S.SCANNING, S.CONNECTING)
    advice = ADVICE[LinkReason.LINK_LOST]
    assert [
        (each.state, each.step, each.reason, each.advice, each.retry_in_ms)
        for each in told.changes[-4:]
    ] == [
        (LinkState.RECONNECTING, S.LOST, LinkReason.LINK_LOST, advice, None),
        (LinkState.RECONNECTING, S.BACKOFF, LinkReason.LINK_LOST, advice, 500),
        (LinkState.RECONNECTING, S.SCANNING, LinkReason.LINK_LOST, advice, None),
        (LinkState.CONNECTING, S.CONNECTING, None, None, None),
    ]


async def test_what_lasts_is_told_once_and_again_after_a_minute(told: Told) -> None:
    told.go(S.IDLE)
    for _ in range(13):
        told.report.to(S.SCANNING, LinkReason.NOT_FOUND)
        await told.clock.advance(10)
    assert [(each.step, each.t_ns // 10**9) for each in told.changes] == [
        (S.IDLE, 0),
        (S.SCANNING, 0),
        (S.SCANNING, 60),
        (S.SCANNING, 120),
    ]


def test_advice_may_say_more_than_the_reason_alone(told: Told) -> None:
    told.go(*ONE_LINK)
    told.report.to(S.STALE, LinkReason.NO_DATA, advice="Press the button.")
    assert told.changes[-1].advice == "Press the button."


def test_a_link_that_never_was_is_not_lost(told: Told) -> None:
    told.go(S.IDLE, S.SCANNING, S.CONNECTING)
    told.report.lose(LinkReason.TIMEOUT)
    assert told.report.step is S.CONNECTING


def test_more_about_the_strap_is_told_at_once(told: Told) -> None:
    told.go(*ONE_LINK, S.STREAMING)
    told.report.update(Strap(name="Polar H10", firmware="5.0.0"))
    assert told.changes[-1].step is S.STREAMING
    assert told.changes[-1].strap == Strap(name="Polar H10", firmware="5.0.0")
    assert len(told.changes) == 7
