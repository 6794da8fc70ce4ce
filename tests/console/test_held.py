"""Held acts in the console: rule, reason, value, appeal and no name; released, or confirmed, when two people agree."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from close.town import DAY, TAKEN_AT, Town, act, pending_mg
from console.conftest import Staff, done, look, send
from tanpuhui.access.hold import hold as hold_account
from tanpuhui.access.models import Approval, AuditEntry, User
from tanpuhui.api.resident.acts import trace_said
from tanpuhui.close.acts import act_of
from tanpuhui.close.hold import hold
from tanpuhui.close.trace import trace
from tanpuhui.console.models import Job
from tanpuhui.copies.archive import SCHEMA_FILE
from tanpuhui.copies.record import record
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.integrity.decide import release
from tanpuhui.integrity.look import decisions_of
from tanpuhui.integrity.models import Flag, Verdict
from tanpuhui.kit.moment import utc_now
from web.site import client_of

LATER = TAKEN_AT + timedelta(hours=2)
#: 48.7 g a kilometre: 20 km in half an hour are a car.
FAST_MG = 974_000


@pytest.fixture()
def cheated(town: Town) -> int:
    """An account whose ride is a car's, and held."""
    account = town.settle("a")["a"]
    town.take(act("bike_trip", "fast", "a", distance_m=20_000))
    town.close()
    hold(DAY, 7, at=LATER, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
    return account


def test_the_list_tells_rule_reason_value_and_appeal_and_no_account(
    staff: Staff, town: Town, cheated: int
) -> None:
    flag = Flag.objects.get()
    before = look(staff.auditor, "held/")
    manifest = act_of(cheated, flag.record_id, town.places).manifest
    appeal(Against(cheated, flag.record_id, DAY, "held", manifest), "It was electric.", at=LATER)

    after, page = look(staff.auditor, "held/"), look(staff.auditor, f"held/{flag.pk}/")

    for text in (after, page):
        assert str(flag.record_id) in text and "fraud.speed@1" in text
        assert "974" in text and "waits for an answer" in text
        assert f"accounts/{cheated}/" not in text
    assert "waits for an answer" not in before
    assert "Release" not in page, "an auditor only reads"
    assert "It was electric." not in page
    assert str(flag.record_id) not in look(staff.auditor, "held/?state=released")
    assert str(flag.record_id) in look(staff.auditor, "held/?state=held")
    assert "暂缓的行为" in staff.auditor.get("/console/held/", HTTP_ACCEPT_LANGUAGE="zh-CN").content.decode()


def test_an_act_is_released_when_a_colleague_agrees_and_then_credited(
    staff: Staff, town: Town, cheated: int
) -> None:
    flag = Flag.objects.get()

    send(staff.asker, f"held/{flag.pk}/release", reason="A courier on an electric bicycle.")

    approval = Approval.objects.get()
    assert (approval.verb, pending_mg(cheated)) == ("act.release", 0)
    job = done(send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it"))
    assert job.state == Job.DONE
    assert pending_mg(cheated) == FAST_MG
    verdict = Verdict.objects.get()
    assert (verdict.reason, verdict.decided_by) == ("A courier on an electric bicycle.", staff.asking)
    again: Any = send(staff.asker, f"held/{flag.pk}/release", reason="once more")
    assert "Nothing holds the act" in again.content.decode()
    assert "released" in look(staff.auditor, "held/")


def test_what_is_not_there_is_not_found(staff: Staff) -> None:
    assert staff.asker.get("/console/held/999/release").status_code == 404
    assert staff.asker.get("/console/held/999/").status_code == 404


def test_two_confirm_that_an_act_stays_held_and_the_person_reads_why_everywhere(
    staff: Staff, town: Town, cheated: int
) -> None:
    flag, why = Flag.objects.get(), "The ride was as fast as a car."
    place = f"held/{flag.pk}"
    assert f"{place}/confirm" in look(staff.asker, f"{place}/")

    send(staff.asker, f"{place}/confirm", reason=why)

    approval = Approval.objects.get()
    assert (approval.verb, Verdict.objects.count()) == ("act.confirm", 0)
    assert send(staff.asker, f"approvals/{approval.pk}/agree", reason="myself").status_code == 422
    job = done(send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it"))
    verdict = Verdict.objects.get()
    assert (job.state, job.answer) == (Job.DONE, {"day": DAY.isoformat()})
    assert (verdict.decision, verdict.reason, verdict.decided_by) == ("confirmed", why, staff.asking)
    entries = AuditEntry.objects.filter(object_kind="record", object_key=str(flag.record_id))
    verbs = {one.verb for one in entries}
    assert verbs == {f"act.confirm.{step}" for step in ("approval_asked", "agreed", "asked", "done")}
    page = look(staff.asker, f"{place}/")
    assert f"{place}/confirm" not in page and f"{place}/release" in page
    assert send(staff.asker, f"{place}/confirm", reason="once more").status_code == 422

    rider = User.objects.create_user("rider@example.org", language="zh")
    hold_account(rider, cheated, at=TAKEN_AT)
    act_page = f"/resident/acts/{flag.record_id}/"
    shown = client_of(rider).get(act_page, HTTP_ACCEPT_LANGUAGE="zh-CN").content.decode()
    assert why in shown and "该行为维持暂缓，不予计入" in shown and "等待核实" not in shown
    release(flag.record_id, "A courier after all.", by=None, at=utc_now())
    kept = record(cheated, at=utc_now())
    said = [("released", "A courier after all."), ("confirmed", why)]
    verdicts = kept["more"]["verdicts"]
    assert [(one["decision"], one["reason"]) for one in verdicts] == said
    assert {(one["record"], *one["rules"]) for one in verdicts} == {(str(flag.record_id), "fraud.speed@1")}
    assert list(Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).iter_errors(kept)) == []
    traced = trace_said(trace(act_of(cheated, flag.record_id, town.places), town.places))["verdicts"]
    assert [(one["decision"], one["reason"]) for one in traced] == said
    assert decisions_of(cheated + 1) == decisions_of(cheated, flag.record_id + 1) == []
    for address in (act_page, "/resident/privacy/record/"):
        shown = client_of(rider).get(address, HTTP_ACCEPT_LANGUAGE="zh-CN").content.decode()
        assert why in shown and "A courier after all." in shown and "暂缓，已确认" in shown, address
        assert "该行为维持暂缓" not in shown, "that was before it was released"
