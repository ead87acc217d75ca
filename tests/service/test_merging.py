"""Whatever a bus loses, doubles or mixes up: a mirror has all of it once, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.model import SessionInfo
from biofeedback.service.elsewhere.envelopes import Ad, Envelope, Held, Table
from biofeedback.service.elsewhere.merging import Merging, Over, Refilled, Told
from biofeedback.session.transcript import Message

AD = Ad(
    info=SessionInfo(
        id="S",
        started_at_utc_ns=0,
        person="P",
        plan="practice",
        source="simulated",
        simulated=True,
        strap_name="",
        software="",
    ),
    person_id="person",
)
PAGE = 3


@dataclass
class Origin:
    """A session that says numbered messages and sends some of them together."""

    said: list[Message] = field(default_factory=list)
    waiting: list[Message] = field(default_factory=list)
    sent: list[Envelope] = field(default_factory=list)
    table: Table = field(default_factory=Table)
    since_table: dict[int, int] = field(default_factory=dict)
    """After which table each message was said."""

    n: int = 1
    edition: int = 1
    over: bool = False

    def say(self) -> None:
        seq = len(self.since_table) + 1
        message = Message(seq=seq, kind="heart", t_ms=0.0, data=b"%d" % seq)
        self.since_table[seq] = self.table.version
        self.said.append(message)
        self.waiting.append(message)

    def allow(self) -> None:
        self.table = Table(version=self.table.version + 1)

    def begin_anew(self) -> None:
        self.edition += 1
        self.said = self.said[len(self.said) // 2 :]
        self.waiting.clear()

    def send(self, *, with_table: bool = True) -> None:
        self.n += 1
        self.sent.append(
            Envelope(
                n=self.n,
                edition=self.edition,
                messages=tuple(self.waiting),
                table=self.table if with_table else None,
                over=self.over,
            )
        )
        self.waiting.clear()

    def held(self, since: int) -> Held:
        left = [m for m in self.said if m.seq > since]
        return Held(
            ad=AD,
            n=self.n,
            edition=self.edition,
            messages=tuple(left[:PAGE]),
            more=len(left) > PAGE,
            table=self.table,
            now_ns=0,
            rate=1.0,
            utc_ns=0,
            over=self.over,
        )


STEPS = st.lists(
    st.sampled_from(
        ["say", "say", "allow", "send", "deliver", "deliver", "ask", "hear", "anew"]
    ),
    max_size=60,
)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(steps=STEPS, data=st.data())
def test_every_message_once_and_in_order(steps: list[str], data: st.DataObject) -> None:
    origin, merging, told = Origin(), Merging(), list[Told]()
    answer: Held | None = None
    for step in steps:
        match step:
            case "say":
                origin.say()
            case "allow":
                origin.allow()
                origin.send()  # at once: nothing may be said after it and before
            case "send":
                origin.send(with_table=False)
            case "anew":
                origin.begin_anew()
                origin.send()
            case "deliver" if origin.sent:
                told += merging.take(data.draw(st.sampled_from(origin.sent)))
            case "ask" if answer is None:  # one at a time
                answer = origin.held(merging.since)
            case "hear" if answer is not None:
                told += merging.fill(answer)
                answer = None
    if answer is not None:
        told += merging.fill(answer)
    origin.over = True
    for _ in range(100):
        told += merging.fill(origin.held(merging.since))
        if not merging.has_hole:
            break
    assert not merging.has_hole
    check(origin, told)


def check(origin: Origin, told: list[Told]) -> None:
    has: list[Message] = []
    version, last = -1, 0
    for one in told:
        match one:
            case Message():
                assert one.seq > last
                assert origin.since_table[one.seq] <= version, "the table comes first"
                has.append(one)
                last = one.seq
            case Refilled():
                has = list(one.messages)
                last = has[-1].seq if has else last
            case Table():
                assert one.version > version
                version = one.version
            case Over():
                assert one is told[-1]
    assert has[len(has) - len(origin.said) :] == origin.said, "once, in its order"
    assert version == origin.table.version
    assert isinstance(told[-1], Over)
    assert sum(isinstance(one, Over) for one in told) == 1


def test_frames_wait_for_nothing_and_overtake_nothing() -> None:
    origin, merging = Origin(), Merging()
    list(merging.fill(origin.held(0)))
    frame = Message(seq=0, kind="samples", t_ms=0.0, data=b"x")

    def framed(n: int) -> list[Told]:
        sent = Envelope(n=n, edition=1, messages=(frame,), frames=True)
        return list(merging.take(sent))

    assert framed(1) == [frame]
    assert framed(2) == [], "who may see it may stand in what was lost before it"
    assert merging.has_hole
    origin.n = 2
    list(merging.fill(origin.held(0)))
    assert framed(2) == framed(1) == [frame]


def test_nothing_is_let_through_beyond_a_hole() -> None:
    origin, merging = Origin(), Merging()
    list(merging.fill(origin.held(0)))
    for _ in range(3):
        origin.say()
        origin.send(with_table=False)
    first, lost, third = origin.sent
    assert list(merging.take(first)) == origin.said[:1]
    assert list(merging.take(third)) == []
    assert merging.has_hole
    assert list(merging.take(lost)) == [], "it was only late; it is asked for already"
    assert list(merging.fill(origin.held(merging.since))) == origin.said[1:]
    assert not merging.has_hole
