"""Which strap is ours: known by serial number or name, not by address alone.

On macOS an address is made up by the computer, and some straps change theirs (random
private addresses). Two straps of one model may bear the same name. So an address that
fits is enough to try, and what the strap says of itself decides.
"""

from __future__ import annotations

import re

from biofeedback.model import FoundStrap

EMPTY_NAME = "Heart rate strap"
"""What a strap is called that tells no name."""

_UNIT_NUMBER = re.compile(r"(?=[0-9a-f]*[0-9])[0-9a-f]{4,}$", re.IGNORECASE)


def has_unit_number(name: str) -> bool:
    """Say whether a name ends in the number of one unit, as in ``H10 1A2B3C4D``.

    >>> has_unit_number("Polar H10 1A2B3C4D"), has_unit_number("Polar H10")
    (True, False)
    """
    return _UNIT_NUMBER.search(name.strip()) is not None


class Identity:
    """What is known of the strap that one source is after. In memory only."""

    def __init__(self, wanted: FoundStrap) -> None:
        self.name = wanted.name
        self._address = wanted.address.casefold()
        # Asked for by an address, there may be no other name to know it by.
        named = wanted.name.casefold() != self._address and wanted.name != EMPTY_NAME
        self._full_name = wanted.name if self._address and named else ""
        self._serial: str | None = None
        self._aside: set[str] = set()

    def is_wanted(self, strap: FoundStrap) -> bool:
        """Say whether this is the strap as far as can be seen from outside.

        By its address; or, as long as it has not been met, by how its name begins.
        """
        address = strap.address.casefold()
        if address in self._aside:
            return False
        if self._address:
            return address == self._address
        return strap.name.casefold().startswith(self.name.casefold())

    def may_be(self, strap: FoundStrap) -> bool:
        """Say whether it may be the strap under another address: same full name."""
        if strap.address.casefold() in self._aside:
            return False
        return bool(self._full_name) and strap.name == self._full_name

    def accept(self, strap: FoundStrap, serial: str | None) -> bool:
        """Decide by what a connected strap says of itself; remember it if it is ours.

        One that is not is put aside and will not be tried again.
        """
        if self._knows(strap, serial):
            self._address = strap.address.casefold()
            self._serial = serial or self._serial
            if strap.name != EMPTY_NAME:
                self.name = self._full_name = strap.name
            return True
        self._aside.add(strap.address.casefold())
        return False

    def _knows(self, strap: FoundStrap, serial: str | None) -> bool:
        if self._serial is not None and serial is not None:
            return serial == self._serial
        if not self._address or strap.address.casefold() == self._address:
            return True
        return strap.name == self._full_name and has_unit_number(strap.name)
