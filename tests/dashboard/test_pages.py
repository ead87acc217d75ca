"""The dashboard's own tests and its size, as part of all tests."""

from __future__ import annotations

import gzip
import re
import subprocess

import msgspec
import pytest

from hatch_build import is_fresh, node_from_wheel, node_on_path
from tests.conftest import ROOT

DASHBOARD = ROOT / "dashboard"
DIST = DASHBOARD / "dist"
SCRIPT_BUDGET_BYTES = 60_000
OTHER_SCREEN_BYTES = 15_000
# The researcher's code has plots, and comes only with the researcher's pages; so does
# the therapist's, with three pages and what is done together.
SCREEN_BUDGET_BYTES = {
    "src/screens/research.ts": 45_000,
    "src/screens/room.ts": 30_000,
}

NO_NODE = (
    "The dashboard's own tests need Node.js 20.19 or newer on the PATH. The tests of "
    "the built page in a browser run without it."
)


class Chunk(msgspec.Struct, frozen=True, rename="camel"):
    """One script, as the build notes it."""

    file: str
    imports: tuple[str, ...] = ()
    dynamic_imports: tuple[str, ...] = ()


class Built(msgspec.Struct, frozen=True):
    """Which script needs which others."""

    chunks: dict[str, Chunk]

    @classmethod
    def read(cls) -> Built:
        noted = (DIST / ".vite" / "manifest.json").read_bytes()
        return cls(chunks=msgspec.json.decode(noted, type=dict[str, Chunk]))

    @property
    def languages(self) -> list[str]:
        """What a page needs before it says a word; other words come later."""
        own = re.compile(r"src/languages/[a-z]+\.ts")
        return [name for name in self.chunks if own.fullmatch(name)]

    @property
    def screens(self) -> tuple[str, ...]:
        return self.chunks["src/app.ts"].dynamic_imports

    def loaded_for(self, *names: str) -> frozenset[str]:
        """Return all files that must be there before these can run."""
        wanted, files = list(names), set()
        while wanted:
            chunk = self.chunks[wanted.pop()]
            if chunk.file not in files:
                files.add(chunk.file)
                wanted += chunk.imports
        return frozenset(files)


def packed(files: frozenset[str]) -> int:
    return sum(len(gzip.compress((DIST / file).read_bytes())) for file in files)


def test_what_is_served_was_built_from_these_sources() -> None:
    assert is_fresh(DASHBOARD), "Build it again: 'make run' does, or pip install -e ."


def test_a_practice_stays_within_its_budget() -> None:
    """With its words and all it imports, until the first breath can be taken."""
    pages = Built.read()
    before_the_words = " ".join(pages.loaded_for("index.html"))
    assert "shared" not in before_the_words, "it would read words that are not set"
    for language in pages.languages:
        loaded = pages.loaded_for("index.html", "src/app.ts", language)
        assert 0 < packed(loaded) <= SCRIPT_BUDGET_BYTES, language


def test_every_other_screen_stays_within_its_own() -> None:
    pages = Built.read()
    there = pages.loaded_for("index.html", "src/app.ts", *pages.languages)
    assert len(pages.screens) >= 10
    for screen in pages.screens:
        own = packed(pages.loaded_for(screen) - there)
        assert 0 < own <= SCREEN_BUDGET_BYTES.get(screen, OTHER_SCREEN_BYTES), screen
    later = [name for name in pages.chunks if name.startswith("src/languages/later/")]
    assert len(later) == len(pages.languages)
    for words in later:
        assert 0 < packed(pages.loaded_for(words)) <= OTHER_SCREEN_BYTES, words


def test_the_lock_file_names_no_registry() -> None:
    lock = (DASHBOARD / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in lock
    assert '"resolved": "http' not in lock


def test_the_dashboard_s_own_tests() -> None:
    node = node_on_path() or node_from_wheel()
    if node is None:
        pytest.skip(NO_NODE)
    done = subprocess.run(
        [node.node, node.npm_cli, "test"],
        cwd=DASHBOARD,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
