"""The dashboard's files, and what stands there when it was not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from biofeedback.service.app import create_app
from biofeedback.service.composition import create_context
from biofeedback.session.simulated import SimulatedDriver
from biofeedback.settings import Settings
from biofeedback.store import Store


@asynccontextmanager
async def pages(data: Path, dashboard: Path | None) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.of(data=data)
    store = Store(data)
    context = create_context(settings, store=store, drivers=(SimulatedDriver(),))
    transport = httpx.ASGITransport(create_app(context, dashboard=dashboard))
    async with httpx.AsyncClient(transport=transport, base_url=settings.url) as client:
        yield client
    store.close()


async def test_the_page_is_asked_for_anew_and_its_parts_are_kept(
    tmp_path: Path,
) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>Built</title>")
    (dist / "assets" / "index-4f3a.js").write_text("export {};")
    (dist / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (dist / "sw.js").write_text("addEventListener('fetch', () => {});")
    (dist / ".vite").mkdir()
    (dist / ".vite" / "manifest.json").write_text("{}")
    async with pages(tmp_path / "data", dist) as client:
        index = await client.get("/")
        assert "Built" in index.text
        assert index.headers["cache-control"] == "no-cache"
        script = await client.get("/assets/index-4f3a.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        assert (await client.get("/icon.svg")).headers["cache-control"] == "no-cache"
        worker = await client.get("/sw.js")
        assert worker.headers["cache-control"] == "no-cache"
        assert worker.headers["content-type"].startswith("text/javascript")
        assert "worker-src 'self'" in worker.headers["content-security-policy"]
        assert (await client.get("/.vite/manifest.json")).status_code == 404
        assert (await client.get("/%2e%2e/data/biofeedback.db")).status_code == 404
        assert (await client.get("/assets/gone.js")).status_code == 404
        assert (await client.post("/")).status_code == 405


async def test_without_a_dashboard_a_page_says_what_to_do(tmp_path: Path) -> None:
    async with pages(tmp_path / "data", None) as client:
        page = await client.get("/")
        assert page.status_code == 200
        assert "npm run build" in page.text
        assert "<script" not in page.text
        assert "style" not in page.text, "the policy would forbid it"
        assert (await client.get("/healthz")).status_code == 200
