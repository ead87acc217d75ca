"""What this node is called on the bus: a name of its own, kept in its data folder."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from biofeedback.store import StoreError
from biofeedback.store.accounts import CODE_LENGTH, CODE_SIGNS

NODE_NAME = "node"
_ID = re.compile(rf"N-[{CODE_SIGNS}]{{{CODE_LENGTH}}}")


def node_id(data: Path) -> str:
    """Return this node's id (``"N-7Q2M9K"``), made on first use.

    Raises
    ------
    StoreError
        When it can be neither read nor written.
    """
    path = data / NODE_NAME
    try:
        if path.exists() and _ID.fullmatch(found := path.read_text().strip()):
            return found
        id = "N-" + "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with open(
            os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w"
        ) as f:
            f.write(f"{id}\n")
            f.flush()
            os.fsync(f.fileno())
        fresh.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            "This node's name cannot be kept in the data folder.",
            "Give yourself permission to write there, or choose another with --data.",
        ) from error
    return id
