"""Puts the parts of a service together; nothing of it has started yet.

A service stands on a store and a bus. :class:`_Practice` is what it does by itself:
people practise. :func:`_sharing` lets others see that, on this node or another, and
this node see theirs. :func:`_at_home` joins a clinic, :func:`_of_a_clinic` lets homes
join this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from biofeedback.bus import Bus
from biofeedback.bus.in_process import InProcessBus
from biofeedback.bus.presence import Presence
from biofeedback.service.agreeing import Agreeing
from biofeedback.service.answering import Answering
from biofeedback.service.at_home.home import AtHome
from biofeedback.service.at_home.showing import Company
from biofeedback.service.audit import Audit
from biofeedback.service.conductor import Conductor
from biofeedback.service.consenting import Consents
from biofeedback.service.context import Beside, Context
from biofeedback.service.elsewhere.neighbours import Neighbours
from biofeedback.service.elsewhere.offer import NodeOffer
from biofeedback.service.elsewhere.offering import Offering
from biofeedback.service.elsewhere.steering import Orders, Steering
from biofeedback.service.following import Following
from biofeedback.service.known_homes import KnownHomes
from biofeedback.service.leaving import Leaving
from biofeedback.service.limits import Limits
from biofeedback.service.loop_lag import LoopLag
from biofeedback.service.node_id import origin_of
from biofeedback.service.passkeys import Challenges
from biofeedback.service.passwords import Passwords
from biofeedback.service.readiness import Readiness, looks_of
from biofeedback.service.rooms import Rooms
from biofeedback.service.sign_ins import SignIns
from biofeedback.service.straps import Straps
from biofeedback.service.together import Together
from biofeedback.service.watchers import Watchers
from biofeedback.service.watching import Watching
from biofeedback.session.clock import Clock, WallClock
from biofeedback.session.driver import Driver
from biofeedback.session.referee import Referee
from biofeedback.settings import Settings
from biofeedback.store import Store

SETTLES_S = 3.0
"""After so long a node that has just begun knows who else is there."""


@dataclass(frozen=True)
class _Ground:
    """What everything stands on."""

    settings: Settings
    store: Store
    bus: Bus
    presence: Presence
    origin: str
    clock: Clock
    referee: Referee


@dataclass(frozen=True)
class _Practice:
    """A service by itself: who practises with which strap, and who agreed to what."""

    straps: Straps
    conductor: Conductor
    consents: Consents
    audit: Audit


@dataclass(frozen=True)
class _Sharing:
    """Who watches whom, and who follows, wherever they are."""

    homes: KnownHomes
    neighbours: Neighbours
    rooms: Rooms
    together: Together
    watchers: Watchers
    following: Following


def create_context(
    settings: Settings,
    *,
    store: Store,
    drivers: Sequence[Driver],
    referee: Referee | None = None,
    new_clock: Callable[[float], Clock] = WallClock,
    passwords: Passwords | None = None,
    bus: Bus | None = None,
) -> Context:
    """Return the parts of a service; nothing has started yet.

    ``bus`` is how it reaches other nodes; by default as the settings say.
    """
    bus, referee = bus or _bus_of(settings), referee or Referee()
    origin = origin_of(settings.data)
    straps = Straps(drivers, settings.begin)
    conductor = Conductor(
        store=store,
        straps=straps,
        referee=referee,
        new_clock=new_clock,
        lsl=settings.lsl,
        node=origin,
    )
    clock = new_clock(1.0)  # after that of all sessions: tests move that one last
    ground = _Ground(
        settings=settings,
        store=store,
        bus=bus,
        presence=Presence(bus, clock),
        origin=origin,
        clock=clock,
        referee=referee,
    )
    practice = _Practice(straps, conductor, Consents(store, clock), Audit(store))
    sharing = _sharing(ground, practice)
    answering = Answering(
        bus,
        ground.origin,
        settings=settings,
        conductor=practice.conductor,
        store=store,
    )
    at_home = _at_home(ground, practice, sharing)
    beside: tuple[Beside, ...] = (
        LoopLag(),
        answering,
        at_home,
        sharing.neighbours,
        _offering(ground, practice, sharing),
        *_of_a_clinic(ground, practice.consents, sharing.homes),
    )
    here = Context(
        settings=settings,
        store=store,
        sign_ins=SignIns(store, settings.token),
        straps=practice.straps,
        consents=practice.consents,
        audit=practice.audit,
        passwords=passwords or Passwords(),
        limits=Limits(),
        challenges=Challenges(maker=ground.origin),
        leaving=Leaving(bus),
        conductor=practice.conductor,
        rooms=sharing.rooms,
        together=sharing.together,
        watching=Watching(sharing.rooms, sharing.watchers, practice.audit),
        steering=Steering(sharing.following),
        neighbours=sharing.neighbours,
        bus=bus,
        presence=ground.presence,
        origin=ground.origin,
        answering=answering,
        at_home=at_home,
        readiness=Readiness(looks_of(store)),
        beside=beside,
    )
    return replace(here, beside=(*beside, Agreeing(here)))


def _bus_of(settings: Settings) -> Bus:
    if settings.bus is None:
        return InProcessBus()
    from biofeedback.bus.nats import NatsBus  # nobody at home needs it

    return NatsBus(
        settings.bus,
        credentials=settings.bus_credentials,
        tls_ca=settings.bus_ca,
        name="node",
    )


def _sharing(ground: _Ground, practice: _Practice) -> _Sharing:
    conductor, homes = practice.conductor, KnownHomes()
    neighbours = Neighbours(
        bus=ground.bus,
        presence=ground.presence,
        origin=ground.origin,
        clock=ground.clock,
        counts=conductor.counts,
        whose=homes.whose,
        settles_s=0.0 if ground.settings.bus is None else SETTLES_S,
    )
    homes.on_change(neighbours.look)
    rooms = Rooms(conductor, practice.consents, neighbours)
    together = Together(rooms, conductor.entries)
    return _Sharing(
        homes=homes,
        neighbours=neighbours,
        rooms=rooms,
        together=together,
        watchers=Watchers(conductor.entries),
        following=Following(conductor, rooms, together),
    )


def _offering(ground: _Ground, practice: _Practice, sharing: _Sharing) -> Offering:
    """Return what shows this node's sessions to others."""
    return Offering(
        bus=ground.bus,
        presence=ground.presence,
        origin=ground.origin,
        clock=ground.clock,
        utc_ns=ground.store.now_ns,
        offer=NodeOffer(
            practice.conductor, sharing.rooms, sharing.watchers, ground.store
        ),
        orders=Orders(ground.store, sharing.rooms, sharing.following),
    )


def _at_home(ground: _Ground, practice: _Practice, sharing: _Sharing) -> AtHome:
    """Return what a patient's own machine has to do with its clinic."""
    return AtHome(
        store=ground.store,
        conductor=practice.conductor,
        consents=practice.consents,
        company=Company(
            store=ground.store,
            conductor=practice.conductor,
            rooms=sharing.rooms,
            watchers=sharing.watchers,
            following=sharing.following,
            audit=practice.audit,
        ),
        clock=ground.clock,
    )


def _of_a_clinic(
    ground: _Ground, consents: Consents, homes: KnownHomes
) -> tuple[Beside, ...]:
    """Return what homes need of this node, where others can reach it at all."""
    parts: list[Beside] = []
    if not isinstance(ground.bus, InProcessBus):
        from biofeedback.service.homes_door import HomesDoor  # nobody at home needs it

        door = HomesDoor(
            store=ground.store,
            bus=ground.bus,
            consents=consents,
            known=homes,
            clock=ground.clock,
        )
        parts += [door, *_erasing_log(ground, homes)]
    if ground.settings.hub is not None:
        from biofeedback.service.keeping_copies import KeepingCopies  # nor this

        keeping = KeepingCopies(
            store=ground.store,
            bus=ground.bus,
            share=ground.settings.hub,
            referee=ground.referee,
            node=ground.origin,
            clock=ground.clock,
        )
        parts.append(keeping)
    return tuple(parts)


def _erasing_log(ground: _Ground, homes: KnownHomes) -> tuple[Beside, ...]:
    """Return what takes erased people out of the log, where there may be one."""
    from biofeedback.bus.nats import NatsBus  # nobody at home needs it

    if not isinstance(ground.bus, NatsBus):
        return ()
    from biofeedback.service.log_erasing import LogErasing

    erasing = LogErasing(
        store=ground.store, bus=ground.bus, known=homes, clock=ground.clock
    )
    return (erasing,)
