"""How the nodes of a service reach each other: a bus, presence on it, and a log.

``interface`` says what a bus is; ``in_process`` and ``nats`` are two. ``presence``
knows who is here, on either. ``log`` keeps what must not be lost (JetStream).
"""

from biofeedback.bus.interface import (
    Bus,
    BusError,
    Delivery,
    NoAnswerError,
    NobodyThereError,
    Subscription,
)

__all__ = [
    "Bus",
    "BusError",
    "Delivery",
    "NoAnswerError",
    "NobodyThereError",
    "Subscription",
]
