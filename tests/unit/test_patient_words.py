"""What Python says to a patient: short, calm, no word on doses, no claim, no blame.

The pages show the service's own sentences (`docs/words.md`). The words that may not be
said are one list for the pages and for this: ``dashboard/tests/forbidden.json``.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from biofeedback.errors import ADVICE
from biofeedback.practice.plan_library import packaged
from biofeedback.service.problems import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_SOURCES = _ROOT / "src/biofeedback"
_ENGLISH = json.loads((_ROOT / "dashboard/tests/forbidden.json").read_text("utf-8"))[
    "en"
]
_LONGEST_WORDS = 15
_LONGEST_BELOW = 20
"""Below the service, whose sentences name files and commands, and for ADVICE: that
stands in recordings, so a shorter one would make each older replay differ."""
_HARDEST_GRADE = 6
_TELLS = re.compile(r"(Problem|[A-Z]\w+Error|Trouble|_refuse)$")
"""What a sentence for a person is given to, wherever it is raised."""
_MISTAKES = {"ValueError", "TypeError", "ConnectionError", "DecodeError"}
"""These are for programmers: no page shows them."""


def _sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.?])\s+", text) if one.strip()]


def _faults(text: str, longest: int = _LONGEST_WORDS) -> list[str]:
    """Return what is amiss with ``text``, in words."""
    found = ["an exclamation mark"] if "!" in text else []
    for sentence in _sentences(text):
        count = len(sentence.split())
        if count > longest:
            found.append(f"{count} words: {sentence}")
        for what, patterns in _ENGLISH["patterns"].items():
            hits = (re.search(one, sentence, re.IGNORECASE) for one in patterns)
            found += [f"{what}: {hit[0]}" for hit in hits if hit]
    return found


def _grade(texts: list[str]) -> float:
    """Return Flesch-Kincaid's (1975), a syllable being a group of vowels."""
    sentences = [one for text in texts for one in _sentences(text)]
    words = re.findall(r"[a-z']+", " ".join(sentences).lower())
    groups = (re.findall("[aeiouy]+", word.removesuffix("e")) for word in words)
    syllables = sum(max(1, len(found)) for found in groups)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59


def _text(node: ast.expr) -> str:
    """Return the text of ``node``, with "this" for what is only known later."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(map(_text, node.values))
        case ast.FormattedValue():
            return "this"
        case ast.BinOp(op=ast.Add()):
            return _text(node.left) + _text(node.right)
        case ast.IfExp():
            return f"{_text(node.body)}. {_text(node.orelse)}"
    return ""


def _told(source: str, name_of_file: str) -> Iterator[tuple[str, str]]:
    """Yield where, and what is told, of ``source``."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in _MISTAKES or not _TELLS.match(name):
            continue
        values = [*node.args, *(one.value for one in node.keywords)]
        for text in map(_text, values):
            if " " in text:
                yield f"{name_of_file}:{node.lineno}", text


def _told_in(folder: str) -> list[tuple[str, str]]:
    return [
        found
        for path in sorted((_SOURCES / folder).glob("*.py"))
        for found in _told(path.read_text("utf-8"), f"{folder}/{path.name}")
    ]


def test_what_the_service_says_is_short_calm_and_plain() -> None:
    problems = [(str(n), text) for n, two in SENTENCES.items() for text in two]
    problems += _told_in("service")
    assert len(problems) > 60
    assert [(at, bad) for at, text in problems if (bad := _faults(text))] == []
    assert _grade([text for _, text in problems]) <= _HARDEST_GRADE


def test_advice_is_calm_and_plain() -> None:
    found = {text: _faults(text, _LONGEST_BELOW) for text in ADVICE.values()}
    assert [one for one in found.items() if one[1]] == []
    assert _grade(list(ADVICE.values())) <= _HARDEST_GRADE


@pytest.mark.parametrize("folder", ["session", "store", "practice"])
def test_what_comes_from_below_is_calm_too(folder: str) -> None:
    said = _told_in(folder)
    assert len(said) > 20
    found = [(where, _faults(text, _LONGEST_BELOW)) for where, text in said]
    assert [one for one in found if one[1]] == []


def test_what_people_see_of_a_plan_is_short_and_calm() -> None:
    for plan in packaged():
        assert _faults(plan.title) == []
        assert len(plan.title.split()) <= 6


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("Skip your next pill, then try again.", "dose language"),
        ("That is 5 mg more.", "dose language"),
        ("Slow breathing reduces pain.", "a claim"),
        ("This prevents relapse.", "a claim"),
        ("Your streak is kept.", "a score"),
        ("Great job.", "praise"),
        ("You should have worn it.", "blame"),
        ("Beat your pain.", "battle"),
        ("This may be atrial fibrillation.", "a finding about the rhythm"),
        ("Your stress score is there.", "a number without ground"),
        ("Try again!", "an exclamation mark"),
        ("so " * 16, "16 words"),
    ],
)
def test_a_planted_sentence_is_found(planted: str, fault: str) -> None:
    assert any(one.startswith(fault) for one in _faults(planted.strip()))


def test_the_words_of_a_raise_are_found() -> None:
    source = 'raise p.Problem(404, f"The {x} " "is gone.", advice="Beat it. " + "Go!")'
    assert [text for _, text in _told(source, "")] == [
        "The this is gone.",
        "Beat it. Go!",
    ]
