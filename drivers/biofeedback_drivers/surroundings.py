"""What the files of a Linux system tell of switches, sandboxes and the computer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from biofeedback.session.findings import Command, Finding


def switches(root: Path) -> Iterator[Finding]:
    """Look whether a switch, or the airplane mode, silences a Bluetooth radio."""
    for each in sorted((root / "sys/class/rfkill").glob("rfkill*")):
        if _read(each / "type") != "bluetooth":
            continue
        name = _read(each / "name") or each.name
        if _read(each / "hard") == "1":
            yield Finding(
                name=f"Radio switch {name}",
                ok=False,
                text="blocked by a switch or key of this computer",
                advice="Use that switch or key; no program can undo it.",
                commands=(Command(platform="Linux", type="rfkill list bluetooth"),),
            )
        elif _read(each / "soft") == "1":
            yield Finding(
                name=f"Radio switch {name}",
                ok=False,
                text="blocked, as in airplane mode",
                advice="Unblock it.",
                commands=(Command(platform="Linux", type="rfkill unblock bluetooth"),),
            )
        else:
            yield Finding(name=f"Radio switch {name}", ok=True, text="not blocked")


def sandbox(root: Path, environ: Mapping[str, str], *, shut: bool) -> Iterator[Finding]:
    """Say that this runs in a sandbox; ``shut`` when Bluetooth cannot be reached."""
    snap, flatpak = environ.get("SNAP_NAME"), environ.get("FLATPAK_ID")
    if snap:
        what, line = f"the snap '{snap}'", f"sudo snap connect {snap}:bluez"
    elif flatpak:
        what = f"the Flatpak '{flatpak}'"
        line = f"flatpak override --user --system-talk-name=org.bluez {flatpak}"
    elif (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        what = "a container"
        line = (
            "docker run -v /run/dbus:/run/dbus:ro "
            "--security-opt apparmor=unconfined IMAGE"
        )
    elif "microsoft" in _read(root / "proc/sys/kernel/osrelease").lower():
        yield Finding(
            name="Sandbox",
            ok=not shut,
            text="this is Linux within Windows (WSL), without Bluetooth of its own",
            advice="Install and run biofeedback in Windows itself." if shut else None,
        )
        return
    else:
        return
    yield Finding(
        name="Sandbox",
        ok=not shut,
        text=f"this runs in {what}",
        advice="It must be allowed to talk to org.bluez on the system's D-Bus."
        if shut
        else None,
        commands=(Command(platform="Linux", type=line),) if shut else (),
    )


def computer(root: Path) -> Iterator[Finding]:
    """Say what is known of this computer's own radio."""
    model = _read(root / "proc/device-tree/model").rstrip("\0")
    if "Raspberry Pi" in model:
        yield Finding(
            name="Computer",
            ok=True,
            text=(
                f"{model}: its Wi-Fi and Bluetooth share one antenna. If straps drop "
                "or are not found, use the 5 GHz band, a cable, or a USB adapter"
            ),
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
