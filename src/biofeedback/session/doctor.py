"""What ``biofeedback doctor`` looks at: whether a person can practise here."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from biofeedback.model import Value
from biofeedback.session.driver import Driver

ENOUGH_DISK_BYTES = 500 * 1024 * 1024
"""Room for more than a hundred hours with ECG."""

PACKAGES = ("biofeedback", "bleak", "numpy", "scipy", "neurokit2", "fastapi", "mcap")

BROWSERS = (
    "google-chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "firefox",
    "open",  # macOS: opens the default browser
)


class Finding(Value, frozen=True):
    """One thing that was looked at, and what to do if it is not as it should be."""

    name: str
    ok: bool
    text: str
    advice: str | None = None


async def examine(
    radios: tuple[Driver, ...], data: Path, dashboard: Path | None
) -> tuple[Finding, ...]:
    """Look at everything once; never raises.

    Parameters
    ----------
    radios
        The installed drivers for real straps.
    data
        The folder where recordings are kept.
    dashboard
        The built pages, if there are any.
    """
    findings = [_system(), _versions()]
    for driver in radios:
        status = await driver.status()
        findings.append(
            Finding(
                name=f"Bluetooth ({driver.name})",
                ok=status.available,
                text="ready" if status.available else f"not ready: {status.reason}",
                advice=status.advice,
            )
        )
        await driver.close()
    findings += [_disk(data), _dashboard(dashboard), _browser()]
    return tuple(findings)


def _system() -> Finding:
    return Finding(
        name="System",
        ok=True,
        text=f"{platform.platform()}, Python {platform.python_version()}",
    )


def _versions() -> Finding:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return Finding(
                name="Packages",
                ok=False,
                text=f"{package} is missing",
                advice="Install again: 'make run', or pip as the README says.",
            )
    return Finding(name="Packages", ok=True, text=", ".join(found))


def _disk(data: Path) -> Finding:
    folder = data
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding(
            name="Disk",
            ok=False,
            text=f"{data} cannot be written to",
            advice="Allow it, or choose another folder with 'run --data DIR'.",
        )
    free = shutil.disk_usage(folder).free
    ok = free >= ENOUGH_DISK_BYTES
    return Finding(
        name="Disk",
        ok=ok,
        text=f"{free / 1e9:.1f} GB free for {data}",
        advice=None
        if ok
        else "Free some space, or choose another folder with 'run --data DIR'.",
    )


def _dashboard(dashboard: Path | None) -> Finding:
    return Finding(
        name="Dashboard",
        ok=dashboard is not None,
        text="built" if dashboard else "not built",
        advice=None
        if dashboard
        else "Install again with npm in reach: 'make run' builds it.",
    )


def _browser() -> Finding:
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    ok = found is not None or platform.system() == "Windows"
    return Finding(
        name="Browser",
        ok=ok,
        text=found or ("the default one" if ok else "none found"),
        advice=None if ok else "Open the printed link in a browser on this machine.",
    )
