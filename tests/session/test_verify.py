"""A replay gives the same bytes whatever happened to the file, and whoever made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_file
from biofeedback.session.importing import import_file
from biofeedback.session.replay import verify

EXAMPLES = Path(__file__).parents[2] / "recordings/examples"
NAMES = ("calm", "dropouts", "ectopic")


def imported(tmp_path: Path) -> Path:
    text = tmp_path / "rr.txt"
    text.write_text("".join(f"{800 + 37 * k % 90}\n" for k in range(90)))
    return import_file(text, tmp_path / "imported").path


def a_session(origin: str, tmp_path: Path) -> Path:
    return imported(tmp_path) if origin == "imported" else EXAMPLES / f"{origin}.mcap"


@pytest.mark.parametrize("origin", [*NAMES, "imported"])
@pytest.mark.parametrize("share", [0.35, 0.7])
def test_what_is_recovered_is_a_prefix_and_replays(
    origin: str, share: float, tmp_path: Path
) -> None:
    whole = a_session(origin, tmp_path)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mcap.part"
    cut.write_bytes(content[: round(len(content) * share)])
    recovered = recover_file(cut)
    verdict = verify(recovered.path)
    assert verdict.ok, verdict.sentence
    kept = list(open_recording(recovered.path).all())
    told = list(open_recording(whole).all())
    assert 0 < len(kept) < len(told)
    assert kept == told[: len(kept)]
    messages = list(open_recording(recovered.path).outputs())
    assert messages == list(open_recording(whole).outputs())[: len(messages)]


@pytest.mark.parametrize("origin", [*NAMES, "imported"])
def test_whole_sessions_replay_byte_for_byte(origin: str, tmp_path: Path) -> None:
    verdict = verify(a_session(origin, tmp_path))
    assert verdict.ok, verdict.sentence
