"""Starting and stopping what a Polar strap can measure."""

from __future__ import annotations

from collections.abc import Callable

from biofeedback.wire.polar_pmd import Measurement, Op, Response, Settings, Status
from biofeedback_drivers.pmd_control import ControlPoint, status_of
from biofeedback_drivers.pmd_settings import USUAL, chosen

_STOPPED = (Status.OK, Status.ALREADY_IN_STATE)


class Commands:
    """Starts and stops measurements; remembers what settings the strap offers.

    Parameters
    ----------
    control
        The control point, which is listened to.
    attempts
        How often a start is given.
    flows
        Says whether frames of a measurement come that nobody here started.
    """

    def __init__(
        self,
        control: ControlPoint,
        attempts: int,
        flows: Callable[[Measurement], bool],
    ) -> None:
        self._control = control
        self._attempts = attempts
        self._flows = flows
        self._settings: dict[Measurement, Settings] = {}

    async def start(self, measurement: Measurement, rate_hz: int | None) -> Status:
        """Start it; return ``OK`` or why not.

        Raises
        ------
        LinkError
            When the link cannot be written to any more, or is to be closed.
        TimeoutError
            When no answer came, and no frame either.
        """
        offered = await self._ask_settings(measurement)
        if isinstance(offered, Status):
            return offered
        settings = chosen(measurement, offered, rate_hz)
        for attempt in range(self._attempts):
            response = await self._control.ask(
                Op.START, measurement, settings=settings, attempts=1
            )
            if response is None:
                continue
            if status_of(response) is not Status.ALREADY_IN_STATE or attempt > 0:
                # The answer to an earlier attempt was lost: it was ours that started.
                return _started(response)
            # Left running from an earlier link, with settings that are not known.
            await self.stop(measurement)
            response = await self._control.ask(Op.START, measurement, settings=settings)
            if response is None:
                raise TimeoutError(f"no answer to the start of {measurement.name}")
            return _started(response)
        if self._flows(measurement):
            return Status.OK  # frames are an answer too
        raise TimeoutError(f"no answer to the start of {measurement.name}")

    async def stop(self, measurement: Measurement) -> bool:
        """Stop it; say whether the strap said that it did.

        Raises
        ------
        LinkError
            When the link cannot be written to any more, or is to be closed.
        """
        response = await self._control.ask(Op.STOP, measurement)
        return response is not None and status_of(response) in _STOPPED

    async def _ask_settings(self, measurement: Measurement) -> Settings | Status:
        if measurement is Measurement.PPI:
            return Settings()  # it has none
        if measurement not in self._settings:
            response = await self._control.ask(Op.GET_SETTINGS, measurement)
            if response is None:
                return USUAL[measurement]
            if (status := status_of(response)) is not Status.OK:
                return status
            told = response.settings
            self._settings[measurement] = told if told.values else USUAL[measurement]
        return self._settings[measurement]


def _started(response: Response) -> Status:
    status = status_of(response)
    return Status.OK if status is Status.ALREADY_IN_STATE else status
