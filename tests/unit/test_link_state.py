"""What is told about the link: the driver's word, and what is heard over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from biofeedback.errors import ADVICE
from biofeedback.model import (
    AnyRecord,
    BeatEvent,
    Config,
    LinkChange,
    LinkEvent,
    LinkReason,
    LinkState,
    LinkStep,
    Notification,
    Strap,
    Tick,
)
from biofeedback.pipeline import ALGORITHM, Pipeline
from biofeedback.wire.heart_rate import HeartRateMeasurement
from biofeedback.wire.polar_pmd import Ppi, PpiFrame

S = 1_000_000_000
H10 = Strap(name="Polar H10", battery_pct=80)
NO_ECG = "This strap offers no ECG."
CHARGER = "This strap does not send ECG while it is in its charger."


def config() -> Config:
    return Config(
        t_ns=0, algorithm=ALGORITHM, simulated=True, rate_bpm=6.0, inhale_pct=40.0
    )


def link(
    t_s: float,
    state: LinkState = LinkState.STREAMING,
    step: LinkStep | None = LinkStep.STREAMING,
    reason: LinkReason | None = None,
    advice: str | None = None,
    strap: Strap | None = H10,
) -> LinkChange:
    return LinkChange(
        t_ns=round(t_s * S),
        source="strap",
        state=state,
        step=step,
        reason=reason,
        advice=advice,
        strap=strap,
    )


def stale(t_s: float) -> LinkChange:
    return link(t_s, LinkState.STALE, LinkStep.STALE, LinkReason.NO_DATA)


def packet(
    t_s: float, *rr: int, contact: bool | None = None, hr_bpm: int = 60
) -> Notification:
    data = HeartRateMeasurement(hr_bpm=hr_bpm, contact=contact, rr_1024=rr or None)
    return Notification(
        t_ns=round(t_s * S), source="strap", characteristic="2a37", data=bytes(data)
    )


def battery(t_s: float, pct: int) -> Notification:
    return Notification(
        t_ns=round(t_s * S), source="strap", characteristic="2a19", data=bytes([pct])
    )


def ticks(start_s: int, stop_s: int) -> Iterator[Tick]:
    return (Tick(t_ns=second * S) for second in range(start_s, stop_s))


def links(records: Iterable[AnyRecord]) -> list[LinkEvent]:
    pipeline = Pipeline()
    pipeline.receive(config())
    return [
        event
        for record in records
        for event in pipeline.receive(record)
        if isinstance(event, LinkEvent)
    ]


# --- The driver's word ----------------------------------------------------------------


def test_a_trouble_without_a_reason_is_told_once() -> None:
    told = links(
        [
            link(0),
            link(1, advice=NO_ECG),
            link(2, advice=NO_ECG),
            link(3, advice=CHARGER),
            link(4),
        ]
    )
    assert [event.advice for event in told] == [None, NO_ECG, CHARGER, None]
    assert {event.state for event in told} == {LinkState.STREAMING}


def test_a_trouble_is_told_beside_that_only_a_rate_comes() -> None:
    records: list[AnyRecord] = [link(0), link(1, advice=NO_ECG)]
    for second in range(2, 15):
        records += [packet(second), Tick(t_ns=second * S + S // 2)]
    records += [link(16), packet(17, 1000)]
    told = links(records)
    rate_only = ADVICE[LinkReason.HR_ONLY]
    assert [(event.reason, event.advice) for event in told] == [
        (None, None),
        (None, NO_ECG),
        (LinkReason.HR_ONLY, f"{rate_only} {NO_ECG}"),
        (LinkReason.HR_ONLY, rate_only),
        (None, None),
    ]


def test_a_driver_s_note_does_not_say_that_there_is_contact() -> None:
    told = links(
        [
            link(0),
            packet(1, contact=False),
            link(2, advice=NO_ECG),
            packet(3, contact=False),
            packet(4, 1000, contact=True),
        ]
    )
    assert [(event.state, event.advice) for event in told] == [
        (LinkState.STREAMING, None),
        (LinkState.CONTACT_LOST, ADVICE[LinkReason.NO_CONTACT]),
        (LinkState.STREAMING, NO_ECG),
    ]


# --- Off the body, as a rate of 0 says it ---------------------------------------------

OFF = (LinkState.CONTACT_LOST, LinkReason.NO_CONTACT)
ON = (LinkState.STREAMING, None)
BAND = Strap(name="Polar Sense", profile="polar_optical")


def empty(t_s: float, contact: bool | None = None) -> Notification:
    return packet(t_s, contact=contact, hr_bpm=0)


def pulse(t_s: float) -> Notification:
    sample = Ppi(hr_bpm=60, pp_ms=1000, error_ms=10)
    return Notification(
        t_ns=round(t_s * S),
        source="strap",
        characteristic="pmd_data",
        data=bytes(PpiFrame(device_ns=0, samples=(sample,) * 5)),
    )


def said(records: Iterable[AnyRecord]) -> list[tuple[LinkState, LinkReason | None]]:
    return [(event.state, event.reason) for event in links(records)]


@pytest.mark.parametrize("contact", [None, True])
def test_three_packets_without_a_heart_are_off_the_body(contact: bool | None) -> None:
    told = links([link(0), packet(1, 1000), *(empty(s, contact) for s in range(2, 9))])
    assert [(event.state, event.t_ms) for event in told] == [
        (LinkState.STREAMING, 0),
        (LinkState.CONTACT_LOST, 4000),
    ]
    assert told[-1].advice == ADVICE[LinkReason.NO_CONTACT]


def test_two_packets_without_a_heart_are_not() -> None:
    turns = [packet(3, 1000) if n == 2 else empty(1 + n) for n in range(5)]
    assert said([link(0), *turns]) == [ON]


@pytest.mark.parametrize(
    "back", [packet(5), packet(5, 1000, hr_bpm=0)], ids=["rate", "rr"]
)
def test_the_first_rate_or_interval_ends_it(back: Notification) -> None:
    assert said([link(0), *map(empty, (1, 2, 3, 4)), back]) == [ON, OFF, ON]


def test_of_a_strap_that_sends_seldom_three_seconds_are_enough() -> None:
    told = links([link(0), packet(1, 1000), empty(4), empty(7)])
    assert [event.t_ms for event in told] == [0, 7000]
    assert told[-1].reason is LinkReason.NO_CONTACT


def test_a_new_link_starts_without_it() -> None:
    before: list[AnyRecord] = [link(0), *map(empty, (1, 2, 3))]
    told = said([*before, stale(5), link(6), empty(7), empty(8)])
    assert told == [ON, OFF, (LinkState.STALE, LinkReason.NO_DATA), ON]


def test_packets_that_were_cut_off_say_nothing_about_it() -> None:
    cut = (
        Notification(t_ns=s * S, source="strap", characteristic="2a37", data=b"\x10")
        for s in range(1, 9)
    )
    assert said([link(0), *cut]) == [ON]


@pytest.mark.parametrize("strap", [BAND, Strap(name="A band")], ids=["known", "not"])
def test_pulses_are_a_heart_although_the_rate_is_0(strap: Strap) -> None:
    first_s = 25 if strap is BAND else 2
    records: list[AnyRecord] = [link(0, strap=strap)]
    for second in range(1, 60):
        records.append(empty(second))
        if second >= first_s and (second - first_s) % 5 == 0:
            records.append(pulse(second + 0.5))
    assert OFF not in said(records)


def test_a_band_without_pulses_is_off_the_body_later() -> None:
    told = links([link(0, strap=BAND), *map(empty, range(1, 60))])
    assert [(event.state, event.t_ms) for event in told] == [
        (LinkState.STREAMING, 0),
        (LinkState.CONTACT_LOST, 31_000),
    ]


# --- The battery ----------------------------------------------------------------------


def test_an_older_battery_level_does_not_come_back_with_the_link() -> None:
    told = links([link(0), battery(1, 5), packet(2, 1000), stale(8), link(9)])
    assert [event.strap and event.strap.battery_pct for event in told] == [80, 5, 5, 5]


def test_another_strap_has_a_battery_of_its_own() -> None:
    other = Strap(name="Polar H9", battery_pct=60)
    told = links([link(0), battery(1, 5), link(2, strap=other)])
    assert told[-1].strap == other


# --- Silence --------------------------------------------------------------------------


def test_a_driver_that_tells_its_steps_says_when_the_link_is_stale() -> None:
    told = links([link(0), packet(1, 1000), *ticks(2, 20), stale(21)])
    assert [(event.state, event.t_ms) for event in told] == [
        (LinkState.STREAMING, 0),
        (LinkState.STALE, 21_000),
    ]


def test_without_steps_five_seconds_of_silence_are_stale() -> None:
    told = links([link(0, step=None), packet(1, 1000), *ticks(2, 20)])
    assert [(event.state, event.t_ms) for event in told] == [
        (LinkState.STREAMING, 0),
        (LinkState.STALE, 7_000),
    ]


def test_a_heart_that_is_heard_again_ends_the_silence() -> None:
    told = links([link(0), packet(1, 1000), stale(7), packet(8, 1000)])
    last = told[-1]
    assert (last.state, last.step) == (LinkState.STREAMING, LinkStep.STREAMING)


# --- Straps that send seldom ----------------------------------------------------------


def seldom(period_s: float, rr: int, *, lost: int | None = None) -> Iterator[AnyRecord]:
    """An even heart; the strap sends all beats since, every ``period_s``."""
    yield link(0)
    beats = 0
    records: list[AnyRecord] = list(ticks(1, 300))
    for number in range(1, int(300 / period_s)):
        due = int(number * period_s * 1024) // rr
        if number != lost:
            records.append(packet(number * period_s, *[rr] * (due - beats)))
        beats = due
    yield from sorted(records, key=lambda record: record.t_ns)


def segments(records: Iterable[AnyRecord]) -> set[int]:
    pipeline = Pipeline()
    return {
        event.segment
        for record in records
        for event in pipeline.receive(record)
        if isinstance(event, BeatEvent)
    }


@pytest.mark.parametrize("rr", [500, 900, 1230, 1530, 1900])
@pytest.mark.parametrize("period_s", [1, 2, 3, 3.7, 4])
def test_beats_go_on_however_seldom_a_strap_sends(period_s: float, rr: int) -> None:
    assert segments(seldom(period_s, rr)) == {0}


@pytest.mark.parametrize("period_s", [3, 4])
def test_a_packet_that_such_a_strap_lost_is_noticed(period_s: float) -> None:
    assert segments(seldom(period_s, 1000, lost=30)) == {0, 1}
