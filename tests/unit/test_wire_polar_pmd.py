"""Polar's control point and frames as real straps send them."""

from __future__ import annotations

import pytest

from biofeedback.wire.polar_pmd import (
    UNSET_CLOCK_NS,
    AccFrame,
    Command,
    EcgFrame,
    Features,
    Measurement,
    Op,
    PmdAnomaly,
    Ppi,
    PpiFrame,
    Response,
    Setting,
    Settings,
    Status,
    Stopped,
    UnknownControl,
    UnknownFrame,
    Unreadable,
    control_from_bytes,
    frame_from_bytes,
    get_settings,
    start,
    stop,
    to_unix_ns,
)

H10_ECG = Settings.of((Setting.RATE, 130), (Setting.RESOLUTION, 14))
H10_ACC = Settings.of(
    (Setting.RATE, (25, 50, 100, 200)),
    (Setting.RESOLUTION, 16),
    (Setting.RANGE, (2, 4, 8)),
)
STAMP = "00 94 35 77 00 00 00 00"  # 2 000 000 000 ns


def head(measurement: int, frame_type: int) -> str:
    return f"{measurement:02x} {STAMP} {frame_type:02x} "


# --- The control point --------------------------------------------------------


def test_an_h10_offers_ecg_and_acceleration() -> None:
    # All 17 bytes of it: polarofficial/polar-ble-sdk#360.
    features = Features.from_bytes(bytes.fromhex("0f 05") + bytes(15))
    assert features.measurements == {Measurement.ECG, Measurement.ACC}
    assert bytes(features) == bytes.fromhex("0f 05") + bytes(15)


def test_a_verity_sense_offers_five_measurements() -> None:
    features = Features.from_bytes(bytes.fromhex("0f 6e") + bytes(15))
    assert features.measurements == set(Measurement) - {Measurement.ECG}
    assert features.anomalies == ()


def test_features_that_nobody_knows_are_left_out() -> None:
    features = Features.from_bytes(bytes.fromhex("0f 91"))
    assert features.measurements == {Measurement.ECG}
    assert features.anomalies == (PmdAnomaly.RESERVED_BITS,)


@pytest.mark.parametrize("packet", ["", "0f", "f0 01 00 00"])
def test_bytes_that_are_no_features_offer_nothing(packet: str) -> None:
    features = Features.from_bytes(bytes.fromhex(packet))
    assert features.measurements == frozenset()
    assert features.anomalies == (PmdAnomaly.SHORT,)


COMMANDS = {
    "ask for the settings of the ecg": (
        get_settings(Measurement.ECG),
        "01 00",
        Command(op=Op.GET_SETTINGS, measurement=Measurement.ECG),
    ),
    "start the ecg of an h10": (
        start(Measurement.ECG, H10_ECG),
        "02 00 00 01 82 00 01 01 0e 00",
        Command(op=Op.START, measurement=Measurement.ECG, settings=H10_ECG),
    ),
    "start the acceleration of an h10": (
        start(
            Measurement.ACC,
            Settings.of(
                (Setting.RATE, 50), (Setting.RESOLUTION, 16), (Setting.RANGE, 8)
            ),
        ),
        "02 02 00 01 32 00 01 01 10 00 02 01 08 00",
        Command(
            op=Op.START,
            measurement=Measurement.ACC,
            settings=Settings.of(
                (Setting.RATE, 50), (Setting.RESOLUTION, 16), (Setting.RANGE, 8)
            ),
        ),
    ),
    "start the ppi, which has no settings": (
        start(Measurement.PPI),
        "02 03",
        Command(op=Op.START, measurement=Measurement.PPI),
    ),
    "stop the acceleration": (
        stop(Measurement.ACC),
        "03 02",
        Command(op=Op.STOP, measurement=Measurement.ACC),
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_written_and_read(name: str) -> None:
    written, packet, command = COMMANDS[name]
    assert written == bytes.fromhex(packet)
    assert Command.from_bytes(written) == command
    assert bytes(command) == written


def test_a_command_that_nobody_knows_keeps_its_numbers() -> None:
    command = Command.from_bytes(bytes.fromhex("2a 09"))
    assert (command.op, command.measurement) == (0x2A, 9)


@pytest.mark.parametrize(
    ("packet", "op", "measurement"), [("", None, None), ("02", Op.START, None)]
)
def test_a_short_command_is_read_as_far_as_it_goes(
    packet: str, op: Op | None, measurement: None
) -> None:
    command = Command.from_bytes(bytes.fromhex(packet))
    assert (command.op, command.measurement) == (op, measurement)
    assert command.anomalies == (PmdAnomaly.SHORT,)
    with pytest.raises(ValueError, match="names an operation"):
        bytes(command)


def test_an_h10_answers_with_the_settings_it_offers() -> None:
    packet = "f0 01 02 00 00 00 04 19 00 32 00 64 00 c8 00 01 01 10 00 "
    response = control_from_bytes(bytes.fromhex(packet + "02 03 02 00 04 00 08 00"))
    assert isinstance(response, Response)
    assert response.op is Op.GET_SETTINGS
    assert response.measurement is Measurement.ACC
    assert response.status is Status.OK
    assert response.more is False
    assert response.settings == H10_ACC
    assert response.settings.get(Setting.RANGE) == (2, 4, 8)
    assert response.settings.get(Setting.CHANNELS) == ()


RESPONSES = {
    "started, and not a byte more": ("f0 02 00 00", Status.OK, None, None),
    "started, nothing follows": ("f0 02 00 00 00", Status.OK, False, None),
    # 8 g over 15 bits: 0.244140625 mG a count.
    "started, with a factor": (
        "f0 02 02 00 00 05 01 00 00 7a 3e",
        Status.OK,
        False,
        0.244140625,
    ),
    "started, with a factor cut off": (
        "f0 02 02 00 00 05 01 00 00",
        Status.OK,
        False,
        None,
    ),
    "started, with a factor that is no number": (
        "f0 02 02 00 00 05 01 00 00 c0 7f",
        Status.OK,
        False,
        None,
    ),
    "already in state": ("f0 02 00 06 00", Status.ALREADY_IN_STATE, False, None),
    "in the charger": ("f0 02 00 0d", Status.IN_CHARGER, None, None),
    "a status that nobody knows": ("f0 02 00 63", 0x63, None, None),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_a_start_is_answered(name: str) -> None:
    packet, status, more, factor = RESPONSES[name]
    response = Response.from_bytes(bytes.fromhex(packet))
    assert (response.status, response.more, response.factor) == (status, more, factor)
    assert response.op is Op.START
    assert response.anomalies == ()
    assert bytes(response) == bytes.fromhex(packet)


@pytest.mark.parametrize("packet", ["f0", "f0 02", "f0 02 00"])
def test_a_cut_response_has_no_status(packet: str) -> None:
    response = Response.from_bytes(bytes.fromhex(packet))
    assert response.status is None
    assert response.anomalies == (PmdAnomaly.SHORT,)
    with pytest.raises(ValueError, match="names operation"):
        bytes(response)


def test_parameters_cannot_be_written_without_the_byte_before() -> None:
    response = Response(op=2, measurement=0, status=0, parameters=b"\1")
    with pytest.raises(ValueError, match="follow"):
        bytes(response)


def test_a_read_of_the_control_point_is_no_response() -> None:
    assert isinstance(control_from_bytes(bytes.fromhex("0f 05")), Features)
    assert Response.from_bytes(bytes.fromhex("0f 05 00 00")).status is None


def test_a_strap_says_that_it_stopped_by_itself() -> None:
    stopped = control_from_bytes(bytes.fromhex("01 00 02 09"))
    assert stopped == Stopped(measurements=(Measurement.ECG, Measurement.ACC, 9))
    assert bytes(stopped) == bytes.fromhex("01 00 02 09")


@pytest.mark.parametrize("data", [b"", b"\x55\xaa"])
def test_other_packets_of_the_control_point_are_kept(data: bytes) -> None:
    assert control_from_bytes(data) == UnknownControl(data=data)
    assert bytes(control_from_bytes(data)) == data


# --- Settings -------------------------------------------------------------------


def test_every_setting_has_its_size() -> None:
    settings = Settings.of(
        (Setting.RATE, 52),
        (Setting.RESOLUTION, 22),
        (Setting.RANGE, 8),
        (Setting.RANGE_MILLIUNIT, 1 << 31),
        (Setting.CHANNELS, 3),
        (Setting.FACTOR, Settings.factor_bits(1.0)),
        (Setting.SECURITY, 1 << 127),
    )
    data = settings.to_bytes()
    assert len(data) == 7 * 2 + 2 + 2 + 2 + 4 + 1 + 4 + 16
    assert Settings.from_bytes(data) == settings
    assert settings.factor == 1.0


def test_a_setting_of_an_unknown_type_ends_the_reading() -> None:
    settings = Settings.from_bytes(bytes.fromhex("00 01 82 00 07 01 00"))
    assert settings.values == ((Setting.RATE, (130,)),)
    assert settings.anomalies == (PmdAnomaly.UNKNOWN_SETTING,)


def test_of_a_cut_setting_the_whole_values_are_kept() -> None:
    settings = Settings.from_bytes(bytes.fromhex("00 04 19 00 32 00 64"))
    assert settings.values == ((Setting.RATE, (25, 50)),)
    assert settings.anomalies == (PmdAnomaly.SHORT,)


def test_a_setting_may_have_no_values() -> None:
    assert Settings.from_bytes(b"\0\0").values == ((Setting.RATE, ()),)


@pytest.mark.parametrize(
    "settings",
    [
        Settings.of((Setting.RATE, 65536)),
        Settings.of((Setting.RATE, -1)),
        Settings.of((Setting.CHANNELS, range(256))),
    ],
)
def test_a_setting_that_cannot_be_sent_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="not a setting"):
        settings.to_bytes()


# --- Frames -----------------------------------------------------------------------

FRAMES = {
    "h10 ecg, int24 in microvolt": (
        head(0, 0) + "02 80 ff 02 80 00 ff ff 7f 00 00 80",
        EcgFrame(device_ns=2_000_000_000, samples=(-32766, 32770, 8388607, -8388608)),
    ),
    "h10 acceleration, int16 in mG": (
        head(2, 1) + "10 00 f0 ff e8 03 00 80 ff 7f ff ff",
        AccFrame(
            device_ns=2_000_000_000, samples=((16, -16, 1000), (-32768, 32767, -1))
        ),
    ),
    "acceleration, int8": (
        head(2, 0) + "80 7f ff",
        AccFrame(device_ns=2_000_000_000, samples=((-128, 127, -1),), frame_type=0),
    ),
    "acceleration, int24": (
        head(2, 2) + "00 00 80 ff ff 7f 01 00 00",
        AccFrame(
            device_ns=2_000_000_000, samples=((-8388608, 8388607, 1),), frame_type=2
        ),
    ),
    # Reference (-1, 0, 1000); two differences of 3 bits: (1, -1, 3), (-4, 0, 2).
    "verity acceleration, as differences": (
        head(2, 0x81) + "ff ff 00 00 e8 03 03 02 f9 08 01",
        AccFrame(
            device_ns=2_000_000_000,
            samples=((-1, 0, 1000), (0, -1, 1003), (-4, -1, 1005)),
            compressed=True,
        ),
    ),
    "verity acceleration in g, one sample": (
        head(2, 0x80) + "01 00 02 00 03 00",
        AccFrame(
            device_ns=2_000_000_000,
            samples=((1, 2, 3),),
            frame_type=0,
            compressed=True,
        ),
    ),
    "verity ppi, still and moving": (
        head(3, 0) + "3c e8 03 0a 00 06 48 20 03 64 00 01",
        PpiFrame(
            device_ns=2_000_000_000,
            samples=(
                Ppi(
                    hr_bpm=60,
                    pp_ms=1000,
                    error_ms=10,
                    contact=True,
                    contact_supported=True,
                ),
                Ppi(hr_bpm=72, pp_ms=800, error_ms=100, blocker=True),
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read_and_written(name: str) -> None:
    packet, expected = FRAMES[name]
    assert frame_from_bytes(bytes.fromhex(packet)) == expected
    assert bytes(expected) == bytes.fromhex(packet)


ODD = {
    "ecg, tail of two bytes": (head(0, 0) + "01 00 00 02 00", PmdAnomaly.ODD_TAIL),
    "ecg, no samples": (head(0, 0), PmdAnomaly.EMPTY),
    "acceleration, two axes only": (head(2, 1) + "01 00 02 00", PmdAnomaly.ODD_TAIL),
    "ppi, cut": (head(3, 0) + "3c e8 03", PmdAnomaly.ODD_TAIL),
    "ppi, flags nobody knows": (
        head(3, 0) + "3c e8 03 0a 00 80",
        PmdAnomaly.RESERVED_BITS,
    ),
    "recording type in the high bits": (
        head(0x40, 0) + "01 00 00",
        PmdAnomaly.RESERVED_BITS,
    ),
    "differences, empty": (head(2, 0x81), PmdAnomaly.EMPTY),
    "differences, half a reference": (head(2, 0x81) + "01 00", PmdAnomaly.SHORT),
    "differences, half a block head": (
        head(2, 0x81) + "01 00 02 00 03 00 04",
        PmdAnomaly.ODD_TAIL,
    ),
    "differences, block cut off": (
        head(2, 0x81) + "01 00 02 00 03 00 08 02 01 01 01",
        PmdAnomaly.SHORT,
    ),
    "differences of no bits": (
        head(2, 0x81) + "01 00 02 00 03 00 00 ff",
        PmdAnomaly.DELTA_WIDTH,
    ),
    "differences of 33 bits": (
        head(2, 0x81) + "01 00 02 00 03 00 21 01" + " 00" * 13,
        PmdAnomaly.DELTA_WIDTH,
    ),
    "differences that leave the range": (
        head(2, 0x81) + "ff 7f 00 00 00 00 08 01 01 00 00",
        PmdAnomaly.OUT_OF_RANGE,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_frame_is_read_as_far_as_it_goes(name: str) -> None:
    packet, anomaly = ODD[name]
    frame = frame_from_bytes(bytes.fromhex(packet))
    assert frame.anomalies == (anomaly,)
    assert frame.device_ns == 2_000_000_000
    assert not isinstance(frame, UnknownFrame)
    assert len(frame.samples) <= 1


UNKNOWN = {
    "empty": ("", Unreadable.SHORT),
    "nine bytes": (f"00 {STAMP}", Unreadable.SHORT),
    "ppg": (head(1, 0) + "01 00 00", Unreadable.MEASUREMENT),
    "gyroscope": (head(5, 0x80) + "01 00", Unreadable.MEASUREMENT),
    "measurement 4": (head(4, 0), Unreadable.MEASUREMENT),
    "ecg with contact impedance": (head(0, 1) + "01 00 00", Unreadable.FRAME_TYPE),
    "ecg as differences": (head(0, 0x80) + "01 00 00", Unreadable.FRAME_TYPE),
    "acceleration of type 5": (head(2, 5) + "01 00", Unreadable.FRAME_TYPE),
    "ppi of type 1": (head(3, 1) + "01", Unreadable.FRAME_TYPE),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_frame_that_nobody_can_read_is_kept_with_the_reason(name: str) -> None:
    packet, reason = UNKNOWN[name]
    frame = frame_from_bytes(bytes.fromhex(packet))
    assert isinstance(frame, UnknownFrame)
    assert frame.reason is reason
    assert bytes(frame) == bytes.fromhex(packet)


SDK_DELTAS = bytes.fromhex(
    "C9FF12001100030941FE2B0F9C0BBF15004F00041EF1EF00F0C123E4EDF4D1F1F1F5FF22DE3100F1"
    "FE21021F0E2B1F00E220000E02E11E20FFF1F102C5D002E0E102030A312EFBBA902BAA0E23409E03"
    "0414E3EFF30F021F01E00F049E13E2D004E222E2C20E200F2002FE000F1C32EE030A890007087C00"
    "CE2FE83A9E03041E010011194F002F12FD13FF0E100000F1C012E4EF21000001F1FFFF0210102B51"
    "0B4E31FC2EBF3114EC0E2F52EF030A069E040E02A888EEE0079A00040A1F211E4E2EFEC6C002EF03"
    "0102EE11030AF8130000F040BFA5E7007600"
)
"""The dump in polar-ble-sdk's ``BlePmdClientParsersTest``: 140 samples."""


def test_the_dump_of_the_sdk_reads_as_the_sdk_reads_it() -> None:
    frame = frame_from_bytes(bytes.fromhex(head(2, 0x81)) + SDK_DELTAS)
    assert isinstance(frame, AccFrame)
    assert frame.anomalies == ()
    assert len(frame.samples) == 140
    assert frame.samples[:2] == ((-55, 18, 17), (-54, 18, 18))


def test_counts_become_milli_g() -> None:
    samples = ((4, -8, 4096),)
    assert AccFrame(device_ns=0, samples=samples).milli_g() == samples
    verity = AccFrame(device_ns=0, samples=samples, compressed=True)
    assert verity.milli_g(0.244140625) == ((1, -2, 1000),)
    in_g = AccFrame(device_ns=0, samples=samples, compressed=True, frame_type=0)
    assert in_g.milli_g(1 / 4096) == ((1, -2, 1000),)


@pytest.mark.parametrize(
    "frame",
    [
        EcgFrame(device_ns=0, samples=(1 << 23,)),
        EcgFrame(device_ns=-1, samples=()),
        EcgFrame(device_ns=1 << 64, samples=()),
        AccFrame(device_ns=0, samples=((1 << 15, 0, 0),)),
        AccFrame(device_ns=0, samples=((1 << 15, 0, 0),), compressed=True),
        AccFrame(device_ns=0, samples=((0, 0, 0), (1 << 15, 0, 0)), compressed=True),
        AccFrame(device_ns=0, samples=(), frame_type=3),
        AccFrame(device_ns=0, samples=(), frame_type=2, compressed=True),
        PpiFrame(device_ns=0, samples=(Ppi(hr_bpm=256, pp_ms=0, error_ms=0),)),
    ],
)
def test_what_cannot_be_a_frame_is_refused(frame: EcgFrame | AccFrame) -> None:
    with pytest.raises(ValueError, match=r"fit|no ACC frame"):
        bytes(frame)


def test_the_clock_of_a_strap_starts_in_2000_and_unset_in_2019() -> None:
    assert to_unix_ns(0) == 946_684_800 * 10**9
    assert to_unix_ns(UNSET_CLOCK_NS) == 1_546_300_800 * 10**9  # 2019-01-01T00:00:00Z
