"""The dashboard's files: from the source tree or from the installed package."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

NOT_BUILT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Biofeedback</title>
</head>
<body>
<main>
<h1>The dashboard has not been built yet</h1>
<p>The service is running, and programs can use it. To see it here, type this in the
folder of the source code, then load this page again:</p>
<pre>cd dashboard &amp;&amp; npm ci &amp;&amp; npm run build</pre>
</main>
</body>
</html>
"""


class Pages(StaticFiles):
    """The built dashboard. Only files whose name holds their hash are kept for long."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, and say how long a browser may keep it."""
        parts = path.replace("\\", "/").split("/")
        if any(part.startswith(".") and part != "." for part in parts):
            raise HTTPException(404)  # notes of the build, which are nobody's page
        response = await super().get_response(path, scope)
        # The service worker keeps its name, so it is asked for anew like the page.
        hashed = parts[0] == "assets"
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response


class PagesMount(Mount):
    """Everything but the API, whose wrong addresses and methods are its own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave the API alone."""
        if scope["path"].startswith(("/api/", "/healthz", "/readyz")):
            return Match.NONE, {}
        return super().matches(scope)


async def not_built(_request: object) -> Response:
    """Say calmly that there is no dashboard, and how to get it."""
    return HTMLResponse(NOT_BUILT, headers={"cache-control": "no-cache"})


def ca_certificate(path: Path) -> Callable[[object], Awaitable[Response]]:
    """Return what answers with the certificate that devices are told to trust.

    Anybody may have it: it lets nobody in, and its key is another file. Phones offer
    to install what comes as this type.
    """

    async def answer(_request: object) -> Response:
        return FileResponse(
            path,
            media_type="application/x-x509-ca-cert",
            headers={"cache-control": "no-cache"},
        )

    return answer


def dashboard_folder() -> Path | None:
    """Return where the built dashboard lies, if it has been built."""
    package = Path(str(files("biofeedback")))
    for folder in (
        package / "_dashboard",  # in a wheel
        package.parent.parent / "dashboard" / "dist",  # in a checkout
    ):
        if (folder / "index.html").is_file():
            return folder
    return None
