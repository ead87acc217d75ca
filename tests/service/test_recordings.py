"""The researcher's routes: what there is, what is in it, labels, and exports."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from biofeedback.recording.reader import open_recording
from biofeedback.recording.relabelling import read_layer, sidecar_of
from biofeedback.recording.tables import read_tables
from biofeedback.service.sign_ins import Caller
from biofeedback.signal.frequency_domain import BINS
from biofeedback.store import Quality, StoreError
from tests.service.conftest import BEARER, House, nothing_can_be_written
from tests.shelf import EXAMPLES, shelve

API = "/api/v1/recordings"


async def listed(house: House) -> dict[str, dict[str, Any]]:
    """Return the list by id, once every recording in it was looked into."""
    found: dict[str, Any] = {"n_pending": 1}

    async def ask() -> None:
        found.update((await house.browser.get(API)).json())

    for _ in range(200):
        await ask()
        if found["n_pending"] == 0:
            return {one["id"]: one for one in found["recordings"]}
    raise AssertionError("they were never looked into")


async def test_nobody_reads_recordings_without_signing_in(house: House) -> None:
    id, _ = shelve(house.store, "calm")
    for method, path in (
        ("GET", API),
        ("GET", f"{API}/{id}/series"),
        ("POST", f"{API}/{id}/labels"),
        ("GET", f"{API}/{id}/exports/csv"),
    ):
        answer = await house.anyone.request(method, path, json={})
        assert answer.status_code == 401, path
    assert (await house.anyone.get(API, headers=BEARER)).status_code == 200


async def test_the_list_says_at_a_glance_what_each_is_worth(house: House) -> None:
    kept = Quality(
        duration_s=1.5,
        n_beats=3,
        coverage=0.5,
        artefact_pct=25.0,
        n_gaps=2,
        suitable=False,
        reason="It is short.",
        n_ratings=0,
    )
    calm, _ = shelve(house.store, "calm")
    dropouts, _ = shelve(house.store, "dropouts", loss="The last 2 s were lost.")
    ectopic, _ = shelve(house.store, "ectopic", quality=kept)
    found = await listed(house)
    assert set(found) == {calm, dropouts, ectopic}
    assert found[ectopic]["quality"] == msgspec.structs.asdict(kept)
    assert found[dropouts]["loss"] == "The last 2 s were lost."
    assert found[dropouts]["state"] == "recovered"
    assert found[dropouts]["quality"]["n_gaps"] == 4
    assert found[calm]["quality"]["n_gaps"] == 0
    assert found[calm]["simulated"] is True
    # What the session's own analysis wrote into the file when it ended.
    summary = json.loads(open_recording(EXAMPLES / "calm.mcap").summary() or b"")
    for name in ("duration_s", "n_beats", "coverage", "artefact_pct", "suitable"):
        assert found[calm]["quality"][name] == summary[name], name
    assert found[calm]["quality"]["n_ratings"] == len(summary["ratings"])


async def test_a_full_disk_keeps_nobody_from_a_copy_of_their_own(house: House) -> None:
    id, _ = shelve(house.store, "calm")
    with nothing_can_be_written(house.store):
        answer = await house.browser.get(f"{API}/{id}/exports/csv")
        assert answer.status_code == 200
        owner = Caller(person=house.store.person(), sign_in="a browser")
        await house.context.audit.note(owner, "report", person_id="somebody imported")
        staff = msgspec.structs.replace(owner, shared=True)
        with pytest.raises(StoreError):
            await house.context.audit.note(staff, "report", person_id="somebody else")


async def test_a_damaged_recording_says_so_in_the_list_and_when_opened(
    house: House,
) -> None:
    id, path = shelve(house.store, "calm")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    found = (await listed(house))[id]
    assert found["quality"] is None
    assert "damaged" in found["trouble"]
    answer = await house.browser.get(f"{API}/{id}/series")
    assert answer.status_code == 500
    assert "damaged" in answer.json()["detail"]


async def test_everything_lies_on_one_time_axis(house: House) -> None:
    id, path = shelve(house.store, "ectopic")
    tables = read_tables(path)
    told = (await house.browser.get(f"{API}/{id}/series")).json()
    beats = told["beats"]
    assert beats["index"] == tables.beats.index.tolist()
    assert beats["label"] == beats["label_now"] == tables.beats.label.tolist()
    np.testing.assert_allclose(beats["t_ms"], tables.beats.t_ns / 1e6, atol=6e-4)
    np.testing.assert_allclose(beats["rr_ms"], tables.beats.rr_ms, atol=6e-4)
    metrics = told["metrics"]
    assert metrics["step"] == 1
    for name, column in tables.metrics.columns.items():
        there = np.array(metrics[name], float)
        np.testing.assert_allclose(there, column, atol=6e-5, err_msg=name)
    assert [part["rate_bpm"] for part in told["pacer"]] == [6.0, 5.5]
    assert [entry["type"] for entry in told["entries"]] == [
        entry.type for entry in tables.entries
    ]
    assert told["layer"] == {"changes": [], "trouble": None}
    assert told["numbers"]["relabelled"] is None
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_spectra_are_there_only_where_64_s_are_clean(house: House) -> None:
    calm, _ = shelve(house.store, "calm")
    ectopic, _ = shelve(house.store, "ectopic")
    found = (await house.browser.get(f"{API}/{calm}/series")).json()["spectra"]
    rows = found["ms2_per_hz"]
    assert len(found["hz"]) == BINS
    known = [t for t, row in zip(found["t_ms"], rows, strict=True) if row is not None]
    assert 64_000 <= min(known) < 75_000
    # The simulated heart answers a breath of 6 a minute: 0.1 Hz.
    paced = rows[found["t_ms"].index(90_000)]
    assert found["hz"][int(np.argmax(paced))] == pytest.approx(0.1, abs=0.012)
    flagged = (await house.browser.get(f"{API}/{ectopic}/series")).json()["spectra"]
    assert all(row is None for row in flagged["ms2_per_hz"]), "over 5 % are flagged"


async def test_a_label_is_kept_beside_the_recording_and_seen_beside_the_old_one(
    house: House,
) -> None:
    id, path = shelve(house.store, "ectopic")
    before = path.read_bytes()
    tables = read_tables(path)
    flagged = int(tables.beats.index[tables.beats.label == "ectopic"][0])
    clean = int(tables.beats.index[tables.beats.label == "normal"][0])
    at = f"{API}/{id}/labels"
    house.utc_ns[0] = 1_700_000_000_000_000_000
    body = {"index": flagged, "label": "normal", "comment": "a sigh", "by": "AB"}
    answer = await house.browser.post(at, json=body)
    assert answer.status_code == 201
    assert answer.json() == {
        "at": "2023-11-14T22:13:20Z",
        "by": "AB",
        "index": flagged,
        "label": "normal",
        "was": "ectopic",
        "comment": "a sigh",
    }
    by_program = await house.anyone.post(
        at, json={"index": clean, "label": "artefact"}, headers=BEARER
    )
    assert by_program.json()["by"] == "program"
    again = await house.browser.post(at, json={"index": clean, "label": "normal"})
    assert again.json()["was"] == "artefact"
    assert again.json()["by"] == "person"
    assert [change.index for change in read_layer(path).changes] == [
        flagged,
        clean,
        clean,
    ]
    told = (await house.browser.get(f"{API}/{id}/series")).json()
    place = told["beats"]["index"].index(flagged)
    assert told["beats"]["label"][place] == "ectopic"
    assert told["beats"]["label_now"][place] == "normal"
    numbers = told["numbers"]
    assert numbers["relabelled"]["n_nn"] == numbers["recorded"]["n_nn"] + 1
    assert numbers["relabelled"]["rmssd_ms"] != numbers["recorded"]["rmssd_ms"]
    assert (await listed(house))[id]["n_relabelled"] == 1, "the other one is as it was"
    assert path.read_bytes() == before


async def test_labels_that_cannot_be_kept_are_refused(house: House) -> None:
    id, path = shelve(house.store, "calm")
    at = f"{API}/{id}/labels"
    good: dict[str, object] = {"index": 1, "label": "extra"}
    for wrong in (
        {"index": 99_999},
        {"index": -1},
        {"label": "atrial fibrillation"},
        {"comment": "x" * 501},
        {"by": "Maria\nMüller"},
        {"name": "Maria"},
    ):
        answer = await house.browser.post(at, json={**good, **wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["advice"], wrong
    assert not sidecar_of(path).exists()
    lost = await house.browser.post(f"{API}/nothing/labels", json=good)
    assert lost.status_code == 404


async def test_a_torn_layer_is_told_and_never_shown_as_a_label(house: House) -> None:
    id, path = shelve(house.store, "calm")
    at = f"{API}/{id}/labels"
    for index in (1, 2):
        await house.browser.post(at, json={"index": index, "label": "extra"})
    whole = sidecar_of(path).read_bytes()
    sidecar_of(path).write_bytes(whole[:-20])
    told = (await house.browser.get(f"{API}/{id}/series")).json()
    assert told["beats"]["label_now"][1] == "extra"
    assert told["beats"]["label_now"][2] == "normal"
    assert "not written to its end" in told["layer"]["trouble"]
    found = (await listed(house))[id]
    assert found["n_relabelled"] == 1
    assert found["trouble"] == told["layer"]["trouble"]


async def test_a_live_session_is_no_recording_yet(house: House) -> None:
    session = await house.begin()
    assert (await house.browser.get(API)).json()["recordings"] == []
    answer = await house.browser.get(f"{API}/{session['id']}/series")
    assert answer.status_code == 404
    assert answer.json()["advice"]


def left_behind() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("biofeedback-export-*"))


def archive_of(answer: httpx.Response) -> dict[str, str]:
    """Return the texts of a ZIP by the ends of their names."""
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {
            name.rpartition("/")[2]: archive.read(name).decode("utf-8-sig")
            for name in archive.namelist()
        }


async def test_an_export_tells_neither_date_nor_text_unless_asked(house: House) -> None:
    id, path = shelve(house.store, "ectopic")
    label = {"index": 3, "label": "artefact", "comment": "Maria coughed"}
    await house.browser.post(f"{API}/{id}/labels", json=label)
    started = read_tables(path).info.started_at_utc_ns
    day = str(np.datetime64(started, "ns").astype("datetime64[D]"))
    at = f"{API}/{id}/exports/csv"
    plain = await house.browser.get(at)
    texts = archive_of(plain)
    assert id not in plain.headers["content-disposition"], "a ULID holds the date"
    assert int(plain.headers["content-length"]) == len(plain.content)
    whole = "\n".join(texts.values())
    assert day not in whole
    assert id not in whole
    assert "Maria" not in whole
    labels = next(text for name, text in texts.items() if name.endswith("labels.csv"))
    assert labels.splitlines()[1] == "3,artefact,ectopic,person,,"
    told = await house.browser.get(f"{at}?free_text=true&dates=true")
    whole = "\n".join(archive_of(told).values())
    assert id in told.headers["content-disposition"].upper()
    assert day in whole
    assert "Maria coughed" in whole
    assert left_behind() == []


async def test_an_export_that_cannot_be_is_a_sentence(house: House) -> None:
    id, _ = shelve(house.store, "calm")
    answer = await house.browser.get(f"{API}/{id}/exports/docx")
    assert answer.status_code == 422
    assert "docx" in answer.json()["detail"]
    assert "csv" in answer.json()["advice"]
    # There is no ECG in it, which is what EDF and WFDB hold besides RR intervals; so
    # whatever a format needs, it is a file or a sentence.
    for format in ("kubios", "elite-hrv"):
        answer = await house.browser.get(f"{API}/{id}/exports/{format}")
        assert answer.status_code == 200, (format, answer.text)
        assert len(answer.content) > 500


async def test_too_many_readers_are_told_to_come_again(house: House) -> None:
    id, _ = shelve(house.store, "calm")
    answers = await asyncio.gather(
        *(house.browser.get(f"{API}/{id}/series") for _ in range(30))
    )
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 503}
    assert (await house.browser.get(f"{API}/{id}/series")).status_code == 200
