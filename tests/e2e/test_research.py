"""A researcher looks for a recording, looks into it, relabels a beat, takes it away."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, StorageState, expect

from biofeedback.recording.relabelling import read_layer
from biofeedback.recording.tables import read_tables
from biofeedback.store import Quality, Role, Store
from tests.e2e.conftest import LAPTOP, OUTPUT, OpenPage, StartService
from tests.e2e.journey import PATIENCE_MS, get_json, part
from tests.e2e.place import open_place, sign_in
from tests.e2e.test_practice import AXE, LOOKS, check_accessible
from tests.shelf import shelve

SEEN = (
    tuple(LOOKS) if os.environ.get("PICTURE_BEATS") else ("phone-light", "laptop-dark")
)
"""Two looks cover both widths and both schemes; pictures are taken of all four."""

POOR = Quality(
    duration_s=150.0,
    n_beats=141,
    coverage=0.84,
    artefact_pct=0.0,
    n_gaps=4,
    suitable=False,
    reason="Too many gaps.",
    n_ratings=7,
)


def shelves(data: Path) -> dict[str, tuple[str, Path]]:
    """Make a data folder with three recordings, each with another quality."""
    store = Store(data)
    try:
        return {
            "calm": shelve(store, "calm"),
            "ectopic": shelve(store, "ectopic"),
            "dropouts": shelve(
                store, "dropouts", quality=POOR, loss="The last second was lost."
            ),
        }
    finally:
        store.close()


def listed(page: Page) -> list[str | None]:
    rows = part(page, "recording")
    return [rows.nth(k).get_attribute("data-id") for k in range(rows.count())]


def open_list(page: Page, n: int = 3) -> None:
    """Go to the list, and wait until each was looked into."""
    expect(part(page, "all-recordings")).to_be_visible(timeout=PATIENCE_MS)
    part(page, "all-recordings").click()
    expect(part(page, "recording")).to_have_count(n, timeout=PATIENCE_MS)
    expect(part(page, "recordings")).not_to_contain_text("looked into")


def point_of(
    page: Page, plot: str, share_x: float, share_y: float
) -> tuple[float, float]:
    over = part(page, f"plot-{plot}").locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    return box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]


def test_from_the_list_to_a_label_and_a_table(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    kept = shelves(tmp_path)
    ids = {name: id for name, (id, _) in kept.items()}
    service = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    )
    page = open_page(service.url)
    open_list(page)

    # Filter, by words and by boxes; sort by any column, with the keyboard too.
    part(page, "filter-suitable").check()
    expect(part(page, "recording")).to_have_count(2)
    part(page, "filter-text").fill("gaps")
    expect(part(page, "recording")).to_have_count(0)
    expect(part(page, "count")).to_contain_text("No recording matches")
    part(page, "filter-suitable").uncheck()
    assert listed(page) == [ids["dropouts"]]
    expect(part(page, "recording")).to_contain_text("The last second was lost.")
    part(page, "filter-text").fill("")
    part(page, "filter-heart").select_option("real")
    expect(part(page, "recording")).to_have_count(0)
    part(page, "filter-heart").select_option("all")
    part(page, "filter-from").fill("2999-01-01")
    expect(part(page, "recording")).to_have_count(0)
    page.get_by_role("button", name="Clear the filter").click()
    expect(part(page, "recording")).to_have_count(3)
    part(page, "sort-artefacts").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Artefacts")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert listed(page)[0] == ids["ectopic"]
    page.keyboard.press("Enter")
    assert listed(page)[-1] == ids["ectopic"]

    page.locator(f'[data-id="{ids["ectopic"]}"] a').click()
    expect(part(page, "review")).to_have_attribute(
        "data-ready", "true", timeout=PATIENCE_MS
    )
    expect(part(page, "plot-rr").locator("canvas")).to_be_visible()

    # Drag over ten seconds of it: every plot shows them; then back to all.
    whole = part(page, "span").inner_text()
    assert "0:00 to 2:30" in " ".join(whole.split())
    page.mouse.move(*point_of(page, "hr", 0.4, 0.5))
    page.mouse.down()
    page.mouse.move(*point_of(page, "hr", 0.5, 0.5), steps=4)
    page.mouse.up()
    expect(part(page, "span")).not_to_have_text(whole)
    zoomed = part(page, "span").inner_text()
    assert re.search(r"(0:59|1:00)\.\d to 1:1[45]\.\d", zoomed), zoomed
    page.mouse.dblclick(*point_of(page, "spectrum", 0.5, 0.5))
    expect(part(page, "span")).to_have_text(whole)
    part(page, "plot-rr").locator(".u-over").hover()
    expect(part(page, "plot-rr").locator(".readout")).to_contain_text("RR ")
    expect(part(page, "plot-breathing").locator(".readout")).to_contain_text("pace")

    # Choose the first labelled beat with the keyboard, and judge it.
    _, path = kept["ectopic"]
    before = path.read_bytes()
    tables = read_tables(path)
    first = int(tables.beats.index[tables.beats.label != "normal"][0])
    was = str(tables.beats.label[tables.beats.label != "normal"][0])
    part(page, "labelled-after").focus()
    page.keyboard.press("Enter")
    expect(part(page, "chosen-beat")).to_contain_text(f"Beat {first} at")
    part(page, "relabel").click()
    dialog = part(page, "relabel-dialog")
    expect(dialog).to_contain_text("no other label")
    dialog.get_by_label("normal").check()
    dialog.get_by_label("Who says so").fill("AB")
    dialog.get_by_label("Why").fill("a sigh")
    part(page, "keep-label").click()
    expect(part(page, "kept")).to_have_text(f"Kept: beat {first} is normal.")
    expect(part(page, "chosen-beat")).to_contain_text("now normal (by AB)")
    expect(part(page, "changes")).to_contain_text("a sigh")
    (change,) = read_layer(path).changes
    assert (change.index, change.label, change.was, change.by) == (
        *(first, "normal", was),
        "AB",
    )
    assert path.read_bytes() == before
    expect(part(page, "numbers")).to_contain_text("With the labels given here")

    # A click on a beat opens the same.
    part(page, "labelled-after").click()
    for _ in range(4):
        part(page, "zoom-in").click()
    series: Any = get_json(page, f"recordings/{ids['ectopic']}/series")
    beat = click_a_beat(page, series)
    expect(dialog).to_contain_text(f"Relabel beat {beat}")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "beat-laptop-light.png")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()

    with page.expect_download() as downloading:
        part(page, "export-csv").click()
    saved = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(saved)
    expect(part(page, "export-said")).to_contain_text("Saved as")
    assert saved.suffix == ".zip"
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        (name,) = (one for one in names if one.endswith("labels.csv"))
        rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
        whole_text = b"".join(archive.read(one) for one in names)
    assert rows[1] == [str(first), "normal", was, "AB", "", ""]
    assert b"a sigh" not in whole_text


def click_a_beat(page: Page, series: dict[str, Any]) -> int:
    """Click the beat in the middle of the RR plot; return its index."""
    said = " ".join(part(page, "span").inner_text().split())
    found = re.search(r"([\d:.]+) to ([\d:.]+)", said)
    assert found is not None

    def seconds(words: str) -> float:
        minutes, rest = words.split(":")
        return 60 * int(minutes) + float(rest)

    middle = 500 * (seconds(found[1]) + seconds(found[2]))
    times = series["beats"]["t_ms"]
    row = min(range(len(times)), key=lambda k: abs(times[k] - middle))
    share = (times[row] / 1000 - seconds(found[1])) / (
        seconds(found[2]) - seconds(found[1])
    )
    page.mouse.move(*point_of(page, "rr", share, 0.5))
    plot = part(page, "plot-rr")
    expect(plot.locator(".readout")).to_contain_text(
        f"RR {series['beats']['rr_ms'][row]:.1f} ms"
    )
    box = plot.locator(".u-cursor-pt").bounding_box()  # on the beat itself
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return int(series["beats"]["index"][row])


def test_a_researcher_is_offered_what_is_let_and_told_what_is_moved(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    place = open_place(start_service, tmp_path, rhea=Role.RESEARCHER)
    page = open_page(place.service.origin, viewport=LAPTOP, bypass_csp=True)
    sign_in(page, "rhea")
    expect(part(page, "count")).to_contain_text("nobody has consented")
    open_page.forgive("401")
    mara = place.person("mara")
    with closing(Store(tmp_path)) as store:
        shelve(store, "calm", person_id=mara.me["person"]["id"])
    (grantee,) = [
        one
        for one in mara.get("consents/grantees")["grantees"]
        if one["role"] == "researcher"
    ]
    grants = [
        {"purpose": "research", "stream": stream}
        for stream in ("heart", "breathing", "ratings")
    ]
    body = {"account": grantee["account"], "grants": grants, "days": 7}
    mara.post("consents", body)

    page.reload()
    row = part(page, "recording")
    expect(row).to_have_count(1, timeout=PATIENCE_MS)
    expect(row).to_contain_text("1985-01-01")
    expect(part(page, "moved")).to_contain_text("moved")
    expect(page.locator(".lead")).to_contain_text("people who consented")
    for name in ("report", "trend"):
        for format, starts in (("html", b"<!"), ("pdf", b"%pdf")):
            href = row.get_by_test_id(f"{name}-{format}").get_attribute("href")
            answer = page.request.get(f"{place.service.origin}{href}")
            assert answer.ok
            assert answer.body().lower().startswith(starts)
    page.add_script_tag(path=AXE)
    check_accessible(page)
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "researcher-laptop-light.png", full_page=True)

    row.get_by_role("link", name="Open").click()
    expect(part(page, "export-csv")).to_be_visible(timeout=PATIENCE_MS)
    expect(part(page, "with-text")).to_be_visible()
    expect(part(page, "with-dates")).to_have_count(0)
    expect(part(page, "raw")).to_have_count(0)


def test_a_replay_is_steered_and_always_says_that_it_is_one(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    kept = shelves(tmp_path)
    url = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url
    page = open_page(url)
    open_list(page)
    page.locator(f'[data-id="{kept["calm"][0]}"] a').click()
    part(page, "replay-speed").select_option("4")
    part(page, "replay").click()
    bar = part(page, "replay-bar")
    said = part(page, "replay-words")
    expect(said).to_have_text("Replay, 4×, playing", timeout=PATIENCE_MS)
    expect(part(page, "replay-position")).to_contain_text("of 2:30")

    part(page, "replay-play").click()
    expect(said).to_have_text("Replay, 4×, paused")
    part(page, "replay-seek").focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(part(page, "replay-position")).to_have_text("0:00 of 2:30")
    for _ in range(3):
        page.keyboard.press("PageUp")  # a tenth of it each
    expect(part(page, "replay-position")).to_have_text(re.compile("0:4[45] of 2:30"))
    # The trace goes on from the new place: its words follow the last minute.
    at = part(page, "replay-position").inner_text()
    part(page, "replay-event").click()
    expect(part(page, "replay-position")).not_to_have_text(at)
    expect(bar).to_have_attribute("data-state", "paused")
    part(page, "replay-speed").select_option("0.5")
    expect(said).to_have_text("Replay, 0.5×, paused")
    part(page, "replay-play").click()
    expect(said).to_have_text("Replay, 0.5×, playing")
    expect(part(page, "replay-label")).to_contain_text(", 0.5×")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "replay-bar-laptop-light.png")
    part(page, "stop").click()


def test_the_pages_are_accessible_in_each_look(
    tmp_path: Path, start_service: StartService, open_page: OpenPage
) -> None:
    kept = shelves(tmp_path)
    url = start_service(
        *("run", "--no-browser", "--port", "0", "--data", str(tmp_path))
    ).url
    OUTPUT.mkdir(exist_ok=True)
    cookies: StorageState | None = None
    for look in SEEN:
        viewport, scheme = LOOKS[look]
        page = open_page(
            url if cookies is None else url.split("#")[0],
            viewport=viewport,
            color_scheme=scheme,
            bypass_csp=True,
            cookies=cookies,
        )

        def see(name: str, page: Page = page, look: str = look) -> None:
            check_accessible(page)
            page.screenshot(path=OUTPUT / f"{name}-{look}.png", full_page=True)

        open_list(page)
        cookies = page.context.storage_state()
        page.add_script_tag(path=AXE)
        see("recordings")
        page.locator(f'[data-id="{kept["calm"][0]}"] a').click()
        expect(part(page, "review")).to_have_attribute(
            "data-ready", "true", timeout=PATIENCE_MS
        )
        expect(part(page, "plot-entries").locator("canvas")).to_be_visible()
        see("review")
        part(page, "labelled-after").click()
        part(page, "beat-after").click()
        for _ in range(3):
            part(page, "zoom-in").click()
        part(page, "relabel").click()
        expect(part(page, "relabel-dialog")).to_be_visible()
        see("relabel")
