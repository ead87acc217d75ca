"""Private notes: a therapist's own, apart from the record and from its exports."""

from __future__ import annotations

from tests.service.ward import Ward


async def test_notes_are_their_writers_alone(ward: Ward) -> None:
    await ward.consent(("heart",))
    await ward.consent(("heart",), to="lee")
    mira = ward.accounts["mira"].person_id
    id = await ward.begin()
    body = {"person": mira, "session": id, "text": "Breathes high in the chest."}
    note = await ward.done("kim", "POST", "/notes", body)
    assert (note["person"], note["session"], note["text"]) == (mira, id, body["text"])
    second = await ward.done("kim", "POST", "/notes", {"person": mira, "text": "Calm."})
    listed = (await ward.get("kim", f"/notes?person={mira}"))["notes"]
    assert listed == [second, note]
    assert (await ward.get("lee", f"/notes?person={mira}"))["notes"] == []
    gone = await ward.ask("lee", "DELETE", f"/notes/{note['id']}")
    assert gone.status_code == 404
    assert (await ward.ask("kim", "DELETE", f"/notes/{note['id']}")).status_code == 204
    assert (await ward.ask("kim", "DELETE", f"/notes/{note['id']}")).status_code == 404
    listed = (await ward.get("kim", f"/notes?person={mira}"))["notes"]
    assert listed == [second]
    actions = [row.action for row in ward.house.store.audit.newest(20)]
    assert {"notes.read", "notes.write", "notes.remove"} <= set(actions)
    told = (await ward.ask("mira", "GET", "/my-data")).content
    assert b"Calm." not in told


async def test_only_about_people_who_consent_now(ward: Ward) -> None:
    mira, tom = ward.accounts["mira"].person_id, ward.accounts["tom"].person_id
    body = {"person": mira, "text": "Calm."}
    for who, status in (("mira", 403), ("ada", 403), ("root", 403), ("kim", 404)):
        assert (await ward.ask(who, "POST", "/notes", body)).status_code == status
        answer = await ward.ask(who, "GET", f"/notes?person={mira}")
        assert answer.status_code == status, who
    await ward.consent(("ratings",), purpose="report")
    note = await ward.done("kim", "POST", "/notes", body)
    his = await ward.begin("tom")
    for wrong in (
        {"person": mira, "session": his, "text": "x"},
        {"person": tom, "text": "x"},
        {"person": "A" * 26, "text": "x"},
        {"person": ward.accounts["kim"].person_id, "text": "x"},
    ):
        assert (await ward.ask("kim", "POST", "/notes", wrong)).status_code == 404
    for text in ("", "x" * 4001):
        answer = await ward.ask("kim", "POST", "/notes", {**body, "text": text})
        assert answer.status_code == 422
    await ward.revoke()
    answer = await ward.ask("kim", "GET", f"/notes?person={mira}")
    assert answer.status_code == 404
    gone = await ward.ask("kim", "DELETE", f"/notes/{note['id']}")
    assert gone.status_code == 204, "one's own can go at any time"
