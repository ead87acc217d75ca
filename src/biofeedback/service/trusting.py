"""How a device is told to trust this computer, in a few lines at the terminal."""

from __future__ import annotations

import datetime as dt

from biofeedback.service.machine import address_of
from biofeedback.service.tls import Shown
from biofeedback.settings import Settings

CA_PATH = "/ca.crt"

STEPS = (
    "  Android: Settings, look for 'CA certificate', install the file.",
    "  iPhone, iPad: Settings > Profile Downloaded > Install; then General > About > "
    "Certificate Trust Settings > on.",
    "  Windows: open the file > Install Certificate > Current User > Trusted Root "
    "Certification Authorities.",
    "  macOS: open the file in Keychain Access > Get Info > Trust > Always Trust.",
    "  Linux: Chrome: chrome://certificate-manager > Installed by you; Firefox: "
    "Settings > View Certificates > Authorities > Import; tick 'websites'.",
)


def told(settings: Settings, files: Shown, now: dt.datetime) -> tuple[str, ...]:
    """Return what to say of the certificate when the service begins, a line each."""
    return (*_also_at(settings), *_of_the_certificate(settings, files, now))


def _also_at(settings: Settings) -> tuple[str, ...]:
    lan = settings.lan
    addresses = [name for name in lan.names if address_of(name)] if lan else []
    if lan is None or not addresses:
        return ()
    urls = " or ".join(map(settings.url_at, addresses))
    return (f"Where '{lan.name}' is not found, open {urls} instead.",)


def _of_the_certificate(
    settings: Settings, files: Shown, now: dt.datetime
) -> tuple[str, ...]:
    if files.authority is None:
        days = (files.until - now).days
        ends = f"Its certificate is good until {files.until:%Y-%m-%d}"
        return (f"{ends}, {days} days." if days < 30 else f"{ends}.",)
    if not files.is_new:
        return (f"Fingerprint (SHA-256) of its certificate: {files.fingerprint}",)
    return (
        "Every device must be told once to trust this computer (docs/lan.md has each "
        f"step): open {settings.url.rstrip('/')}{CA_PATH} there, pass the warning, and "
        "compare the fingerprint (SHA-256) before you trust it:",
        f"  {files.fingerprint}",
        *STEPS,
    )
