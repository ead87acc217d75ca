"""Reports over HTTP, and what a researcher sees: nobody gets more than was given."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from pypdf import PdfReader

from biofeedback.model import Label
from biofeedback.recording.exporters.options import UNKNOWN_DATE_UTC_NS
from biofeedback.recording.relabelling import Change, append, read_layer
from biofeedback.recording.tables import read_tables
from biofeedback.service.deidentified import Codes, Mask
from biofeedback.service.guard import CONTENT_SECURITY_POLICY
from biofeedback.store import PractisedRow, RatingRow
from tests.service.conftest import BEARER, House, Start, comes_true
from tests.service.ward import EVERYTHING, Ward, opened
from tests.shelf import shelve

BODY = ("heart", "breathing", "ratings")
ZEBRA = "It feels like a zebra."


@pytest.fixture
async def ward(start_house: Start) -> AsyncIterator[Ward]:
    async with opened(start_house) as ward:
        yield ward


async def practise(ward: Ward) -> str:
    """Let mira practise for a minute, write, be marked by nobody, and end."""
    id = await ward.begin()
    path = f"/sessions/{id}"

    async def enter(what: str, **body: object) -> None:
        await ward.done("mira", "POST", f"{path}/{what}", body)

    await enter("ratings", type="pain_intensity", value=7, moment="before")
    await enter("events", type="phase", text="practice", value=1)
    await ward.house.pass_time(60)
    await enter("events", type="thought", text=ZEBRA)
    await enter("ratings", type="pain_intensity", value=5, moment="after")
    await ward.done("mira", "POST", f"{path}/stop")
    await comes_true(lambda: ward.house.store.session(id).state == "complete")
    return id


def put(ward: Ward, name: str = "calm") -> str:
    """Put an example on mira's shelf, with what was rated and practised in it."""
    store = ward.house.store
    id, _ = shelve(store, name, person_id=ward.accounts["mira"].person_id)
    for moment, value in (("before", 7.0), ("after", 5.0)):
        store.add_rating(
            RatingRow(
                id=f"{id[:20]}{moment}"[:26],
                session_id=id,
                type="pain_intensity",
                value=value,
                unit="nrs_0_10",
                moment=moment,
                at_utc_ns=store.session(id).started_at_utc_ns,
                in_recording=False,
            )
        )
    store.keep_practised(
        PractisedRow(session_id=id, practice="body_scan", minutes=2.0, rsa_bpm=12.5)
    )
    return id


def codes(ward: Ward, who: str = "ada") -> Codes:
    return Codes(ward.house.store.data, ward.accounts[who].id)


def given_away(ward: Ward, id: str, text: str) -> set[str]:
    """Return what of mira stands in a text that must not."""
    store, person_id = ward.house.store, ward.accounts["mira"].person_id
    started = store.session(id).started_at_utc_ns
    seconds = started // 10**9  # since 1970: they tell the day as well
    year = datetime.fromtimestamp(seconds, UTC).year
    pseudonym = store.person(person_id).pseudonym
    secrets = {id, person_id, pseudonym, str(seconds), f"{year}-"}
    return {one for one in secrets if one.lower() in text.lower()}


# --- Whoever may read a report ----------------------------------------------------


async def test_a_report_is_for_the_person_and_whom_they_chose(ward: Ward) -> None:
    id = put(ward)
    person = ward.accounts["mira"].person_id
    paths = (f"/sessions/{id}/report", f"/people/{person}/trend")
    every = (*paths, f"/people/{person}/sessions")

    async def codes_for(who: str) -> set[int]:
        return {(await ward.ask(who, "GET", path)).status_code for path in every}

    assert await codes_for("mira") == {200}
    for who in ("tom", "kim", "lee", "ada", "root"):
        assert await codes_for(who) == {404}, who
    await ward.consent(("ratings",), purpose="live")
    assert await codes_for("kim") == {404}, "to watch is not to read"
    await ward.consent(("ratings",), purpose="report")
    assert await codes_for("kim") == {200}
    assert await codes_for("lee") == {404}
    told = await ward.get("kim", f"/sessions/{id}/report?format=json")
    assert told["withheld"] == ["heart", "breathing", "notes"]
    assert told["heart"] is told["breathing"] is told["words"] is None
    assert told["ratings"]["rated"][0]["points"]["value"] == -2.0
    listed = await ward.get("kim", f"/people/{person}/sessions")
    assert listed["streams"] == ["ratings"]
    (one,) = listed["sessions"]
    assert (one["session"], one["practice"], one["symptom"]) == (id, None, None)
    await ward.revoke(account=ward.accounts["kim"].id)
    assert await codes_for("kim") == {404}
    ward.house.store.accounts.revoke(ward.accounts["kim"].id)


async def test_who_read_what_stands_in_the_audit(ward: Ward) -> None:
    id = put(ward)
    person = ward.accounts["mira"].person_id
    await ward.consent(EVERYTHING, purpose="report")
    await ward.get("kim", f"/sessions/{id}/report?format=json")
    await ward.get("kim", f"/people/{person}/trend?format=json")
    await ward.get("kim", f"/people/{person}/sessions")
    await ward.ask("lee", "GET", f"/sessions/{id}/report")
    rows = ward.house.store.audit.newest(20)
    read = {row.action for row in rows if row.actor == ward.code("kim")}
    assert read == {"report", "trend", "sessions.list"}
    text = msgspec.json.encode(rows).decode()
    assert id not in text
    assert person not in text


async def test_what_is_one_s_own_is_read_unwritten(ward: Ward) -> None:
    id = put(ward)
    person = ward.accounts["mira"].person_id
    await ward.get("mira", f"/sessions/{id}/report?format=json")
    await ward.get("mira", f"/people/{person}/trend?format=json")
    actions = {row.action for row in ward.house.store.audit.newest(20)}
    assert not actions & {"report", "trend"}


async def test_each_format_is_what_it_says(ward: Ward) -> None:
    id = put(ward)
    person = ward.accounts["mira"].person_id
    for path in (f"/sessions/{id}/report", f"/people/{person}/trend"):
        page = await ward.ask("mira", "GET", path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert policy != CONTENT_SECURITY_POLICY
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        paper = await ward.ask("mira", "GET", f"{path}?format=pdf")
        assert paper.headers["content-type"] == "application/pdf"
        assert len(PdfReader(io.BytesIO(paper.content)).pages) == 1
        table = await ward.ask("mira", "GET", f"{path}?format=csv")
        assert table.text.lstrip("\ufeff").startswith("name,value,unit,reason")
        assert "attachment" in table.headers["content-disposition"]
        odd = await ward.ask("mira", "GET", f"{path}?format=docx")
        assert odd.status_code == 422
        for answer in (page, paper, table):
            assert person not in answer.headers["content-disposition"]
            assert id not in answer.headers["content-disposition"]
    other = await ward.ask("mira", "GET", "/straps")
    assert other.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


async def test_a_session_that_goes_on_has_no_report_yet(ward: Ward) -> None:
    id = await ward.begin()
    answer = await ward.ask("mira", "GET", f"/sessions/{id}/report")
    assert answer.status_code == 409
    assert answer.json()["advice"]


async def test_where_nobody_has_an_account_the_owner_reads(house: House) -> None:
    id, _ = shelve(house.store, "calm")
    told = (await house.browser.get(f"/api/v1/sessions/{id}/report?format=json")).json()
    assert told["simulated"] is True
    assert told["withheld"] == []
    person = house.store.person().id
    for headers in ({}, BEARER):
        path = f"/api/v1/people/{person}/trend?weeks=4&format=json"
        answer = await house.browser.get(path, headers=headers)
        assert len(answer.json()["weeks"]) == 4
    assert (await house.anyone.get(f"/api/v1/sessions/{id}/report")).status_code == 401
    assert (await house.browser.get("/api/v1/people/x/trend")).status_code == 404


# --- The researcher's view --------------------------------------------------------


async def test_a_researcher_sees_codes_and_no_days(ward: Ward) -> None:
    id = await practise(ward)
    assert (await ward.get("ada", "/recordings"))["recordings"] == []
    await ward.consent(BODY, to="ada", purpose="research")
    (one,) = (await ward.get("ada", "/recordings"))["recordings"]
    person, session = codes(ward).person, codes(ward).session
    mira = ward.accounts["mira"].person_id
    assert one["id"] == session(id)
    assert one["person"] == {"id": person(mira), "pseudonym": person(mira)}
    assert one["started_at"].startswith("1985-01-01T")
    assert one["strap_name"] == "strap"
    texts = {"list": (await ward.ask("ada", "GET", "/recordings")).text}
    code = one["id"]
    texts["series"] = (await ward.ask("ada", "GET", f"/recordings/{code}/series")).text
    for format in ("csv", "fhir", "omh", "kubios", "bids"):
        answer = await ward.ask("ada", "GET", f"/recordings/{code}/exports/{format}")
        assert answer.status_code == 200, answer.text
        texts[format] = unpacked(answer.content) + str(
            answer.headers["content-disposition"]
        )
    for format in ("html", "pdf", "csv", "json"):
        path = f"/sessions/{code}/report?format={format}"
        answer = await ward.ask("ada", "GET", path)
        assert answer.status_code == 200, answer.text
        texts[f"report {format}"] = read(answer.content, format)
        path = f"/people/{person(mira)}/trend?format={format}"
        texts[f"trend {format}"] = read(
            (await ward.ask("ada", "GET", path)).content, format
        )
    path = f"/people/{person(mira)}/sessions"
    texts["sessions"] = (await ward.ask("ada", "GET", path)).text
    for name, text in texts.items():
        assert not given_away(ward, id, text), name
        assert "zebra" not in text, name
    told = await ward.get("ada", f"/sessions/{code}/report?format=json")
    assert (told["who"], told["session"], told["day"]) == (person(mira), code, 1)
    assert told["started"] is None
    rows = ward.house.store.audit.newest(50)
    read_by = {row.action for row in rows if row.actor == ward.code("ada")}
    assert {"recordings.list", "series", "export", "report", "trend"} <= read_by


def unpacked(content: bytes) -> str:
    """Return the text of a file, or of all files of a ZIP with their names."""
    if not content.startswith(b"PK"):
        return content.decode(errors="replace")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "".join(
            name + archive.read(name).decode(errors="replace")
            for name in archive.namelist()
        )


def read(content: bytes, format: str) -> str:
    if format != "pdf":
        return content.decode()
    reader = PdfReader(io.BytesIO(content))
    return reader.pages[0].extract_text() + str(reader.metadata)


async def test_dates_are_refused_and_words_need_the_notes(ward: Ward) -> None:
    id = await practise(ward)
    await ward.consent(BODY, to="ada", purpose="research")
    code = codes(ward).session(id)
    export, report = f"/recordings/{code}/exports/csv", f"/sessions/{code}/report"
    for path in (f"{export}?dates=true", f"{export}?free_text=true"):
        assert (await ward.ask("ada", "GET", path)).status_code == 403, path
    path = f"{report}?format=json&free_text=true"
    assert (await ward.ask("ada", "GET", path)).status_code == 403
    await ward.consent(EVERYTHING, to="ada", purpose="research")
    answer = await ward.ask("ada", "GET", export)
    assert ZEBRA not in unpacked(answer.content), "only if asked for"
    answer = await ward.ask("ada", "GET", f"{export}?free_text=true")
    assert ZEBRA in unpacked(answer.content)
    assert not given_away(ward, id, unpacked(answer.content))
    assert (await ward.ask("ada", "GET", f"{export}?dates=true")).status_code == 403
    told = await ward.get("ada", f"{report}?format=json")
    assert told["words"]["wrote"] == []
    assert told["words"]["left_out"]
    told = await ward.get("ada", path)
    assert [one["text"] for one in told["words"]["wrote"]] == [ZEBRA]


async def test_a_recording_needs_all_that_stands_in_it(ward: Ward) -> None:
    id = put(ward)
    code = codes(ward).session(id)
    series = f"/recordings/{code}/series"
    for streams in (("heart",), ("heart", "breathing"), ("ratings", "notes")):
        await ward.consent(streams, to="ada", purpose="research")
        assert (await ward.get("ada", "/recordings"))["recordings"] == []
        assert (await ward.ask("ada", "GET", series)).status_code == 404
        told = await ward.get("ada", f"/sessions/{code}/report?format=json")
        assert (told["heart"] is not None) == ("heart" in streams)
    await ward.consent(BODY, to="ada", purpose="research")
    assert (await ward.ask("ada", "GET", series)).status_code == 200
    for who in ("ada", "kim", "tom", "root"):
        raw = await ward.ask(who, "GET", f"/recordings/{id}/series")
        assert raw.status_code == 404, "an id is not told to be right"
        if who != "ada":
            assert (await ward.ask(who, "GET", series)).status_code == 404
    await ward.revoke(account=ward.accounts["ada"].id)
    assert (await ward.ask("ada", "GET", series)).status_code == 404


async def test_a_researchers_label_bears_their_code_and_tells_no_day(
    ward: Ward,
) -> None:
    id = put(ward, "ectopic")
    await ward.consent(BODY, to="ada", purpose="research")
    recording = ward.house.store.recording(id)
    assert recording is not None
    path = ward.house.store.data / recording.path
    beats = read_tables(path).beats
    append(
        path,
        Change(
            at_utc_ns=ward.house.utc_ns[0],
            by="Mira",
            index=5,
            label=Label.ARTEFACT,
            was=Label.NORMAL,
            comment=ZEBRA,
        ),
        beats,
    )
    code = codes(ward).session(id)
    body = {"index": 3, "label": "artefact", "comment": "a sigh", "by": "Ada L"}
    await ward.done("ada", "POST", f"/recordings/{code}/labels", body)
    kept = read_layer(path).changes
    assert [one.by for one in kept] == ["Mira", ward.code("ada")]
    told = await ward.get("ada", f"/recordings/{code}/series")
    first, own = told["layer"]["changes"]
    assert (first["by"], first["comment"]) == ("other", None)
    assert (own["by"], own["comment"]) == (ward.code("ada"), "a sigh")
    assert first["at"] == own["at"] == "1985-01-01T00:00:00Z"
    assert "Mira" not in str(told)
    archive = await ward.ask("ada", "GET", f"/recordings/{code}/exports/csv")
    assert "Mira" not in unpacked(archive.content)


async def test_codes_stay_and_are_each_researchers_own(ward: Ward) -> None:
    id = put(ward)
    one, again, other = codes(ward), codes(ward), codes(ward, "kim")
    assert one.session(id) == again.session(id) != other.session(id)
    person = ward.accounts["mira"].person_id
    assert one.person(person) == again.person(person) != other.person(person)
    assert re.fullmatch(r"S-[0-9A-HJKMNP-TV-Z]{8}", one.person(person))
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", one.session(id))


async def test_a_damaged_recording_does_not_tell_its_name(ward: Ward) -> None:
    id = put(ward)
    await ward.consent(BODY, to="ada", purpose="research")
    recording = ward.house.store.recording(id)
    assert recording is not None
    path = ward.house.store.data / recording.path
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    code = codes(ward).session(id)
    for at in (
        *(f"/recordings/{code}/series", f"/recordings/{code}/exports/csv"),
        *(f"/sessions/{code}/report", "/recordings"),
    ):
        answer = await ward.ask("ada", "GET", at)
        assert id not in answer.text, at
    # What is known without it is told all the same.
    told = await ward.get("mira", f"/sessions/{id}/report?format=json")
    assert told["ratings"]["rated"][0]["points"]["value"] == -2.0
    assert told["heart"]["measures"][0]["number"]["reason"]


def test_a_mask_moves_a_person_by_whole_days_alone() -> None:
    day_ns = 86_400 * 10**9
    first = 20_000 * day_ns + 9 * 3600 * 10**9
    mask = Mask(person="S", session="X", first_utc_ns=first, reader="R-000000")
    assert mask.utc_ns(first) == UNKNOWN_DATE_UTC_NS + 9 * 3600 * 10**9
    later = first + 3 * day_ns + 7
    assert mask.utc_ns(later) - mask.utc_ns(first) == 3 * day_ns + 7
