"""Polar's control point: commands go in, responses come out, features are read.

A command is an operation, a measurement and settings. A response is ``F0``, the
operation and the measurement it answers, a status, whether more follows, and
parameters. A read gives ``0F`` and a bitmap of what the strap can measure; on BlueZ it
may arrive as a notification too. A strap that stops by itself sends ``01`` and the
measurements (polar-ble-sdk, ``online_measurement.pdf``, ``BlePMDClient.kt``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from biofeedback.model import Value
from biofeedback.wire.polar_pmd_settings import Measurement, PmdAnomaly, Settings

RESPONSE = 0xF0
FEATURES = 0x0F
STOPPED = 0x01

FEATURES_LENGTH = 17
"""Bytes of a features read: straps fill it up with zeros."""


class Op(IntEnum):
    """The operations of the control point."""

    GET_SETTINGS = 1
    START = 2
    STOP = 3
    GET_SDK_SETTINGS = 4
    GET_STATUS = 5


class Status(IntEnum):
    """How the strap answers a command (``PmdControlPointResponse.kt``)."""

    OK = 0
    INVALID_OP = 1
    INVALID_MEASUREMENT = 2
    NOT_SUPPORTED = 3
    INVALID_LENGTH = 4
    INVALID_PARAMETER = 5
    ALREADY_IN_STATE = 6
    INVALID_RESOLUTION = 7
    INVALID_RATE = 8
    INVALID_RANGE = 9
    INVALID_MTU = 10
    INVALID_CHANNELS = 11
    INVALID_STATE = 12
    IN_CHARGER = 13
    DISK_FULL = 14


_OPS = {int(each): each for each in Op}
_STATUSES = {int(each): each for each in Status}
_MEASUREMENTS = {int(each): each for each in Measurement}


def get_settings(measurement: int) -> bytes:
    """Write the question which settings a measurement offers."""
    return bytes(Command(op=Op.GET_SETTINGS, measurement=measurement))


def start(measurement: int, settings: Settings | None = None) -> bytes:
    """Write the command that starts a measurement with one value of each setting.

    >>> from biofeedback.wire.polar_pmd_settings import Setting
    >>> chosen = Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14))
    >>> start(Measurement.ECG, chosen).hex(" ")
    '02 00 00 01 82 00 01 01 0e 00'
    """
    return bytes(
        Command(op=Op.START, measurement=measurement, settings=settings or Settings())
    )


def stop(measurement: int) -> bytes:
    """Write the command that stops a measurement."""
    return bytes(Command(op=Op.STOP, measurement=measurement))


class Command(Value, frozen=True):
    """What a host wrote; ``None`` for what the packet was too short to hold.

    ``op`` is an :class:`Op` and ``measurement`` a :class:`Measurement` where these
    are known, and otherwise the number that was sent.
    """

    op: int | None
    measurement: int | None = None
    settings: Settings = Settings()
    anomalies: tuple[PmdAnomaly, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> Command:
        """Read a command. Never raises.

        >>> Command.from_bytes(bytes.fromhex("0300")).op
        <Op.STOP: 3>
        """
        settings = Settings.from_bytes(data[2:])
        short = (PmdAnomaly.SHORT,) if len(data) < 2 else ()
        return cls(
            op=_OPS.get(data[0], data[0]) if data else None,
            measurement=_measurement(data, 1),
            settings=settings,
            anomalies=(*short, *settings.anomalies),
        )

    def __bytes__(self) -> bytes:
        """Write the command.

        Raises
        ------
        ValueError
            If a number does not fit, or the operation or measurement is missing.
        """
        if self.op is None or self.measurement is None:
            raise ValueError("a command names an operation and a measurement")
        return bytes((self.op, self.measurement)) + self.settings.to_bytes()


class Features(Value, frozen=True):
    """What a strap can measure, as read from its control point."""

    measurements: frozenset[Measurement]
    anomalies: tuple[PmdAnomaly, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> Features:
        """Read the features; none when these bytes are no features. Never raises.

        >>> sorted(m.name for m in Features.from_bytes(bytes.fromhex("0f05"))
        ...     .measurements)
        ['ACC', 'ECG']
        """
        if len(data) < 2 or data[0] != FEATURES:
            return cls(measurements=frozenset(), anomalies=(PmdAnomaly.SHORT,))
        known = frozenset(each for each in Measurement if data[1] >> each & 1)
        reserved = data[1] & ~sum(1 << each for each in Measurement)
        return cls(
            measurements=known,
            anomalies=(PmdAnomaly.RESERVED_BITS,) if reserved else (),
        )

    def __bytes__(self) -> bytes:
        """Write the features as a strap does, filled up with zeros."""
        bitmap = sum(1 << each for each in self.measurements)
        return bytes((FEATURES, bitmap)).ljust(FEATURES_LENGTH, b"\0")


class Response(Value, frozen=True):
    """The answer to one command; ``None`` for what was not in the packet.

    The answer to a start may end after the status, or hold a ``FACTOR`` alone
    (zHElEARN/polar-python#4). ``op``, ``measurement`` and ``status`` are members of
    their enumerations where these are known, and otherwise the number that was sent.
    """

    op: int | None
    measurement: int | None
    status: int | None
    more: bool | None = None
    parameters: bytes = b""
    anomalies: tuple[PmdAnomaly, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> Response:
        """Read a response. Never raises."""
        odd = () if len(data) >= 4 and data[0] == RESPONSE else (PmdAnomaly.SHORT,)
        if data[:1] != bytes((RESPONSE,)):
            return cls(op=None, measurement=None, status=None, anomalies=odd)
        return cls(
            op=_OPS.get(data[1], data[1]) if len(data) > 1 else None,
            measurement=_measurement(data, 2),
            status=_STATUSES.get(data[3], data[3]) if len(data) > 3 else None,
            more=bool(data[4]) if len(data) > 4 else None,
            parameters=bytes(data[5:]),
            anomalies=odd,
        )

    def __bytes__(self) -> bytes:
        """Write the response.

        Raises
        ------
        ValueError
            If a number does not fit, or something before another is missing.
        """
        if self.op is None or self.measurement is None or self.status is None:
            raise ValueError("a response names operation, measurement and status")
        if self.more is None and self.parameters:
            raise ValueError("parameters follow the 'more' byte")
        more = b"" if self.more is None else bytes((self.more,))
        head = bytes((RESPONSE, self.op, self.measurement, self.status))
        return head + more + self.parameters

    @property
    def settings(self) -> Settings:
        """The parameters as settings, as far as they can be read so."""
        return Settings.from_bytes(self.parameters)

    @property
    def factor(self) -> float | None:
        """By what the counts of the frames are multiplied, if a start says so."""
        return self.settings.factor


class Stopped(Value, frozen=True):
    """The strap stopped these measurements by itself; none named: all."""

    measurements: tuple[int, ...]

    @classmethod
    def from_bytes(cls, data: bytes) -> Stopped:
        """Read what follows the first byte. Never raises."""
        return cls(
            measurements=tuple(_MEASUREMENTS.get(each, each) for each in data[1:])
        )

    def __bytes__(self) -> bytes:
        return bytes((STOPPED, *self.measurements))


class UnknownControl(Value, frozen=True):
    """A packet of the control point that is none of the others."""

    data: bytes

    def __bytes__(self) -> bytes:
        return self.data


Control: TypeAlias = Response | Features | Stopped | UnknownControl


def control_from_bytes(data: bytes) -> Control:
    """Read whatever the control point sent or was read as. Never raises.

    >>> control_from_bytes(bytes.fromhex("f0030000")).status
    <Status.OK: 0>
    """
    match data[0] if data else None:
        case 0xF0:
            return Response.from_bytes(data)
        case 0x0F:
            return Features.from_bytes(data)
        case 0x01:
            return Stopped.from_bytes(data)
        case _:
            return UnknownControl(data=bytes(data))


def _measurement(data: bytes, at: int) -> int | None:
    if at >= len(data):
        return None
    number = data[at] & 0x3F  # the two high bits tell offline recordings apart
    return _MEASUREMENTS.get(number, number)
