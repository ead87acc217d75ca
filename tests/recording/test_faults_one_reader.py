"""Recordings are read in one place, which checks every checksum.

The readers of the ``mcap`` package do so only when asked, and metadata never: a module
that opened a recording with one would hand out wrong numbers without knowing it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import biofeedback
import biofeedback_drivers

SOURCES = tuple(
    Path(package.__file__ or "").parent
    for package in (biofeedback, biofeedback_drivers)
)

# What may take bytes apart, and what only puts them together.
ALLOWED = {
    "recording/frames.py": {"mcap.data_stream", "mcap.opcode", "mcap.records"},
    "recording/walk.py": {"mcap.opcode", "mcap.records"},
    "recording/tail.py": {"mcap.opcode"},
    "recording/dense.py": {"mcap.data_stream", "mcap.opcode", "mcap.records"},
    "recording/layout.py": {"mcap.writer"},
    "recording/writer.py": {"mcap.writer"},
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield every module of ``mcap`` that is imported, by whatever way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            if module == "mcap":  # from mcap import reader
                yield from (f"mcap.{alias.name}" for alias in node.names)
            else:
                yield module
        elif isinstance(node, ast.Call):  # import_module("mcap.reader")
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)
            )


def test_only_the_recording_package_takes_mcap_files_apart() -> None:
    found: dict[str, set[str]] = {}
    for folder in SOURCES:
        for path in folder.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "mcap" not in text:
                continue
            names = set(imports(ast.parse(text)))
            used = {n for n in names if n == "mcap" or n.startswith("mcap.")}
            if used:
                found[path.relative_to(folder).as_posix()] = used
    assert found == ALLOWED


def test_every_way_to_import_is_seen() -> None:
    ways = (
        "import mcap.reader",
        "from mcap.reader import make_reader",
        "from mcap import reader",
        "def f():\n    from mcap.reader import make_reader",
        "import importlib\nimportlib.import_module('mcap.reader')",
        "__import__('mcap.reader')",
    )
    for way in ways:
        assert "mcap.reader" in set(imports(ast.parse(way))), way
