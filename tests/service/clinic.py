"""A shared house: some accounts, and browsers that sign in to them."""

from __future__ import annotations

from contextlib import AsyncExitStack

import httpx

from biofeedback.store import AccountRow, Role
from tests.service.conftest import House, _client

API = "/api/v1"
PASSWORD = "three calm words"
NS_PER_S = 1_000_000_000


class Clinic:
    """A house where people have accounts; each name is also the role it begins with."""

    def __init__(self, house: House, closing: AsyncExitStack) -> None:
        self.house = house
        self._closing = closing
        self.accounts: dict[str, AccountRow] = {}

    async def join(
        self, name: str, role: Role, *, password: str | None = PASSWORD
    ) -> AccountRow:
        """Make an account, as the command line does."""
        kept = None
        if password is not None:
            kept = await self.house.context.passwords.hash(password)
        account = self.house.store.accounts.add(
            name=name, display=f"The {name}", role=role, password_hash=kept
        )
        self.house.context.sign_ins.become_shared()
        self.accounts[name] = account
        return account

    async def browser(self) -> httpx.AsyncClient:
        """Return a browser in which nobody is signed in."""
        return await self._closing.enter_async_context(
            _client(self.house.context.settings)
        )

    async def browser_of(
        self, name: str, password: str = PASSWORD
    ) -> httpx.AsyncClient:
        """Return a browser in which somebody signed in."""
        browser = await self.browser()
        answer = await by_password(browser, name, password)
        assert answer.status_code == 200, answer.text
        return browser

    def cookie(self, browser: httpx.AsyncClient) -> dict[str, str]:
        """Return what a browser sends with a websocket."""
        name = self.house.context.cookie
        return {"Cookie": f"{name}={browser.cookies[name]}"}

    def pass_s(self, seconds: float) -> None:
        """Let time pass for sign-ins, invites and attempts."""
        self.house.utc_ns[0] += int(seconds * NS_PER_S)

    def acts(self) -> list[tuple[str, str, str]]:
        """Return what the audit says, oldest first: actor, action, outcome."""
        rows = self.house.store.audit.newest(1000)
        return [(row.actor, row.action, row.outcome) for row in reversed(rows)]


async def by_password(
    browser: httpx.AsyncClient, name: str, password: str = PASSWORD
) -> httpx.Response:
    body = {"name": name, "password": password}
    return await browser.post(f"{API}/sign-in/password", json=body)
