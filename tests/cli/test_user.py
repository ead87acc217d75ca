"""Accounts on the command line, while the service runs and while it does not."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
from pathlib import Path

import pytest

from biofeedback.service.sign_ins import sha256
from biofeedback.store import DataLock, Role, Store
from tests.cli.terminal import Said, Terminal, command

PASSWORD = "three calm words"


class Desk:
    """A terminal with a data folder, at which passwords are sent in one line."""

    def __init__(
        self, terminal: Terminal, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._terminal = terminal
        self.data = data
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, typed: str | None = None) -> Said:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed or ""))
        return self._terminal(*arguments, "--data", self.data)

    def add(self, name: str, role: str, *more: str, typed: str = PASSWORD) -> Said:
        return self(
            *("user", "add", "--role", role, name, "--password-stdin", *more),
            typed=f"{typed}\n",
        )


@pytest.fixture
def desk(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(terminal, tmp_path / "data", monkeypatch)


def test_from_the_first_account_to_the_last(desk: Desk) -> None:
    first = desk.add("therapist", "therapist")
    assert first.sentence.startswith("The first account is an administrator's")
    made = desk.add("Kim@Example.org", "admin", "--display", "Kim  Park")
    assert (made.code, made.err) == (0, "")
    code = made.out.split(":")[0]
    assert made.out == f"{code}: 'kim@example.org' can sign in, as admin.\n"
    assert desk.add("kim@example.ORG", "admin").sentence.startswith("The name 'kim@")
    assert desk.add("lee", "therapist").code == 0
    listed = json.loads(desk("user", "list", "--json").out)
    assert [(one["name"], one["display"], one["role"]) for one in listed] == [
        ("kim@example.org", "Kim Park", "admin"),
        ("lee", "lee", "therapist"),
    ]
    lines = desk("user", "list").out.splitlines()
    assert lines[0].startswith(f"{code}  admin       kim@example.org  P-")
    assert desk("user", "revoke", "LEE").code == 0
    assert "revoked" in desk("user", "list").out.splitlines()[1]
    only = desk("user", "revoke", code.lower())
    assert only.sentence.startswith("This is the only administrator.")
    assert desk("user", "revoke", "nobody").sentence.startswith("There is no account")
    store = Store(desk.data)
    rows = store.audit.newest(10)
    assert [row.action for row in reversed(rows)] == [
        *("account.add", "account.add", "account.revoke"),
    ]
    assert {row.actor for row in rows} == {"console"}
    assert "kim" not in str(rows)
    store.close()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("short", "A password has 10 to 200 signs."),
        ("", "A password has 10 to 200 signs."),
        ("kim.park.kim", "A password cannot be your name."),
        ("password123", "Many people use this password"),
    ],
)
def test_a_password_that_is_soon_guessed(desk: Desk, typed: str, sentence: str) -> None:
    said = desk.add("kim.park.kim", "admin", typed=typed)
    assert said.code == 2
    assert said.sentence.startswith(sentence)
    assert desk("user", "list").out == "", "nothing was made"


def test_without_a_terminal_nothing_is_asked(desk: Desk) -> None:
    said = desk("user", "add", "--role", "admin", "kim")
    assert said.code == 2
    assert said.sentence.startswith("There is no terminal to ask for the password at.")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_at_a_terminal_it_is_asked_twice_and_not_shown(tmp_path: Path) -> None:
    arguments = ("user", "add", "--role", "admin", "kim", "--data", tmp_path / "data")
    process, terminal = pty.fork()
    if process == 0:
        run = command(*arguments)
        os.execv(run[0], run)
    shown = b""
    for answer in (PASSWORD, PASSWORD):
        while not shown.endswith(b": "):
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
        shown += b"|"
    try:
        while block := os.read(terminal, 1024):
            shown += block
    except OSError:
        pass  # the end of a terminal is an error to read, on Linux
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)
    assert shown.count(b"|") == 2
    assert b"can sign in, as admin." in shown
    assert PASSWORD.encode() not in shown


def test_a_link_makes_an_account_or_gives_new_credentials(desk: Desk) -> None:
    early = desk("user", "invite", "--role", "patient")
    assert early.sentence.startswith("There is no administrator yet.")
    first = desk("user", "invite", "--role", "admin", "--url", "https://room.local/")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("https://room.local/#invite=")
    desk.add("kim", "admin")
    again = desk("user", "invite", "--for", "kim")
    assert again.out.startswith("http://127.0.0.1:8765/#invite=")
    assert "--url" in again.err
    store = Store(desk.data)
    renewed, made = store.accounts.invites()
    assert made.token_sha256 == sha256(first.out.strip().partition("=")[2])
    assert (made.role, made.account_id, made.created_by) == (Role.ADMIN, None, None)
    kim = store.accounts.named("kim")
    assert kim is not None
    assert renewed.account_id == kim.id
    assert first.out.strip().partition("=")[2].encode() not in b"".join(
        file.read_bytes() for file in desk.data.glob("biofeedback.db*")
    )
    store.close()


def test_who_practised_here_alone_keeps_what_is_theirs(desk: Desk) -> None:
    store = Store(desk.data)
    owner = store.person()
    store.close()
    said = desk.add("kim", "admin")
    assert f"Recordings of {owner.pseudonym} are here from before." in said.err
    link = desk("user", "invite", "--role", "patient", "--person", owner.pseudonym)
    assert link.code == 0
    assert desk.add("lee", "patient", "--person", owner.pseudonym).code == 0
    listed = json.loads(desk("user", "list", "--json").out)
    assert listed[1]["person"] == owner.pseudonym
    taken = desk("user", "invite", "--role", "patient", "--person", owner.pseudonym)
    assert taken.sentence.startswith("This person has an account already.")
    nobody = desk("user", "invite", "--role", "patient", "--person", "P-NOBODY")
    assert nobody.sentence.startswith("There is no person 'P-NOBODY' here. Known here:")


def test_while_the_service_runs(desk: Desk) -> None:
    Store(desk.data).close()
    with DataLock(desk.data):
        for said in (
            desk.add("kim", "admin"),
            desk("user", "invite", "--role", "admin"),
        ):
            assert said.sentence.startswith("A service is running here for one person")
            assert "Stop the service with Ctrl-C" in said.err
    assert desk.add("kim", "admin").code == 0
    with DataLock(desk.data):
        assert desk.add("lee", "therapist").code == 0
        assert desk("user", "invite", "--role", "patient").code == 0
        assert desk("user", "revoke", "lee").code == 0
        assert len(desk("user", "list").out.splitlines()) == 2


def test_nothing_is_made_by_looking(desk: Desk) -> None:
    said = desk("user", "list")
    assert said.sentence.startswith("There is no database in")
    assert not desk.data.exists()
