"""What can go wrong, and what to do about it.

::

    BiofeedbackError            one sentence, one piece of advice, an exit code
    ├── WireError               bytes that no device should send
    ├── LinkError               the radio: carries a LinkReason
    ├── RecordingError          a file that cannot be read, written or trusted
    ├── StoreError              the data folder or its database (biofeedback.store)
    ├── SettingsError           an option or folder that cannot be used (exit 2)
    │   └── PackageError        an optional package that is not installed
    └── NotSoError              the thing asked for is not so (differs, absent)

Every message is a sentence for a person, with advice for what to do next. Mistakes
of a programmer stay ``ValueError`` and ``TypeError``.
"""

from __future__ import annotations

from biofeedback.model import LinkReason


class BiofeedbackError(Exception):
    """Something a person should be told, with what they can do about it."""

    exit_code = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class WireError(BiofeedbackError):
    """Bytes that cannot be what the characteristic promises."""


class RecordingError(BiofeedbackError):
    """A recording that cannot be read, written or trusted."""


class NotSoError(BiofeedbackError):
    """The thing asked for is not so: it differs, or is not there."""


class SettingsError(BiofeedbackError):
    """An option, folder or port that cannot be used as asked."""

    exit_code = 2


class PackageError(SettingsError):
    """A package that is not installed; ``extra`` of this program brings it.

    >>> PackageError("Reading EDF", "edfio", "formats").message
    'Reading EDF needs the package edfio.'
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package}.",
            f"Install it with: pip install 'biofeedback[{extra}]'.",
        )


ADVICE: dict[LinkReason, str] = {
    LinkReason.NO_BUS: (
        "This computer's Bluetooth cannot be reached, because D-Bus is not running. "
        "Start it, or practise with the simulated strap."
    ),
    LinkReason.NO_DAEMON: (
        "The Bluetooth service is not running. On Linux, type "
        "'sudo systemctl start bluetooth', then search again."
    ),
    LinkReason.NO_ADAPTER: (
        "This computer has no Bluetooth adapter. Plug one in, or practise with the "
        "simulated strap."
    ),
    LinkReason.ADAPTER_OFF: "Bluetooth is switched off. Switch it on and search again.",
    LinkReason.PERMISSION: (
        "This program may not use Bluetooth. Allow it in the system's privacy "
        "settings; on Linux, add yourself to the 'bluetooth' group and sign in again."
    ),
    LinkReason.NOT_FOUND: (
        "No strap was found. Moisten the electrodes, wear the strap, and close other "
        "apps that may be holding it."
    ),
    LinkReason.BUSY: (
        "Bluetooth or the strap is busy: another program or device may be using it. "
        "Close it there, then try again."
    ),
    LinkReason.TIMEOUT: "The strap did not answer in time. Move closer and try again.",
    LinkReason.PAIRING_NEEDED: (
        "The strap wants to be paired first. Pair it in the system's Bluetooth "
        "settings, then try again."
    ),
    LinkReason.LINK_LOST: (
        "The connection was lost. It is being restored by itself; stay close to the "
        "computer."
    ),
    LinkReason.SLOTS_FULL: (
        "The Bluetooth adapter cannot hold another connection. Disconnect a device "
        "you do not need."
    ),
    LinkReason.NO_HEART_RATE: (
        "This device does not offer the Heart Rate Service. Choose another strap."
    ),
    LinkReason.HR_ONLY: (
        "This strap sends a heart rate but no RR intervals, so there is no heart rate "
        "variability."
    ),
    LinkReason.FIRMWARE_OLD: (
        "This strap's firmware is too old for more than heart rate and RR intervals, "
        "which go on as usual."
    ),
    LinkReason.NO_DATA: (
        "Connected, but no data is coming. Press the strap flat against the skin."
    ),
    LinkReason.NO_CONTACT: (
        "The strap feels no skin. Moisten the electrodes and press it flat."
    ),
    LinkReason.STOPPED: "The session has ended.",
    LinkReason.INTERNAL: (
        "Something unexpected happened in the connection. It is being tried again; "
        "'biofeedback doctor' tells more."
    ),
}
"""What to do about each reason, in a sentence a tired person can follow."""


class LinkError(BiofeedbackError):
    """The radio or the strap is not there, with the reason and the advice.

    ``detail`` is what the system said: for a log, not for a person.
    """

    def __init__(self, reason: LinkReason, detail: str = "") -> None:
        super().__init__("", ADVICE[reason])
        self.reason = reason
        self.detail = detail
