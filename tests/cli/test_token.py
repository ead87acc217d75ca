"""Access tokens on the command line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from biofeedback.service.sign_ins import TOKEN_PREFIX, SignIns
from biofeedback.store import DataLock, Role, Store
from tests.cli.terminal import Terminal

DAY_NS = 24 * 3600 * 1_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store = Store(tmp_path / "data")
    store.accounts.add(name="kim", display="Kim", role=Role.ADMIN)
    store.close()
    return tmp_path / "data"


def test_a_token_opens_its_account_until_it_is_revoked(
    data: Path, terminal: Terminal
) -> None:
    add = ("token", "add", "kim", "--label", "a  nightly\nscript")
    with DataLock(data):  # whether the service runs or not
        reads = terminal(*add, "--data", data)
        writes = terminal(*add, "--scope", "all", "--days", "1", "--data", data)
    assert (reads.code, writes.code) == (0, 0)
    assert reads.out.startswith(TOKEN_PREFIX)
    assert "is not shown again" in reads.err
    now_ns = [time.time_ns()]
    store = Store(data, now_ns=lambda: now_ns[0])
    sign_ins = SignIns(store)

    def may_write(said: str) -> bool | None:
        header = f"Bearer {said.strip()}"
        caller = sign_ins.caller(cookie=None, authorization=header)
        return None if caller is None else caller.writes

    assert (may_write(reads.out), may_write(writes.out)) == (False, True)
    assert may_write("bft_wrong") is None
    first, second = json.loads(terminal("token", "list", "--json", "--data", data).out)
    assert first["label"] == "a nightly script"
    assert (first["scope"], second["scope"]) == ("read", "all")
    assert reads.out.strip() not in terminal("token", "list", "--data", data).out
    now_ns[0] += DAY_NS
    assert (may_write(reads.out), may_write(writes.out)) == (False, None)
    assert terminal("token", "revoke", first["id"], "--data", data).code == 0
    assert may_write(reads.out) is None
    listed = json.loads(terminal("token", "list", "--json", "--data", data).out)
    assert [one["state"] for one in listed] == ["revoked", "good"]
    written = b"".join(file.read_bytes() for file in data.glob("biofeedback.db*"))
    assert reads.out.strip().encode() not in written
    actions = [row.action for row in store.audit.newest(10)]
    assert actions == ["token.revoke", "token.add", "token.add"]
    store.close()


def test_no_token_without_an_account(data: Path, terminal: Terminal) -> None:
    said = terminal("token", "add", "lee", "--label", "x", "--data", data)
    assert said.sentence.startswith("There is no account 'lee'.")
    store = Store(data)
    lee = store.accounts.add(name="lee", display="Lee", role=Role.PATIENT)
    store.accounts.revoke(lee.id)
    store.close()
    said = terminal("token", "add", "lee", "--label", "x", "--data", data)
    assert said.sentence.startswith("The account 'lee' is revoked.")
    said = terminal("token", "revoke", "nothing", "--data", data)
    assert said.sentence.startswith("There is no such access token.")
