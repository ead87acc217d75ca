"""Models of straps as data: what each says of itself, and how its packets look.

The names are those they advertise; ``id`` is that of
:mod:`biofeedback.wire.profiles` where a profile exists. What is peculiar to a model
was reported by its users; the profiles name the sources.
"""

from __future__ import annotations

from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.simulator.bluez_objects import Make
from biofeedback.simulator.bluez_strap import VirtualStrap
from biofeedback.simulator.body import Body
from biofeedback.simulator.pmd_make import H10_PMD, OPTICAL_PMD
from biofeedback.wire import BodyLocation, DeviceInformation
from biofeedback.wire.heart_rate import MAX_RR, HeartRateMeasurement

EXTRA_RR = 53
"""What a Garmin strap adds, in 1/1024 s (Garmin developer forum 319496)."""


class PacketStyle(Value, frozen=True):
    """How a model fills 0x2A37.

    ``contact`` is what the contact bits say on skin; ``None``: not supported. Every
    ``extra_rr_every`` packets with RR, an interval that no heart made is added.
    """

    rr: bool = True
    contact: bool | None = None
    wide: bool = False
    energy: bool = False
    extra_rr_every: int | None = None

    def dress(self, data: bytes, number: int) -> bytes:
        """Return the packet as this model would have sent its ``number``-th."""
        plain = HeartRateMeasurement.from_bytes(data)
        rr = plain.rr_1024 if self.rr else None
        every = self.extra_rr_every
        if rr and every and number % every == 0 and len(rr) < MAX_RR:
            rr = (*rr, EXTRA_RR)
        # About a kilojoule in eleven beats' time at rest; only that it grows matters.
        energy_kj = number // 10 % 0x10000 if self.energy else None
        return bytes(
            HeartRateMeasurement(
                hr_bpm=plain.hr_bpm,
                contact=self.contact,
                energy_kj=energy_kj,
                rr_1024=rr,
                wide=self.wide or plain.wide,
            )
        )


class StrapModel(Value, frozen=True):
    """A model: ``called`` is its advertised name around its ``number``."""

    id: str
    label: str
    called: str
    make: Make
    style: PacketStyle = PacketStyle()

    def name(self, number: int = 1) -> str:
        """Return the name that the ``number``-th of them advertises."""
        return self.called.format(number)

    def strap(
        self,
        number: int = 1,
        *,
        address: str | None = None,
        name: str | None = None,
        body: Body | None = None,
        near: str | None = None,
    ) -> VirtualStrap:
        """Return the ``number``-th of them, with an address of its own.

        The packets that it is given are dressed as this model sends them.
        """
        strap = VirtualStrap(
            address=address or address_of(number),
            name=self.name(number) if name is None else name,
            make=self.make,
            body=body,
            near=near,
        )
        strap.dress = self.style.dress
        return strap


def address_of(number: int) -> str:
    """Return the address of the ``number``-th strap.

    >>> address_of(1), address_of(258)
    ('A0:9E:1A:00:00:01', 'A0:9E:1A:00:01:02')
    """
    return f"A0:9E:1A:00:{number >> 8 & 0xFF:02X}:{number & 0xFF:02X}"


def _information(manufacturer: str, model: str, firmware: str) -> DeviceInformation:
    return DeviceInformation(
        manufacturer=manufacturer, model=model, serial="00000001", firmware=firmware
    )


_TRUSTED = PacketStyle(contact=True)

MODELS: dict[str, StrapModel] = {
    model.id: model
    for model in (
        StrapModel(
            id="polar_h10",
            label="Polar H10",
            called="Polar H10 {:08X}",
            make=Make(pmd=H10_PMD),
        ),
        StrapModel(
            id="polar_h9",
            label="Polar H9",
            called="Polar H9 {:08X}",
            make=Make(information=_information("Polar Electro Oy", "H9", "2.2.0")),
        ),
        StrapModel(
            id="polar_h7",
            label="Polar H7",
            called="Polar H7 {:08X}",
            make=Make(information=_information("Polar Electro Oy", "H7", "1.4.0")),
            style=_TRUSTED,
        ),
        StrapModel(
            id="polar_optical",
            label="Polar Verity Sense",
            called="Polar Sense {:08X}",
            make=Make(
                information=_information("Polar Electro Oy", "Polar Sense", "2.1.0"),
                location=BodyLocation.OTHER,
                pmd=OPTICAL_PMD,
            ),
            style=PacketStyle(rr=False, contact=True),
        ),
        StrapModel(
            id="garmin_hrm",
            label="Garmin HRM-Dual",
            called="HRM-Dual:{:06d}",
            make=Make(information=_information("Garmin", "HRM-Dual", "2.80")),
            style=PacketStyle(extra_rr_every=3),
        ),
        StrapModel(
            id="wahoo",
            label="Wahoo TICKR",
            called="TICKR {:04X}",
            make=Make(information=_information("Wahoo Fitness", "TICKR", "2.9.15")),
            style=_TRUSTED,
        ),
        StrapModel(
            id="movesense",
            label="Movesense",
            called="Movesense {:012d}",
            make=Make(information=_information("Suunto", "Movesense", "2.0.0")),
        ),
        StrapModel(
            id="coospo",
            label="CooSpo H808",
            called="H808S {:07d}",
            make=Make(information=_information("CooSpo", "H808S", "1.3.0")),
            style=PacketStyle(contact=True, wide=True, energy=True),
        ),
        StrapModel(
            id="decathlon",
            label="Decathlon Dual HR",
            called="Decathlon Dual HR",
            make=Make(information=_information("Decathlon", "Dual HR", "1.0.4")),
            style=_TRUSTED,
        ),
        StrapModel(
            id="heart_rate",
            label="Plain heart rate strap",
            called="HR {:04d}",
            make=Make(information=None, battery_pct=None, location=None),
        ),
    )
}
"""Every model by its id."""

PLAIN = MODELS["heart_rate"]


def model_named(id: str) -> StrapModel:
    """Return the model called ``id``.

    Raises
    ------
    SettingsError
        When there is none, naming those there are.
    """
    try:
        return MODELS[id]
    except KeyError:
        raise SettingsError(
            f"There is no simulated strap of the model '{id}'.",
            f"Choose one of: {', '.join(MODELS)}.",
        ) from None
