"""Figures of a running service, for Prometheus: ``GET /metrics``.

They tell of the service, never of a person or a session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from biofeedback.service.access import Operator
from biofeedback.service.context import Here

if TYPE_CHECKING:
    from prometheus_client import Metric

    from biofeedback.service.conductor import Conductor

router = APIRouter(tags=["the service"])


@router.get("/metrics", response_class=Response)
async def metrics(_caller: Operator, here: Here) -> Response:
    """Return the service's figures in the Prometheus text format."""
    # Imported when it is asked for: whoever sits at home never does.
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        generate_latest,
    )

    registry = CollectorRegistry()
    registry.register(_Figures(here.conductor))
    return Response(
        generate_latest(registry),
        media_type=CONTENT_TYPE_LATEST,
        headers={"cache-control": "no-store"},
    )


class _Figures:
    # Reads everything anew at each scrape: there is no state to keep in step.

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        tally = self._conductor.tally
        yield GaugeMetricFamily(
            "biofeedback_live_sessions",
            "Sessions that go on now.",
            value=self._conductor.n_live,
        )
        yield CounterMetricFamily(
            "biofeedback_referee_comparisons",
            "Live windows that NeuroKit2 computed as well.",
            value=tally.n_comparisons,
        )
        yield CounterMetricFamily(
            "biofeedback_referee_failures",
            "Questions that NeuroKit2's worker did not answer.",
            value=tally.n_failures,
        )
        largest = GaugeMetricFamily(
            "biofeedback_referee_max_difference",
            "Largest absolute difference between the live numbers and NeuroKit2's "
            "since the service started, in the unit of the metric.",
            labels=("window_s", "metric"),
        )
        for (window_s, metric), difference in sorted(tally.largest.items()):
            largest.add_metric((str(window_s), metric), difference)
        yield largest
