"""``docs/straps.md`` says what is so: every profile, every fault, every test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from biofeedback.model import LinkReason, LinkState
from biofeedback.wire.profiles import PLAIN, PROFILES, StrapProfile

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "straps.md"
FAULTS = range(1, 65)
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)


def profile_rows() -> list[str]:
    """Return the table of profiles as it must stand on the page."""
    head = "| strap | RR | latency | contact | links | beside | quirks | hint |"
    rows = [_profile_row(profile) for profile in (*PROFILES, PLAIN)]
    return [head, "|---" * 8 + "|", *rows]


def _profile_row(profile: StrapProfile) -> str:
    cells = (
        f"{profile.label} (`{profile.id}`)",
        profile.rr,
        "–" if profile.latency_ms is None else f"{profile.latency_ms} ms",
        profile.contact,
        str(profile.links),
        ", ".join(profile.signals) or "–",
        " ".join(profile.quirks) or "–",
        profile.hint,
    )
    return f"| {' | '.join(cells)} |"


def existing() -> set[str]:
    """Return the names of all tests of the fault list."""
    return {
        node.name
        for file in HERE.glob("test_faults_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_fault_")
    }


def told() -> dict[int, tuple[str, set[str]]]:
    """Return what the page says of each fault: states and reasons, and its tests."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {
        int(number): (f"{state} {reason}", set(re.findall(r"`(test_\w+)`", tests)))
        for number, _, state, reason, tests in rows
    }


def test_the_table_of_profiles_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in profile_rows():
        assert row in page, f"put this row into {PAGE.name}: {row}"


def test_every_fault_is_in_the_table_with_a_test_of_its_number() -> None:
    rows = told()
    assert sorted(rows) == list(FAULTS)
    for number, (_, tests) in rows.items():
        assert tests, f"fault {number} has no test"
        assert all(test.startswith(f"test_fault_{number:02}_") for test in tests)


def test_every_named_test_exists_and_every_test_is_named() -> None:
    named = {test for _, tests in told().values() for test in tests}
    assert named == existing()


def test_what_a_person_sees_is_told_in_our_own_words() -> None:
    words = {*LinkState, *LinkReason}
    for number, (seen, _) in told().items():
        assert words & set(re.findall(r"\w+", seen)), f"fault {number}: {seen}"
