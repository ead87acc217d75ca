"""What this node is called on the bus: a name of its own, kept in its data folder."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from biofeedback.recording import durable
from biofeedback.store import StoreError
from biofeedback.store.accounts import CODE_LENGTH, CODE_SIGNS

NODE_NAME = "node"
NODES = "node."
_ID = re.compile(rf"N-[{CODE_SIGNS}]{{{CODE_LENGTH}}}")


def is_node(origin: str | None) -> bool:
    """Say whether this is a node's name: homes share no database with anybody."""
    return origin is not None and origin.startswith(NODES)


def origin_of(data: Path) -> str:
    """Return this node's origin (``"node.N-7Q2M9K"``); its id is made on first use.

    Raises
    ------
    StoreError
        When it can be neither read nor written.
    """
    path = data / NODE_NAME
    try:
        if path.exists() and _ID.fullmatch(found := path.read_text().strip()):
            return f"{NODES}{found}"
        id = "N-" + "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
        durable.replace(path, f"{id}\n".encode())
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            "This node's name cannot be kept in the data folder.",
            "Give yourself permission to write there, or choose another with --data.",
        ) from error
    return f"{NODES}{id}"
