"""Figures of a running service, for Prometheus: ``GET /metrics``.

They tell of the service, never of a person or a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from biofeedback.errors import SettingsError
from biofeedback.figures import PREFIX, AnyFigure, Counts, Figure, Spread
from biofeedback.model import LinkState
from biofeedback.service import tls
from biofeedback.service.access import ReadsFigures
from biofeedback.service.context import Context, Here
from biofeedback.service.readiness import LIMIT_S
from biofeedback.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(tags=["the service"])

SOURCES = ("strap", "simulated", "replay")


@router.get("/metrics", response_class=Response, dependencies=[ReadsFigures])
async def metrics(here: Here) -> Response:
    """Return the service's figures in the Prometheus text format."""
    # Imported when it is asked for: whoever sits at home never does.
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        ProcessCollector,
        generate_latest,
    )

    await here.readiness.look(here.parts)
    of_the_disk: tuple[AnyFigure, ...] = ()
    with contextlib.suppress(TimeoutError):  # all threads wait: that must be seen
        async with asyncio.timeout(LIMIT_S):
            of_the_disk = await asyncio.to_thread(_of_the_disk, here.settings)
    registry = CollectorRegistry()
    registry.register(_Told((*_of_the_service(here), *of_the_disk)))
    ProcessCollector(registry=registry)  # its memory, time and open files
    return Response(
        generate_latest(registry),
        media_type=CONTENT_TYPE_LATEST,
        headers={"cache-control": "no-store"},
    )


def _of_the_service(here: Context) -> Iterator[AnyFigure]:
    yield from _of_sessions(here)
    yield from _of_the_referee(here)
    yield Figure(
        name="bus_connected",
        text="Whether other nodes can be reached; always, where there is one alone.",
        value=float(here.bus.connected),
    )
    for part in here.parts:
        if isinstance(part, Counts):
            yield from part.figures()


def _of_sessions(here: Context) -> Iterator[AnyFigure]:
    going_on = here.conductor.going_on
    by_source = Counter[str](live.info.source for live in going_on)
    for source in SOURCES:
        yield Figure(
            name="live_sessions",
            text="Sessions that go on now.",
            value=by_source[source],
            labels=(("source", source),),
        )
    by_state = Counter(
        live.pipeline.link_state for live in going_on if live.info.source != "replay"
    )
    for state in LinkState:
        yield Figure(
            name="straps",
            text="Straps of the sessions that go on now, by how their link is.",
            value=by_state[state],
            labels=(("state", state.value),),
        )
    yield Figure(
        name="viewers",
        text="Connections that watch a session of this node now.",
        value=sum(live.hub.n_viewers for live in going_on),
    )


def _of_the_referee(here: Context) -> Iterator[AnyFigure]:
    tally = here.conductor.tally
    yield Figure(
        name="referee_comparisons",
        text="Live windows that NeuroKit2 computed as well.",
        value=tally.n_comparisons,
        total=True,
    )
    yield Figure(
        name="referee_failures",
        text="Questions that NeuroKit2's worker did not answer.",
        value=tally.n_failures,
        total=True,
    )
    for (window_s, metric), difference in sorted(tally.largest.items()):
        yield Figure(
            name="referee_max_difference",
            text="Largest absolute difference between the live numbers and NeuroKit2's "
            "since the service started, in the unit of the metric.",
            value=difference,
            labels=(("window_s", str(window_s)), ("metric", metric)),
        )


def _of_the_disk(settings: Settings) -> tuple[AnyFigure, ...]:
    found = []
    with contextlib.suppress(OSError):  # whether there is a disk, /readyz says
        free = Figure(
            name="disk_free_bytes",
            text="Free space where the data folder lies.",
            value=shutil.disk_usage(settings.data).free,
        )
        found.append(free)
    with contextlib.suppress(SettingsError):  # the last one that could be read is shown
        if settings.lan is not None:
            ends = Figure(
                name="certificate_ends_timestamp_seconds",
                text="When the certificate on the disk ends.",
                value=tls.ends_at(settings.data, settings.lan).timestamp(),
            )
            found.append(ends)
    return tuple(found)


class _Told:
    # Of one scrape: there is no state to keep in step.

    def __init__(self, figures: Iterable[AnyFigure]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Any] = {}
        for figure in self._figures:
            name = PREFIX + figure.name
            if isinstance(figure, Spread):
                families[name] = _histogram(name, figure)
            else:
                if name not in families:
                    families[name] = _family(name, figure)
                labels = [value for _, value in figure.labels]
                families[name].add_metric(labels, figure.value)
        return families.values()


def _family(name: str, figure: Figure) -> Metric:
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
    )

    labels = [label for label, _ in figure.labels]
    kind = CounterMetricFamily if figure.total else GaugeMetricFamily
    return kind(name, figure.text, labels=labels)


def _histogram(name: str, spread: Spread) -> Metric:
    from prometheus_client.metrics_core import HistogramMetricFamily

    buckets = [(str(seconds), float(n)) for seconds, n in spread.up_to]
    buckets.append(("+Inf", float(spread.n)))
    return HistogramMetricFamily(
        name, spread.text, buckets=buckets, sum_value=spread.sum_s
    )
