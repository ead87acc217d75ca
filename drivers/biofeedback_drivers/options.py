"""What a user may choose of the radio: here, and nowhere else, from the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from enum import StrEnum

from biofeedback.model import Value

log = logging.getLogger(__name__)

ADAPTER_VARIABLE = "BIOFEEDBACK_ADAPTER"
PAIR_VARIABLE = "BIOFEEDBACK_PAIR"


class Pair(StrEnum):
    """When a strap is paired with (bonded to) this computer."""

    AUTO = "auto"
    """Only after it refused something for want of it; few straps ever do."""
    NEVER = "never"
    ALWAYS = "always"


class Options(Value, frozen=True):
    """The user's choices.

    Attributes
    ----------
    adapter
        The name of the adapter to use on Linux (``"hci1"``) or its address; ``None``
        takes the first that is switched on.
    pair
        When to pair.
    """

    adapter: str | None = None
    pair: Pair = Pair.AUTO

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Options:
        """Read ``BIOFEEDBACK_ADAPTER`` and ``BIOFEEDBACK_PAIR``; never raises."""
        pair = environ.get(PAIR_VARIABLE, "").strip().lower() or Pair.AUTO
        if pair not in tuple(Pair):
            log.warning(
                "%s is '%s'; it must be %s. Straps are paired when they ask for it.",
                PAIR_VARIABLE,
                pair,
                ", ".join(Pair),
            )
            pair = Pair.AUTO
        return cls(
            adapter=environ.get(ADAPTER_VARIABLE, "").strip() or None, pair=Pair(pair)
        )
