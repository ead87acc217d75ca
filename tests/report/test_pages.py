"""The pages: one sheet each, the same bytes each time, and nothing that is withheld."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from biofeedback.report.csv_table import COLUMNS
from biofeedback.report.pdf_page import COLOURS, _Sheet
from biofeedback.report.session_page import LONGEST_WORDS, session_page
from biofeedback.report.values import SessionReport, TrendReport
from biofeedback.report.writing import FORMATS, Format, written
from biofeedback.store import Stream
from tests.report.made import (
    EVERY,
    MASKED,
    PLANTED,
    STARTED_NS,
    THERAPIST,
    WHO,
    answers,
    entry,
    session,
    trend,
)

COMBINATIONS = [
    frozenset(streams)
    for n in range(len(Stream) + 1)
    for streams in itertools.combinations(Stream, n)
]

TELLS = {
    # What no report may hold where its stream is withheld, and each holds where it is.
    Stream.HEART: ("bpm", "RMSSD", "rmssd", "Artefact", "artefact", "13.5"),
    Stream.BREATHING: ("breaths/min", "mindful", "Followed", "followed", "in_phase"),
    Stream.RATINGS: ("Craving", "craving", "intensity", "unpleasantness"),
    Stream.NOTES: ("zebra", "dizzy", "reclined", "thought"),
}


def text_of(report: SessionReport | TrendReport, format: Format) -> str:
    """Return all that somebody can read in a report, and what stands beside it."""
    content = written(report, format).content
    if format != "pdf":
        return content.decode("utf-8-sig")
    reader = PdfReader(io.BytesIO(content))
    (page,) = reader.pages
    assert page.mediabox.width == pytest.approx(595.28, abs=0.01)
    assert page.mediabox.height == pytest.approx(841.89, abs=0.01)
    return page.extract_text() + str(reader.metadata)


@cache
def on_every_page() -> dict[Format, str]:
    """Return what stands on a page that tells nothing: style, titles, limits."""
    alone = session(streams=frozenset(), entries=(), ratings=())
    return {format: text_of(alone, format) for format in FORMATS}


class Tags(HTMLParser):
    """Gathers the tags and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def tags_of(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    return found


@pytest.mark.parametrize(
    "streams", COMBINATIONS, ids=lambda s: "-".join(sorted(s)) or "none"
)
def test_nothing_of_a_withheld_stream_is_in_any_format(
    streams: frozenset[Stream],
) -> None:
    report = session(streams=streams)
    texts = {format: text_of(report, format) for format in FORMATS}
    always = on_every_page()
    for stream, words in TELLS.items():
        for format, text in texts.items():
            for word in words:
                if stream not in streams:
                    assert word not in text or word in always[format], (format, word)
        everything = "".join(texts.values())
        if stream in streams:
            assert all(word in everything for word in words), stream
    told = json.loads(texts["json"])
    assert told["withheld"] == [one.value for one in Stream if one not in streams]
    if streams != EVERY:
        for format in ("html", "pdf"):
            assert "Not shared" in texts[format]


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "pdf"])
def test_what_is_withheld_changes_nothing(format: Format) -> None:
    def made(streams: frozenset[Stream], **more: object) -> bytes:
        return written(session(streams=streams, **more), format).content  # type: ignore[arg-type]

    no_ratings = EVERY - {Stream.RATINGS}
    others = answers(pain_intensity=(1, 9), mood=(3, 3))
    rated = [one for one in PLANTED if one.moment is None]
    assert made(no_ratings) == made(no_ratings, ratings=others, entries=rated)
    no_notes = EVERY - {Stream.NOTES}
    silent = [
        msgspec.structs.replace(one, text=None) if one.by == THERAPIST else one
        for one in PLANTED
        if one.type not in ("thought", "posture", "eyes")
    ]
    assert made(no_notes) == made(no_notes, entries=silent)


def test_a_trend_holds_nothing_that_is_withheld() -> None:
    for stream in Stream:
        report = trend(streams=EVERY - {stream})
        assert report.withheld == (stream.value,)
        assert (report.swing is None) == (stream is Stream.HEART)
        assert (report.n_symptoms is None) == (stream is Stream.NOTES)
        assert (report.gap_change is None) == (stream is Stream.RATINGS)
        for week in report.weeks:
            assert (week.practised is None) == (stream is Stream.BREATHING)
            assert (week.rated is None) == (stream is Stream.RATINGS)
        for format in FORMATS:
            assert text_of(report, format)


@pytest.mark.parametrize("report", [session, trend], ids=["session", "trend"])
def test_a_pdf_is_one_sheet_whose_text_can_be_found(
    report: Callable[[], SessionReport | TrendReport],
) -> None:
    made = report()
    first = written(made, "pdf", created_at_utc_ns=STARTED_NS).content
    again = written(made, "pdf", created_at_utc_ns=STARTED_NS).content
    assert first == again
    later = written(made, "pdf", created_at_utc_ns=STARTED_NS + 10**12).content
    assert first != later
    text = text_of(made, "pdf").replace("\N{NO-BREAK SPACE}", " ")
    sentences = {
        "session": (
            "Session report",
            "2 min of mindful breathing at 5.5 to 6.0 breaths/min, mostly 6.0",
            "The patient felt dizzy and stopped at 2:10.",
            "Intensity 7 → 5: 2 points lower (29 %), below the 30 % mark.",
            "no diagnosis",
        ),
        "trend": ("8 weeks of practice", "5 Oct", "Unpleasant.", "no diagnosis"),
    }["session" if isinstance(made, SessionReport) else "trend"]
    for sentence in sentences:
        assert sentence in text
    metadata = str(PdfReader(io.BytesIO(first)).metadata)
    assert "P-7K2M9Q" not in metadata
    assert WHO.session not in metadata


def test_what_is_simulated_or_deidentified_says_so_first() -> None:
    for format in ("html", "pdf"):
        text = text_of(session(simulated=True), format)
        assert text.index("Simulated heart") < text.index("Practice")
        text = text_of(session(identity=MASKED), format)
        assert "De-identified" in text
        assert "day 41 since the first session" in text
        assert not re.search(r"2026|November|zebra", text)
        text = text_of(trend(deidentified=True), format)
        assert not re.search(r"2026|Oct|Nov\b", text)


def test_a_page_allows_itself_its_own_style_and_nothing_else() -> None:
    for report in (session(), trend()):
        answer = written(report, "html")
        html = answer.content.decode()
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        digest = hashlib.sha256(style.encode()).digest()
        allowed = base64.b64encode(digest).decode()
        assert answer.policy is not None
        assert f"style-src 'sha256-{allowed}'" in answer.policy
        assert "default-src 'none'" in answer.policy
        assert "frame-ancestors 'none'" in answer.policy
        found = tags_of(html)
        assert "script" not in found.tags
        assert not {name for name in found.attributes if name.startswith("on")}
        assert not {"style", "src"} & found.attributes
        assert re.findall('href="([^"]*)"', html) == ["data:,"], "no icon, nothing else"
        assert "url(" not in style


def test_text_and_lines_can_be_read_and_none_is_red() -> None:
    def luminance(rgb: tuple[int, ...]) -> float:
        parts = [c / 255 for c in rgb]
        linear = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        ]
        return sum(k * c for k, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ground = luminance(COLOURS["ground"])
    for tone, rgb in COLOURS.items():
        assert rgb[0] <= rgb[1] + 20, f"{tone} is reddish"
        if tone in ("ink", "quiet", "accent"):
            contrast = (ground + 0.05) / (luminance(rgb) + 0.05)
            assert contrast >= 4.5, tone
    # Without colour: an accent line stands out from the shade it lies on.
    assert luminance(COLOURS["soft"]) - luminance(COLOURS["accent"]) > 0.4


def test_every_number_in_the_table_has_a_unit_or_a_reason() -> None:
    for report in (session(), session(recording=None, ratings=()), trend()):
        text = written(report, "csv").content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
        assert tuple(rows[0]) == COLUMNS
        assert {len(row) for row in rows} == {len(COLUMNS)}
        told = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]}
        for row in told.values():
            if row["value"]:
                float(row["value"])
            assert not (row["value"] and row["reason"]), row
    kept = text_of(session(recording=None, practised=None, ratings=()), "csv")
    assert "amplitude,,bpm,The recording is gone or cannot be read." in kept


def test_a_cell_is_never_taken_for_a_formula() -> None:
    typed = entry(50, "thought", "=HYPERLINK(1)")
    rows = csv.reader(io.StringIO(text_of(session(entries=[typed]), "csv")))
    cells = [cell for row in rows for cell in row if "HYPERLINK" in cell]
    assert set(cells) == {"'=HYPERLINK(1)"}


NASTY = st.one_of(
    st.text(max_size=2000),
    st.sampled_from(
        [
            "W" * 2000,
            "<script>alert(1)</script>" * 60,
            '"><img src=x onerror=alert(1)>&amp;' * 50,
            "שלום עולם مرحبا بالعالم " * 80,
            "😀👩‍👩‍👧‍👦🏳️‍🌈" * 120,
            "\u202e\u2066reversed\x00\x1b[31m\ud7ff\ufffe" * 60,
            "word " * 400,
            "中文字符測試" * 300,
            "a\u0301" * 900,
        ]
    ),
)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each takes a second to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
)
@given(
    words=st.lists(NASTY, max_size=12),
    marks=st.lists(NASTY | st.none(), max_size=40),
    streams=st.sampled_from(COMBINATIONS[-5:]),
)
def test_whatever_is_typed_stays_text_on_one_sheet(
    words: list[str], marks: list[str | None], streams: frozenset[Stream]
) -> None:
    typed = [entry(20 + 8 * k, "thought", text) for k, text in enumerate(words)]
    typed += [
        entry(15 + 2 * k, "mark", text, by=THERAPIST) for k, text in enumerate(marks)
    ]
    report = session(entries=(*PLANTED, *typed), streams=streams)
    page, sheet = session_page(report), _Sheet()
    assert sheet.has_room(page, 1), "nothing lies on anything else"
    sheet.write(page, 1)
    assert len(PdfReader(io.BytesIO(sheet.bytes(page, 0))).pages) == 1
    html = text_of(report, "html")
    found = tags_of(html)
    calm = tags_of(text_of(session(), "html"))
    assert found.tags <= calm.tags
    assert found.attributes <= calm.attributes
    longest = max((len(text) for text in found.text if "{" not in text), default=0)
    assert longest <= LONGEST_WORDS + 200
    for steering in ("\u202e", "\u2066", "\x00", "\x1b"):
        assert steering not in html


def test_what_is_cut_shows_it_and_stands_whole_in_the_table() -> None:
    long = "breathe " * 250
    report = session(entries=[entry(50, "thought", long)])
    assert "…" in text_of(report, "html")
    assert "…" in text_of(report, "pdf")
    assert long in text_of(report, "csv")
    many = session(entries=[entry(k, "mark", by=THERAPIST) for k in range(30)])
    assert "… and 22 more: all of it stands in the table" in text_of(many, "html")


def test_a_trend_without_anything_is_a_page_of_gaps() -> None:
    text = text_of(trend(empty=True), "pdf")
    assert "0 practices in 0 of 8 weeks." in text
    assert "Never rated in these weeks." in text
    html = text_of(trend(), "html")
    bars = re.findall(r'<polygon class="fill accent"', html)
    assert len(bars) == 7, "seven of the eight weeks had practices"
