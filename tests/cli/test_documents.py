"""What the pages promise: every reason has its paragraph, every file its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from biofeedback.model import LinkReason
from biofeedback.session.findings import PLATFORMS, remedies

ROOT = Path(__file__).parents[2]
TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
DRIVERS = ROOT / "drivers"

NOTHING_TO_TYPE = {
    LinkReason.NOT_FOUND,
    LinkReason.LINK_LOST,
    LinkReason.NO_HEART_RATE,
    LinkReason.HR_ONLY,
    LinkReason.FIRMWARE_OLD,
    LinkReason.NO_DATA,
    LinkReason.NO_CONTACT,
    LinkReason.STOPPED,
    LinkReason.INTERNAL,
}
"""Reasons that lie with the strap or the air, where no command helps."""


def test_every_reason_has_its_paragraph() -> None:
    told = dict(re.findall(r"^- \*\*`(\w+)`\*\*: (.+)$", TROUBLES, re.MULTILINE))
    assert list(told) == [reason.value for reason in LinkReason]
    assert all(len(text) > 30 for text in told.values())


@pytest.mark.parametrize("reason", LinkReason)
def test_what_to_type_is_known_on_every_system(reason: LinkReason) -> None:
    platforms = {command.platform for command in remedies(reason)}
    assert platforms == (set() if reason in NOTHING_TO_TYPE else set(PLATFORMS))


def test_every_link_within_the_page_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", TROUBLES, re.MULTILINE)
    places = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles
    }
    links = re.findall(r"\]\(#([^)]+)\)", TROUBLES)
    assert links
    assert set(links) <= places


def test_the_drivers_page_lists_every_file() -> None:
    page = (DRIVERS / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+\.py)` \|", page, re.MULTILINE)
    there = {path.name for path in (DRIVERS / "biofeedback_drivers").glob("*.py")}
    assert sorted(listed) == sorted(there - {"__init__.py"})
