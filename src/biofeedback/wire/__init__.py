"""Bytes to values and back, one characteristic a file.

Parsing never raises: a strap in use is not a place for exceptions. What is wrong with
a packet is listed beside what could be read, and the bytes themselves are kept by the
recording.
"""

from biofeedback.wire.battery import BatteryLevel
from biofeedback.wire.body_location import BodyLocation
from biofeedback.wire.device_information import DeviceInformation
from biofeedback.wire.heart_rate import Anomaly, HeartRateMeasurement

__all__ = [
    "Anomaly",
    "BatteryLevel",
    "BodyLocation",
    "DeviceInformation",
    "HeartRateMeasurement",
]
