"""The other nodes of a clinic: who is there now."""

from __future__ import annotations

from biofeedback.service.context import Context
from biofeedback.service.node_id import NODES


def nodes_here(here: Context) -> tuple[str, ...]:
    """Return the other nodes that are there now."""
    return tuple(
        key
        for key in here.presence.here(NODES)
        if key.count(".") == 1 and key != here.origin
    )
