"""Held acts in the console: rule, reason, value, appeal and no name; released when two people agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from close.town import DAY, TAKEN_AT, Town, act, pending_mg
from console.conftest import Staff, done, look, send
from tanpuhui.access.models import Approval
from tanpuhui.close.acts import act_of
from tanpuhui.close.hold import hold
from tanpuhui.console.models import Job
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.integrity.models import Flag, Verdict

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
    assert Verdict.objects.get().reason == "A courier on an electric bicycle."
    again: Any = send(staff.asker, f"held/{flag.pk}/release", reason="once more")
    assert "Nothing holds the act" in again.content.decode()
    assert "released" in look(staff.auditor, "held/")


def test_what_is_not_there_is_not_found(staff: Staff) -> None:
    assert staff.asker.get("/console/held/999/release").status_code == 404
    assert staff.asker.get("/console/held/999/").status_code == 404
