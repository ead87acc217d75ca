"""What ``biofeedback doctor`` looks at: whether a person can practise here."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from biofeedback.session import radios
from biofeedback.session.driver import Driver
from biofeedback.session.findings import Examines, Finding, remedies

ENOUGH_DISK_BYTES = 500 * 1024 * 1024
"""Room for more than a hundred hours with ECG."""

EXAMINATION_S = 10.0
"""How long a driver's own examination may take."""

PACKAGES = ("biofeedback", "bleak", "numpy", "scipy", "neurokit2", "fastapi", "mcap")

BROWSERS = (
    "google-chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "firefox",
    "open",  # macOS: opens the default browser
)


async def examine(
    drivers: Sequence[Driver],
    data: Path,
    dashboard: Path | None,
    broken: Sequence[tuple[str, str]] = (),
) -> tuple[Finding, ...]:
    """Look at everything once; never raises.

    Parameters
    ----------
    drivers
        The installed drivers for real straps.
    data
        The folder where recordings are kept.
    dashboard
        The built pages, if there are any.
    broken
        Drivers that are installed and could not be loaded: name, and what happened.
    """
    findings = [_system(), _versions()]
    for driver in drivers:
        findings.append(await _status(driver))
        findings += await _examined(driver)
    await radios.close(drivers)
    findings += [_broken(name, error) for name, error in broken]
    findings += [_disk(data), _dashboard(dashboard), _browser()]
    return tuple(findings)


async def _status(driver: Driver) -> Finding:
    status = await radios.status_of(driver)
    kind = "Bluetooth" if driver.name == "ble" else "Driver"
    return Finding(
        name=f"{kind} ({driver.name})",
        ok=status.available,
        text="ready" if status.available else f"not ready: {status.reason}",
        advice=None if status.available else status.advice or _ASK_THE_MAKERS,
        commands=() if status.available else remedies(status.reason),
    )


async def _examined(driver: Driver) -> tuple[Finding, ...]:
    if not isinstance(driver, Examines):
        return ()
    try:
        async with asyncio.timeout(EXAMINATION_S):
            return tuple(await driver.examine())
    except Exception as error:  # the protocol forbids it, and yet
        what = f"the examination ended early ({type(error).__name__}: {error})"
        return (
            Finding(
                name=f"Examination ({driver.name})",
                ok=False,
                text=what,
                advice=_ASK_THE_MAKERS,
            ),
        )


_ASK_THE_MAKERS = "Update the driver's package, or ask its makers."


def _broken(name: str, error: str) -> Finding:
    return Finding(
        name=f"Driver ({name})",
        ok=False,
        text=f"could not be loaded: {error}",
        advice="Update the package that brings it, or remove it. The others work.",
    )


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
