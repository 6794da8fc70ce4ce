"""Verbs: what the staff do, from asking to the ledger, with an entry of the audit trail for each step."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from close.town import DAY, PROVIDER, Town, certified_mg, metro, pending_mg
from console.conftest import SECOND, Staff, done, look, send
from tanpuhui.access import approve
from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.close.models import Manifest
from tanpuhui.console.models import Job
from tanpuhui.console.work import drain
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.models import Contract, QuarantinedRow
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balances
from tanpuhui.registry.freeze import freeze, frozen_of
from tanpuhui.registry.models import Lot

pytestmark = pytest.mark.django_db
WHY = "asked for in ticket 12"


def trail(verb: str) -> AuditEntry:
    """The one entry of a verb, with its reason."""
    return AuditEntry.objects.get(verb=verb)


def approval_of(answer: Any) -> Approval:
    """The question that was just asked; its page is what follows."""
    found = Approval.objects.latest("asked_at")
    assert f"/console/approvals/{found.pk}/" in answer.redirect_chain[-1][0]
    return found


def agreed(staff: Staff, approval: Approval) -> Any:
    return send(staff.decider, f"approvals/{approval.pk}/agree", reason="looked at it")


@pytest.fixture()
def lot(staff: Staff, town: Town, people: dict[str, int]) -> Lot:
    """Two tonnes of the first resident, asked for by one and agreed to by another."""
    town.close()
    answer = send(
        staff.asker,
        "lots/certify",
        methodology="shanghai/rooftop-pv@1",
        through=DAY.isoformat(),
        verifier="Green Audit Ltd",
        reason=WHY,
    )
    agreed(staff, approval_of(answer))
    assert done(answer).state == Job.DONE
    return Lot.objects.get()


# Days


def test_a_due_day_is_closed_and_again_with_nothing_to_do(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    assert "never closed" in look(staff.asker, "due/")

    answer = send(staff.asker, f"due/{DAY}/close")
    assert "This is being worked on" in answer.content.decode()
    job = done(answer)

    assert job.state == Job.DONE
    assert job.answer["credited_mg"] == 2_100_000_000 + 467_000
    assert Manifest.objects.get().digest == job.answer["manifest"]
    assert trail("close.day.asked").who == staff.asking
    assert trail("close.day.done").facts["answer"]["posted"] is True
    assert trail("close.day.done").object_key == DAY.isoformat()
    assert "how records ended" in look(staff.asker, f"jobs/{job.pk}/").lower()
    assert "Every day that is over" in look(staff.asker, "due/")
    again = done(send(staff.asker, f"due/{DAY}/close"))
    assert again.answer["posted"] is False
    assert Manifest.objects.count() == 1


def test_the_same_day_is_not_asked_for_twice_at_a_time(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    send(staff.asker, f"due/{DAY}/close")
    send(staff.decider, f"due/{DAY}/close")

    assert Job.objects.count() == 1
    assert AuditEntry.objects.filter(verb="close.day.asked").count() == 1


@pytest.mark.parametrize(("day", "says"), [("2099-01-01", "is not over"), ("today", "is not a day")])
def test_a_day_that_cannot_be_closed_is_refused_at_once(
    day: str, says: str, staff: Staff, fresh_home: Any
) -> None:
    answer = staff.asker.post(f"/console/due/{day}/close", HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Job.objects.exists()


def test_a_replay_is_kept_in_the_audit_trail(staff: Staff, town: Town, people: dict[str, int]) -> None:
    digest = town.close().manifest

    job = done(send(staff.asker, f"closes/{digest}/replay"))

    assert job.answer["agrees"] is True
    assert trail("close.replay.done").facts["answer"]["agrees"] is True
    assert trail("close.replay.done").object_key == digest
    assert "agrees to the milligram" in look(staff.auditor, f"jobs/{job.pk}/")
    assert "close.replay.done" in look(staff.auditor, f"closes/{digest}/")


def test_a_manifest_is_given_in_the_form_that_has_its_digest(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    digest = town.close().manifest

    answer = staff.auditor.get(f"/console/closes/{digest}/manifest.json")

    assert digest_bytes(answer.content) == digest


def test_a_certified_day_is_reopened_by_two(staff: Staff, town: Town, lot: Lot) -> None:
    town.take(metro("9", "b", 1_000, hour=20))
    assert staff.asker.post(f"/console/due/{DAY}/close").status_code == 422

    approval = approval_of(send(staff.asker, f"due/{DAY}/reopen", reason=WHY))
    assert not Job.objects.filter(kind="close.reopen").exists()
    job = done(agreed(staff, approval))

    assert (job.kind, job.state, job.answer["posted"]) == ("close.reopen", Job.DONE, True)
    assert Manifest.objects.filter(day=DAY).count() == 2
    assert trail("close.reopen.done").facts["approval"] == str(approval.pk)


# Lots and four eyes


def test_a_lot_takes_two_and_the_whole_way_is_written_down(
    staff: Staff, lot: Lot, people: dict[str, int]
) -> None:
    assert (lot.tonnes, lot.operator, lot.verifier) == (2, "City centre", "Green Audit Ltd")
    assert certified_mg(people["a"]) == 2_000_000_000
    verbs = AuditEntry.objects.filter(verb__startswith="lot.certify").order_by("id")
    assert [(entry.verb, entry.who) for entry in verbs] == [
        ("lot.certify.approval_asked", staff.asking),
        ("lot.certify.agreed", staff.deciding),
        ("lot.certify.asked", staff.asking),
        ("lot.certify.done", staff.asking),
    ]
    assert verbs[0].reason == WHY
    assert verbs[1].reason == "looked at it"
    assert verbs[3].facts["answer"]["lot"] == lot.code
    page = look(staff.auditor, f"lots/{lot.code}/")
    assert "DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000002" in page
    assert Manifest.objects.get().digest in page


def test_nobody_agrees_to_their_own_question(staff: Staff, town: Town, people: dict[str, int]) -> None:
    town.close()
    approval = approval_of(send(staff.asker, f"due/{DAY}/reopen", reason=WHY))
    assert "Agree</a>" not in look(staff.asker, f"approvals/{approval.pk}/")
    assert "Agree</a>" in look(staff.decider, f"approvals/{approval.pk}/")

    answer = staff.asker.post(
        f"/console/approvals/{approval.pk}/agree", {"reason": "me"}, HTTP_ACCEPT_LANGUAGE="en"
    )

    assert answer.status_code == 422
    assert "a second person must decide" in answer.content.decode()
    approval.refresh_from_db()
    assert approval.decided_at is None
    assert not Job.objects.exists()


def test_what_was_denied_is_not_done_and_not_decided_again(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    approval = approval_of(send(staff.asker, f"due/{DAY}/reopen", reason=WHY))

    send(staff.decider, f"approvals/{approval.pk}/deny", reason="not needed")

    assert trail("close.reopen.denied").reason == "not needed"
    assert staff.decider.post(f"/console/approvals/{approval.pk}/agree", {"reason": "x"}).status_code == 422
    assert not Job.objects.exists()


def test_a_yes_makes_one_job_however_often_it_is_sent(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    approval = approval_of(send(staff.asker, f"due/{DAY}/reopen", reason=WHY))

    agreed(staff, approval)
    agreed(staff, approval)

    assert Job.objects.filter(approval=approval).count() == 1
    with pytest.raises(Exception, match="used"):
        approve.use(approval.pk, approval.verb, approval.arguments, at=utc_now())


def test_what_is_done_is_what_was_agreed_to_to_the_letter(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    approval = approval_of(send(staff.asker, f"due/{DAY}/reopen", reason=WHY))
    agreed(staff, approval)

    job = Job.objects.get()
    assert (job.kind, job.arguments) == (approval.verb, approval.arguments)
    job.arguments = {"day": SECOND.isoformat()}
    with pytest.raises(DatabaseError, match="keeps what it is"), transaction.atomic():
        job.save(update_fields=["arguments"])


def test_a_verifier_who_is_the_operator_is_refused_before_anybody_is_asked(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    answer = staff.asker.post(
        "/console/lots/certify",
        {
            "methodology": "shanghai/rooftop-pv@1",
            "through": DAY.isoformat(),
            "verifier": "CITY  Centre",
            "reason": WHY,
        },
        HTTP_ACCEPT_LANGUAGE="en",
    )

    assert answer.status_code == 422
    assert "cannot verify its lots" in answer.content.decode()
    assert 'value="CITY  Centre"' in answer.content.decode()
    assert not Approval.objects.exists()


def test_a_job_that_is_refused_says_why_in_the_readers_language(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    answer = send(
        staff.asker,
        "lots/certify",
        methodology="shenzhen/metro@1",
        through=DAY.isoformat(),
        verifier="Green Audit Ltd",
        reason=WHY,
    )
    agreed(staff, approval_of(answer))

    job = done(answer)

    assert job.state == Job.FAILED
    assert "less than one tonne" in look(staff.asker, f"jobs/{job.pk}/")
    assert trail("lot.certify.not_done").facts["answer"]["code"] == "registry.less_than_a_tonne"
    assert not Lot.objects.exists()


# Accounts


def test_an_account_is_found_by_a_pseudonym_that_is_kept_nowhere(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    answer = send(staff.asker, "accounts/find", provider=PROVIDER, pseudonym="a", reason=WHY)

    assert answer.redirect_chain[-1][0] == f"/console/accounts/{people['a']}/"
    entry = trail("account.found")
    assert (entry.object_key, entry.reason, entry.facts) == (str(people["a"]), WHY, {"provider": PROVIDER})
    missing = send(staff.asker, "accounts/find", provider=PROVIDER, pseudonym="Zhang-3", reason=WHY)
    assert "No account is linked to this pseudonym" in missing.content.decode()
    assert trail("account.not_found").object_key == PROVIDER
    assert not any("Zhang-3" in str(vars(entry)) for entry in AuditEntry.objects.all())


def test_looking_at_an_account_is_written_down(staff: Staff, town: Town, people: dict[str, int]) -> None:
    look(staff.auditor, f"accounts/{people['a']}/")

    entry = trail("account.seen")
    assert (entry.who, entry.object_key) == (staff.auditing, str(people["a"]))


def test_an_account_is_frozen_by_one_and_let_go_by_two(
    staff: Staff, lot: Lot, people: dict[str, int]
) -> None:
    account = people["a"]

    send(staff.asker, f"accounts/{account}/freeze", reason=WHY)

    assert (certified_mg(account), pending_mg(account)) == (0, 0)
    assert trail("account.frozen").reason == WHY
    approval = approval_of(send(staff.asker, f"accounts/{account}/unfreeze", reason=WHY))
    assert frozen_of(account)
    assert done(agreed(staff, approval)).state == Job.DONE
    assert certified_mg(account) == 2_000_000_000


def test_certified_reductions_are_clawed_back_by_two(staff: Staff, lot: Lot, people: dict[str, int]) -> None:
    account = people["a"]
    freeze(account, key="test", at=utc_now())
    answer = send(
        staff.asker, f"accounts/{account}/claw-back", lot=lot.code, amount_mg="1500000000", reason=WHY
    )
    assert certified_mg(account) == 0

    job = done(agreed(staff, approval_of(answer)))

    cancelled = balances(connection, [account_id(Kind.CANCELLED, account)])
    assert (job.state, [row.available for row in cancelled]) == (Job.DONE, [1_500_000_000])
    assert trail("account.claw_back.done").reason == WHY


@pytest.mark.parametrize("amount_mg", ["0", "-1", "2000000001", "many", str(2**63)])
def test_nothing_and_more_than_is_held_are_refused_before_anybody_is_asked(
    amount_mg: str, staff: Staff, lot: Lot, people: dict[str, int]
) -> None:
    before = Approval.objects.count()

    answer = staff.asker.post(
        f"/console/accounts/{people['a']}/claw-back",
        {"lot": lot.code, "amount_mg": amount_mg, "reason": WHY},
    )

    assert answer.status_code == 422
    assert Approval.objects.count() == before


def test_who_somebody_is_takes_two_is_shown_once_and_to_who_asked_alone(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    from datetime import date

    from close.town import OPENED_AT
    from tanpuhui.consent.open_account import open_account

    account = open_account(at=OPENED_AT, birth_on=date(2015, 6, 1), guardian=people["a"])
    approval = approval_of(send(staff.asker, f"accounts/{account}/identity", reason=WHY))
    opening = f"accounts/{account}/identity/{approval.pk}"
    assert "2015-06-01" not in send(staff.asker, opening).content.decode()
    agreed(staff, approval)
    assert not Job.objects.exists()
    assert "2015-06-01" not in send(staff.decider, opening).content.decode()
    other = f"accounts/{people['a']}/identity/{approval.pk}"
    assert "nothing is known" not in send(staff.asker, other).content.decode()
    assert not AuditEntry.objects.filter(verb="account.identity_shown").exists()

    shown = send(staff.asker, opening).content.decode()

    assert "2015-06-01" in shown
    assert re.search(rf"Account of the guardian</dt><dd>{people['a']}</dd>", shown)
    entry = trail("account.identity_shown")
    assert (entry.who, entry.object_key, entry.reason) == (staff.asking, str(account), WHY)
    assert "2015" not in str(entry.facts)
    again = send(staff.asker, opening)
    assert again.status_code == 422
    assert "2015-06-01" not in again.content.decode()


# Data in


def test_a_provider_is_disabled_with_a_reason_by_a_new_version(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    send(staff.asker, f"providers/{PROVIDER}/disable", reason=WHY)
    send(staff.asker, f"providers/{PROVIDER}/disable", reason=WHY)

    assert (latest(PROVIDER).version, latest(PROVIDER).enabled) == (2, False)
    assert Contract.objects.get(version=1).enabled
    assert (trail("provider.disabled").reason, trail("provider.disabled").facts) == (WHY, {"version": 2})


def test_a_refused_row_is_opened_with_a_reason_and_an_entry_alone(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    row = QuarantinedRow.objects.get()
    assert "energy_wh" not in look(staff.asker, f"rows/{row.pk}/").replace("energy_wh</code></dd>", "")
    empty = staff.asker.post(f"/console/rows/{row.pk}/open", {"reason": "  "})
    assert empty.status_code == 422
    assert not AuditEntry.objects.filter(verb="row.opened").exists()

    answer = send(staff.asker, f"rows/{row.pk}/open", reason=WHY)

    assert "-1" in answer.content.decode()
    assert (trail("row.opened").object_key, trail("row.opened").reason) == (str(row.pk), WHY)


# Rules and control


def test_the_effect_of_a_version_is_worked_out_by_a_job(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    town.close()
    before = Manifest.objects.count()

    job = done(
        send(
            staff.asker,
            "methodologies/shenzhen/metro/1/effect",
            first=DAY.isoformat(),
            last=DAY.isoformat(),
        )
    )

    assert job.state == Job.DONE
    assert (job.answer["days"], job.answer["residents"]) == (1, 0)
    assert Manifest.objects.count() == before
    assert "Residents whose sum changes" in look(staff.auditor, f"jobs/{job.pk}/")


def test_the_ledger_is_checked_and_the_first_page_says_so(
    staff: Staff, town: Town, people: dict[str, int], monkeypatch: Any
) -> None:
    from tanpuhui.console import kinds

    # A test's own transaction has begun already: it cannot look at a single moment.
    monkeypatch.setattr(kinds, "as_of_one_moment", transaction.atomic)
    assert "never checked" in look(staff.asker)

    job = done(send(staff.asker, "jobs/check-ledger"))

    assert job.answer["ok"] is True
    assert "every invariant holds" in look(staff.asker)


def test_a_list_that_is_taken_along_is_written_down(staff: Staff, town: Town, people: dict[str, int]) -> None:
    answer = staff.auditor.post("/console/accounts/export?q=" + str(people["a"]))
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))

    assert rows[0] == ["account", "opened_at", "closed_at"]
    assert [row[0] for row in rows[1:]] == [str(people["a"])]
    entry = trail("list.exported")
    assert (entry.who, entry.object_key, entry.facts["rows"]) == (staff.auditing, "accounts", 1)


def test_a_text_that_spreadsheets_take_for_a_formula_is_made_plain(staff: Staff, fresh_home: Any) -> None:
    send(staff.asker, "jobs/check-ledger")
    AuditEntry.objects.create(verb="test", reason="=HYPERLINK(1)", at=utc_now(), who=staff.asking)

    answer = staff.auditor.post("/console/audit/export")

    assert "'=HYPERLINK(1)" in answer.getvalue().decode()


def test_an_operator_cannot_change_the_audit_trail(staff: Staff, town: Town, people: dict[str, int]) -> None:
    look(staff.asker, f"accounts/{people['a']}/")
    entry = trail("account.seen")

    for change in ("UPDATE access_audit_entry SET verb = 'x'", "DELETE FROM access_audit_entry"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE tanpuhui_app")
            cursor.execute(change)
    assert staff.asker.post(f"/console/audit/{entry.pk}/", {"verb": "x"}).status_code in (200, 405)
    assert AuditEntry.objects.get(pk=entry.pk).verb == "account.seen"


def test_a_resident_is_not_named_in_the_audit_trail(staff: Staff) -> None:
    from tanpuhui.access.models import User

    resident = User.objects.create_user("zhang@example.org")
    AuditEntry.objects.create(verb="open_account", at=utc_now(), who=resident)

    page = look(staff.auditor, "audit/")

    assert "zhang@" not in page
    assert str(resident.pk)[:8] in page
    assert isinstance(resident.pk, UUID)
    assert "an@operator.example" not in page


# Workers


def test_a_job_that_a_killed_worker_had_begun_is_done_by_the_next(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    send(staff.asker, f"due/{DAY}/close")
    job = Job.objects.get()
    job.state, job.attempts = Job.RUNNING, 1
    job.save(update_fields=["state", "attempts"])

    assert drain() == 1

    job.refresh_from_db()
    assert (job.state, job.attempts, job.answer["posted"]) == (Job.DONE, 2, True)


def test_a_job_that_ends_every_worker_is_given_up(staff: Staff, town: Town, people: dict[str, int]) -> None:
    send(staff.asker, f"due/{DAY}/close")
    Job.objects.update(state=Job.RUNNING, attempts=3)

    assert drain() == 1

    assert (Job.objects.get().state, Job.objects.get().answer["code"]) == (Job.FAILED, "console.given_up")


def test_an_error_of_ours_ends_a_job_without_its_words(
    staff: Staff, town: Town, people: dict[str, int], monkeypatch: Any
) -> None:
    from tanpuhui.console import kinds

    def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("zhang@example.org")

    monkeypatch.setitem(kinds.KINDS, "close.day", kinds.Kind("x", breaks, whole=False))
    job = done(send(staff.asker, f"due/{DAY}/close"))

    assert (job.state, job.answer["code"]) == (Job.FAILED, "console.our_fault")
    assert "zhang" not in str(job.answer)


def test_the_database_keeps_a_job_that_has_ended(staff: Staff, town: Town, people: dict[str, int]) -> None:
    job = done(send(staff.asker, f"due/{DAY}/close"))

    with pytest.raises(DatabaseError, match="ends once"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state="queued")
    with pytest.raises(DatabaseError), transaction.atomic():
        job.delete()


def test_everything_works_with_the_servers_own_rights(
    staff: Staff, town: Town, people: dict[str, int]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")
    try:
        job = done(send(staff.asker, f"due/{DAY}/close"))
        assert job.state == Job.DONE
        answer = send(
            staff.asker,
            "lots/certify",
            methodology="shanghai/rooftop-pv@1",
            through=DAY.isoformat(),
            verifier="Green Audit Ltd",
            reason=WHY,
        )
        assert done(agreed(staff, approval_of(answer))).state == Job.DONE
        send(staff.asker, f"accounts/{people['a']}/freeze", reason=WHY)
        answer = send(
            staff.asker,
            f"accounts/{people['a']}/claw-back",
            lot="DEMO-000001",
            amount_mg="1",
            reason=WHY,
        )
        assert done(agreed(staff, approval_of(answer))).state == Job.DONE
        send(staff.asker, f"providers/{PROVIDER}/disable", reason=WHY)
        for page in ("", "due/", "grants/", "accounts/", f"accounts/{people['a']}/", "audit/", "jobs/"):
            assert look(staff.asker, page)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
