"""Looking at NATS servers as they are, for whoever asks what is wrong."""

from __future__ import annotations

import msgspec

from biofeedback.bus.interface import BusError
from biofeedback.bus.nats import NatsBus
from biofeedback.errors import BiofeedbackError
from biofeedback.session.findings import Finding

_STREAMS = "$JS.API.INFO"


async def look(bus: NatsBus, *, name: str, refused: str, log: bool = False) -> Finding:
    """Link once, look, and let go; changes nothing and never raises.

    Parameters
    ----------
    bus
        One that was not opened yet.
    name
        What the finding is called.
    refused
        What to do when the servers do not let us in.
    log
        Whether this side has to find JetStream there. Homes may not ask for it.
    """
    try:
        await bus.open()
    except BiofeedbackError as error:
        return Finding(name=name, ok=False, text=error.message, advice=error.advice)
    try:
        if not bus.connected:
            advice = _AWAY if bus.is_let_in else refused
            return Finding(name=name, ok=False, text=bus.trouble, advice=advice)
        if log and not await _has_log(bus):
            return Finding(
                name=name, ok=False, text="linked, without JetStream", advice=_NO_LOG
            )
        return Finding(name=name, ok=True, text="linked")
    finally:
        await bus.close()


async def _has_log(bus: NatsBus) -> bool:
    try:
        answer = msgspec.json.decode(await bus.ask(_STREAMS, b""))
    except (BusError, TimeoutError, msgspec.DecodeError):
        return False
    return "error" not in answer


_AWAY = "Check that it runs, the address, and the network between."
_NO_LOG = (
    "Nodes do without; copies of homes do not. 'biofeedback hub config' writes a "
    "configuration that has it."
)
