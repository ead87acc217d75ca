"""What the tests need from the machine: a browser, dbus-daemon and PostgreSQL.

``python -m tests.machine`` makes sure of them before pytest runs. An installed
Chrome or Chromium is used; on Debian as root what is missing is installed with apt;
otherwise one sentence says what to install. In CI what is missing is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)

HOW_TO_BROWSER = (
    "The browser tests need Chrome or Chromium. Install it (Debian and Ubuntu: "
    "'sudo apt-get install chromium'; elsewhere from the browser's own site), then "
    "run the tests again."
)
HOW_TO_DBUS = (
    "The driver tests need dbus-daemon, which exists on Linux only. Install it "
    "(Debian and Ubuntu: 'sudo apt-get install dbus'), then run the tests again."
)
HOW_TO_POSTGRES = (
    "The tests of the shared database need PostgreSQL. Install it (Debian and Ubuntu: "
    "'sudo apt-get install postgresql'), then run the tests again."
)


def in_ci() -> bool:
    """Say whether what is missing must fail rather than be skipped."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def browser() -> str | None:
    """Return the path of an installed Chrome or Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def dbus_daemon() -> str | None:
    """Return the path of dbus-daemon."""
    return shutil.which("dbus-daemon")


def postgres_programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, of the newest version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")  # Debian's place
    return max(
        (path.parent for path in installed),
        key=lambda path: float(path.parent.name),
        default=None,
    )


def prepare() -> list[str]:
    """Install what is missing where that can be done; return what still is."""
    packages = []
    if browser() is None:
        packages.append("chromium")
    if dbus_daemon() is None and sys.platform == "linux":
        packages.append("dbus")
    if postgres_programs() is None and sys.platform == "linux":
        packages.append("postgresql")
    if packages and _is_debian_root():
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", *packages)
    missing = []
    if browser() is None:
        missing.append(HOW_TO_BROWSER)
    if dbus_daemon() is None:
        missing.append(HOW_TO_DBUS)
    if postgres_programs() is None:
        missing.append(HOW_TO_POSTGRES)
    return missing


def _is_debian_root() -> bool:
    return (
        Path("/etc/debian_version").exists()
        and shutil.which("apt-get") is not None
        and hasattr(os, "geteuid")
        and os.geteuid() == 0
    )


def _apt(*arguments: str) -> None:
    subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.DEVNULL,
        check=False,
    )


if __name__ == "__main__":
    lacking = prepare()
    for sentence in lacking:
        sys.stderr.write(sentence + "\n")
    sys.exit(1 if lacking and in_ci() else 0)
