"""Credentials in the console: listed without names of residents; suspended and restored by one, revoked by two."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from console.conftest import ENGLISH, Staff, done, look, send
from disclosure.people import AT, MINUTE, consent
from registry.units_town import given, new_lot
from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.access.organise import organise
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.withdraw import pause, resume
from tanpuhui.console.models import Job
from tanpuhui.copies.portability import take_along
from tanpuhui.disclosure.carry import carry
from tanpuhui.disclosure.follow_consent import follow_consent
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.notary.sources import sources
from tanpuhui.offsetting.certificate import credential_of
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.transparency.credential import state_of
from tanpuhui.transparency.credential_status import revoke, suspend
from tanpuhui.transparency.issuer import lists
from tanpuhui.transparency.models import Credential, StatusStep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
WHY = "the meter is being looked at"
Committed = Callable[..., AbstractContextManager[Any]]


@pytest.fixture()
def certified(staff: Staff) -> Credential:
    """The credential of a company's certificate of two tonnes."""
    company = organise("company", "acme", name_zh="宏达公司", name_en="Acme Works", at=utc_now())
    given(organisation(company.pk), new_lot(20), 10)
    order = VoluntaryOrder("v", organisation(company.pk), 2 * TONNE_MG, "Marathon", "travel")
    return credential_of(retire_voluntarily(order, load_jurisdiction("demo"), at=utc_now()).certificate)


def published(credential: Credential) -> int:
    """The two bits of a credential in the file that everybody downloads: 0 valid, 1 revoked, 2 suspended."""
    body = (lists() / str(credential.status_list)).read_text().split(".")[1]
    packed = json.loads(urlsafe_b64decode(body + "=="))["status_list"]["lst"]
    bits = zlib.decompress(urlsafe_b64decode(packed + "=="))
    return bits[credential.status_index // 4] >> 2 * (credential.status_index % 4) & 3


def certificate_page() -> str:
    caches["default"].clear()
    return Client().get("/certificates/C000001-95/", **ENGLISH).content.decode()


def test_a_certificate_is_suspended_restored_and_by_two_revoked_and_everybody_sees_it(
    staff: Staff, certified: Credential, django_capture_on_commit_callbacks: Committed
) -> None:
    place = f"credentials/{certified.pk}"
    for verb, bits, word in (("suspend", 2, "Suspended"), ("restore", 0, "")):
        with django_capture_on_commit_callbacks(execute=True):
            page = send(staff.asker, f"{place}/{verb}", reason=f"{WHY}, {verb}").content.decode()
        assert f"{WHY}, {verb}" in page
        assert published(certified) == bits
        assert (f"{WHY}, {verb}" in certificate_page()) == bool(word)
        entry = AuditEntry.objects.get(verb=f"credential.{verb}")
        assert (entry.who, entry.object_kind, entry.object_key) == (
            staff.asking,
            "credential",
            str(certified.pk),
        )

    send(staff.asker, f"{place}/revoke", reason="issued with a wrong name")
    assert state_of(certified) == StatusStep.VALID
    approval = Approval.objects.get()
    assert send(staff.asker, f"approvals/{approval.pk}/agree", reason="myself").status_code == 422
    with django_capture_on_commit_callbacks(execute=True):
        job = done(send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it"))

    assert (job.state, job.answer) == (Job.DONE, {"credential": certified.pk, "changed": True})
    assert published(certified) == 1
    assert "Revoked: nobody should rely on this certificate." in certificate_page()
    assert AuditEntry.objects.get(verb="credential.revoke.done").reason == "issued with a wrong name"
    [logged] = [one for one in sources() if one.kind == "credential_status"]
    said = [(one.content["state"], one.content["by"]) for one in logged.waiting()]
    assert said == [("suspended", "operator"), ("valid", "operator"), ("revoked", "operator")]
    for verb in ("suspend", "restore", "revoke"):
        assert send(staff.asker, f"{place}/{verb}", reason=WHY).status_code == 422
    assert certified.steps.count() == 3


def test_what_does_not_follow_is_refused_and_nothing_is_written_down(
    staff: Staff, certified: Credential
) -> None:
    place = f"credentials/{certified.pk}"
    for verb, reason in (("restore", WHY), ("suspend", ""), ("revoke", "x" * 501)):
        assert send(staff.asker, f"{place}/{verb}", reason=reason).status_code == 422
    suspend(certified, reason=WHY, by="operator", at=utc_now())
    assert send(staff.asker, f"{place}/suspend", reason=WHY).status_code == 422
    revoke(certified, reason=WHY, by="operator", at=utc_now())

    assert send(staff.asker, "credentials/999999999999999999999/suspend", reason=WHY).status_code == 404
    assert not AuditEntry.objects.filter(verb__startswith="credential.").exists()
    assert not Approval.objects.exists()


def test_an_operator_suspends_over_a_pause_and_restoring_leaves_the_pause(
    staff: Staff, django_capture_on_commit_callbacks: Committed
) -> None:
    grant = consent(account=open_accounts(1, at=AT)[0])
    one = carry(grant.resident_id, grant.pk, jurisdiction=load_jurisdiction("demo"), at=utc_now())
    pause(grant.pk, at=utc_now(), method="test")
    follow_consent(at=utc_now())
    place = f"credentials/{one.pk}"

    before = look(staff.asker, f"{place}/")
    assert f"{place}/suspend" in before and f"{place}/restore" not in before
    assert send(staff.asker, f"{place}/restore", reason=WHY).status_code == 422
    for verb, said in (("suspend", "The status list says so now."), ("restore", "It stays suspended")):
        with django_capture_on_commit_callbacks(execute=True):
            assert said in send(staff.asker, f"{place}/{verb}", reason=WHY).content.decode()
        assert published(one) == 2
        assert AuditEntry.objects.filter(verb=f"credential.{verb}", object_key=str(one.pk)).count() == 1
    resume(grant.pk, at=utc_now(), method="test")
    follow_consent(at=utc_now())

    assert [(step.state, step.by) for step in one.steps.order_by("sequence")] == [
        ("suspended", "consent"),
        ("suspended", "operator"),
        ("valid", "operator"),
        ("suspended", "consent"),
        ("valid", "consent"),
    ]


def test_a_company_is_named_and_a_resident_is_a_number(staff: Staff, certified: Credential) -> None:
    grant = consent(account=open_accounts(50, at=AT)[-1])
    at = AT + MINUTE
    carried = carry(grant.resident_id, grant.pk, jurisdiction=load_jurisdiction("demo"), at=at)
    taken = take_along(grant.resident_id, at=at).credential
    pause(grant.pk, at=at, method="test")
    follow_consent(at=at)

    rows = look(staff.auditor, "credentials/")
    page = look(staff.auditor, f"credentials/{carried.pk}/")

    assert "Acme Works" in rows
    assert rows.count(f"account {grant.resident_id}</a>") == 2
    assert "the consent is paused" in page
    assert "Revoke" not in page
    assert "Revoke" in look(staff.asker, f"credentials/{carried.pk}/")
    for asked, found in (
        ("q=c000001-95", [certified]),
        (f"q={grant.resident_id}", [taken, carried]),
        (f"q={'9' * 30}", []),
        (f"q={taken.pk}", [taken]),
        ("state=suspended", [carried]),
        ("state=valid", [taken, certified]),
        ("kind=urn:tanpuhui:balance-statement:1", [carried]),
    ):
        shown = look(staff.auditor, f"credentials/?{asked}")
        assert [
            one for one in (taken, carried, certified) if f"/console/credentials/{one.pk}/" in shown
        ] == found
    in_chinese = staff.auditor.get(f"/console/credentials/{carried.pk}/", HTTP_ACCEPT_LANGUAGE="zh-CN")
    assert "授权已暂停" in in_chinese.content.decode()
    assert f"/console/credentials/{certified.pk}/" in look(staff.auditor, "certificates/C000001-95/")
    file = staff.auditor.post("/console/credentials/export").getvalue().decode()
    assert certified.jwt not in file
    assert "C000001-95" in file
