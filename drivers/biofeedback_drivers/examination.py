"""What stands between this computer and a strap: looked at, never changed.

The Linux part asks D-Bus and BlueZ what they say of themselves; everything here is
read-only and bounded in time. ``biofeedback doctor`` shows the findings.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from biofeedback.errors import LinkError
from biofeedback.model import LinkReason
from biofeedback.session.findings import Command, Finding, remedies
from biofeedback_drivers.bluez_state import (
    BlueZState,
    StrapSeen,
    adapter_in_use,
    state_of_bluez,
)
from biofeedback_drivers.options import ADAPTER_VARIABLE, Options
from biofeedback_drivers.surroundings import computer, sandbox, switches

PACKAGES = ("bleak", "bleak-retry-connector")
VERSION_S = 2.0
PLACES = Path("/")
"""Where the files of this system begin."""


async def examine_bluetooth(
    root: Path = PLACES,
    environ: Mapping[str, str] = os.environ,
    system: str = sys.platform,
) -> tuple[Finding, ...]:
    """Look at everything between this computer and a strap; never raises.

    Parameters
    ----------
    root
        Where ``/sys``, ``/proc`` and ``/run`` are found.
    environ
        The environment: the adapter that is wanted, and the signs of a sandbox.
    system
        What :data:`sys.platform` calls the system.
    """
    wanted = Options.from_environment(environ).adapter
    if system != "linux":
        return (_packages(PACKAGES), *_elsewhere(wanted))
    findings = [_packages((*PACKAGES, "dbus-fast")), *switches(root)]
    try:
        state = await state_of_bluez()
    except LinkError as error:
        findings += [_unanswered(error.reason), *sandbox(root, environ, shut=True)]
        return (*findings, *computer(root))
    findings += [
        Finding(name="D-Bus", ok=True, text="answers"),
        Finding(
            name="Bluetooth service", ok=True, text=f"runs, {await _bluez_version()}"
        ),
        _permission(),
        *_adapters(state, wanted),
        *_held(state),
        *sandbox(root, environ, shut=False),
    ]
    return (*findings, *computer(root))


def _packages(names: tuple[str, ...]) -> Finding:
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(
            name="Bluetooth packages",
            ok=False,
            text=f"{', '.join(missing)} not installed",
            advice="Install again: 'make run', or pip as the README says.",
        )
    return Finding(name="Bluetooth packages", ok=True, text=", ".join(found))


def _elsewhere(wanted: str | None) -> Iterator[Finding]:
    # Windows and macOS have one adapter and tell Bleak little of it; what they do
    # tell is in the driver's status.
    if wanted is not None:
        yield Finding(
            name="Adapter",
            ok=False,
            text=f"{ADAPTER_VARIABLE} is '{wanted}', which only Linux can obey",
            advice="Remove the variable; the system chooses the adapter.",
        )


# --- Linux: the bus and the service ---------------------------------------------

_UNANSWERED = {
    LinkReason.NO_BUS: ("D-Bus", "cannot be reached", "Start it."),
    LinkReason.NO_DAEMON: (
        "Bluetooth service",
        "not running (nobody owns org.bluez)",
        "Start it; if there is none, install the package 'bluez'.",
    ),
    LinkReason.PERMISSION: (
        "Permission",
        "D-Bus denies this user the Bluetooth service (AccessDenied)",
        "Join the group 'bluetooth', then sign out and in again.",
    ),
    LinkReason.TIMEOUT: (
        "Bluetooth service",
        "does not answer as it should",
        "Restart it.",
    ),
}


def _unanswered(reason: LinkReason) -> Finding:
    name, text, advice = _UNANSWERED.get(reason, _UNANSWERED[LinkReason.TIMEOUT])
    if reason is LinkReason.PERMISSION:
        text = f"{text}; {_groups()}"
    return Finding(
        name=name, ok=False, text=text, advice=advice, commands=remedies(reason)
    )


def _permission() -> Finding:
    return Finding(name="Permission", ok=True, text=f"the service answers; {_groups()}")


def _groups() -> str:
    if sys.platform == "win32":
        return ""
    import grp

    if os.geteuid() == 0:
        return "running as root"
    try:
        group = grp.getgrnam("bluetooth")
    except KeyError:
        return "this system has no group 'bluetooth'"
    member = group.gr_gid in (*os.getgroups(), os.getegid())
    return f"this user is {'' if member else 'not '}in the group 'bluetooth'"


async def _bluez_version() -> str:
    # BlueZ does not tell it over D-Bus; its own tool does, where it is installed.
    try:
        process = await asyncio.create_subprocess_exec(
            "bluetoothctl",
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return "version unknown (bluetoothctl is not installed)"
    try:
        async with asyncio.timeout(VERSION_S):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return "version unknown (bluetoothctl does not answer)"
    number = out.decode(errors="replace").rpartition(":")[2].strip()
    return f"BlueZ {number}" if number else "version unknown"


# --- Linux: adapters and the straps they hold -----------------------------------


def _adapters(state: BlueZState, wanted: str | None) -> Iterator[Finding]:
    used = adapter_in_use(state.adapters, wanted)
    if not state.adapters:
        yield Finding(
            name="Adapter",
            ok=False,
            text="there is none",
            advice="Plug one in; if one is built in, look whether it is blocked.",
            commands=remedies(LinkReason.NO_ADAPTER),
        )
    elif used is None:
        names = ", ".join(each.name for each in state.adapters)
        yield Finding(
            name="Adapter",
            ok=False,
            text=f"{ADAPTER_VARIABLE} is '{wanted}', and there is no such adapter",
            advice=f"Name one of these, or remove the variable: {names}.",
            commands=(Command(platform="Linux", type=f"unset {ADAPTER_VARIABLE}"),),
        )
    for each in state.adapters:
        chosen = each is used
        words = [each.address, each.alias, "on" if each.powered else "off"]
        if not each.central:
            words.append("cannot connect to straps (no central role)")
        if chosen:
            words.append(
                f"used, because of {ADAPTER_VARIABLE}" if wanted else "the one used"
            )
        ok = not chosen or (each.powered and each.central)
        reason = LinkReason.NO_ADAPTER if each.powered else LinkReason.ADAPTER_OFF
        yield Finding(
            name=f"Adapter {each.name}",
            ok=ok,
            text=", ".join(filter(None, words)),
            advice=None
            if ok
            else (
                "Use another adapter for straps."
                if each.powered
                else "Switch it on; if it goes off again, look whether it is blocked."
            ),
            commands=() if ok else remedies(reason),
        )


def _held(state: BlueZState) -> Iterator[Finding]:
    for each in state.held:
        if each.listened:
            yield Finding(
                name="Strap in use",
                ok=True,
                text=f"{_called(each)} sends to a program here",
            )
        else:
            yield _leftover(each)
    if not state.held:
        yield Finding(name="Left connected", ok=True, text="no strap")


def _leftover(strap: StrapSeen) -> Finding:
    return Finding(
        name="Left connected",
        ok=False,
        text=f"{_called(strap)} is connected, and no program listens",
        advice=(
            "A program that ended badly left it so, and nobody else can find it. A "
            "session takes it over; to let it go, disconnect it."
        ),
        commands=(
            Command(platform="Linux", type=f"bluetoothctl disconnect {strap.address}"),
        ),
    )


def _called(strap: StrapSeen) -> str:
    return f"{strap.properties.get('Alias') or strap.name} ({strap.address})"
