"""The configuration of a clinic's NATS server: who may connect, and what they may say.

A folder with three files of text, and one secret::

    nats.conf    the server; made once
    homes.conf   every credential with exactly what it may do; made anew with each home
    nodes.seed   the secret of the clinic's own nodes
    nats.pid     which process the server is, written by itself

A home may say and hear only what carries its own name (:mod:`.subjects`), and answer
what it is asked. It has no part in JetStream's own requests: what it sends to the log
is acknowledged to its inbox, and more it need not know.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from biofeedback.clinic import subjects
from biofeedback.clinic.credentials import Nkey, new_nkey, nkey_of
from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.store.homes import NATS_FOLDER
from biofeedback.store.rows import HomeRow

FOLDER = NATS_FOLDER
SERVER, HOMES = "nats.conf", "homes.conf"
NODES_SEED, PID = "nodes.seed", "nats.pid"

PORT = 4222
MAX_PAYLOAD_BYTES = 4 << 20
"""One entry of a recording may have 1 MiB, what nodes tell each other somewhat more."""

MAX_CONNECTIONS = 20_000
MAX_SUBSCRIPTIONS = 20_000
"""Of one connection: a node listens to each session that somebody there watches."""

MAX_PENDING_BYTES = 64 << 20
"""Whoever lets more wait is cut off: they come back and ask for what they missed."""

ANSWERS_WITHIN = "1m"


class Server(Value, frozen=True):
    """What a server is told: where it listens, by what it is known, what it may keep.

    ``log_gb`` is how much of the disk the log may take: what homes sent in days.
    """

    certificate: Path
    key: Path
    host: str = "0.0.0.0"
    port: int = PORT
    log_gb: int = 20


def write(folder: Path, server: Server, homes: Iterable[HomeRow]) -> None:
    """Write the whole configuration; the nodes' secret stays if there is one.

    Raises
    ------
    SettingsError
        When it cannot be written, or the secret that is there is damaged.
    """
    nodes = _nodes(folder)
    _put(folder / SERVER, _server_text(folder, server))
    _put(folder / HOMES, _homes_text(nodes, homes))


def write_homes(folder: Path, homes: Iterable[HomeRow]) -> bool:
    """Say anew who may connect; return whether that changed anything.

    Raises
    ------
    SettingsError
        When there is no configuration, or it cannot be written.
    """
    if not is_there(folder):
        raise SettingsError(
            f"There is no configuration of a NATS server in {folder}.",
            "Make it with 'biofeedback hub config', or say with --config where it is.",
        )
    text = _homes_text(_nodes(folder), homes)
    path = folder / HOMES
    with suppress(OSError):
        if path.read_text() == text:
            return False
    _put(path, text)
    return True


def is_there(folder: Path) -> bool:
    """Say whether there is a configuration in this folder."""
    return (folder / SERVER).is_file()


def reload(folder: Path) -> bool:
    """Have the server that runs by this configuration read it again.

    Whoever may not connect any more is cut off by that. Return whether it was told;
    it runs elsewhere, as somebody else, or not at all, if not.
    """
    if sys.platform == "win32":
        return False
    try:
        pid = int((folder / PID).read_text())
        if not _is_server(pid):
            return False
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def _is_server(pid: int) -> bool:
    # After a crash the file names a process that is gone, or another by now.
    name = Path(f"/proc/{pid}/comm")
    try:
        return "nats-server".startswith(name.read_text().strip()[:11])
    except OSError:
        return not Path("/proc/self").exists()


def _nodes(folder: Path) -> Nkey:
    path = folder / NODES_SEED
    try:
        return nkey_of(path.read_text("ascii").strip())
    except FileNotFoundError:
        nkey = new_nkey()
        try:
            durable.replace(path, f"{nkey.seed}\n".encode())
        except OSError as error:
            raise _unwritable(path, error) from error
        return nkey
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The nodes' secret in {path} cannot be used.",
            "Remove it, and type 'biofeedback hub config' again: nodes then need "
            "the new one.",
        ) from error


def _server_text(folder: Path, server: Server) -> str:
    folder = folder.absolute()
    listen = f"{server.host}:{server.port}"
    return f"""\
# Written by 'biofeedback hub config'; run it with: nats-server -c {SERVER}
listen: {_quoted(listen)}
pid_file: {_quoted(folder / PID)}
max_payload: {MAX_PAYLOAD_BYTES}
max_connections: {MAX_CONNECTIONS}
max_subscriptions: {MAX_SUBSCRIPTIONS}
max_pending: {MAX_PENDING_BYTES}
write_deadline: "10s"
ping_interval: "20s"
ping_max: 2

jetstream {{
  store_dir: {_quoted(folder / "log")}
  max_file_store: {server.log_gb}GB
  max_memory_store: 256MB
  # What acknowledges a parcel is no order to the log, wherever a home has it sent.
  strict: true
  # After a power cut homes send again what was lost of the last seconds.
  sync_interval: "10s"
}}

# Without it nobody connects: what travels here is about people.
tls {{
  cert_file: {_quoted(server.certificate.absolute())}
  key_file: {_quoted(server.key.absolute())}
  min_version: "1.2"
  timeout: 10
}}

authorization {{
  timeout: 10
  include {_quoted(HOMES)}
}}
"""


def _homes_text(nodes: Nkey, homes: Iterable[HomeRow]) -> str:
    users = [
        "  # The clinic's own nodes\n"
        f'  {{nkey: {nodes.public_key}, permissions: {{publish: ">", subscribe: ">"}}}}'
    ]
    users += [_home_text(home) for home in homes if home.revoked_at_utc_ns is None]
    return (
        "# Written by 'biofeedback home': what is changed here by hand is lost.\n"
        f"users: [\n{chr(10).join(users)}\n]\n"
    )


def _home_text(home: HomeRow) -> str:
    may = subjects.permissions(home.id)
    return (
        f"  # {home.id}\n"
        f"  {{nkey: {home.public_key}, permissions: {{\n"
        f"    publish: {{allow: {_listed(may.publish)}}}\n"
        f"    subscribe: {{allow: {_listed(may.subscribe)}}}\n"
        f'    allow_responses: {{max: 1, expires: "{ANSWERS_WITHIN}"}}\n'
        "  }}"
    )


def _listed(patterns: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(one) for one in patterns)}]"


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def _put(path: Path, text: str) -> None:
    try:
        durable.replace(path, text.encode())
        path.chmod(0o644)  # no secret is in it, and the server may be somebody else
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"{path} cannot be written ({error.strerror}).",
        "Check the permissions of the folder, or name another.",
    )
