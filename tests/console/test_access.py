"""Access: only the operator's staff, with a second factor; an auditor looks at everything and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver, reverse

from access.people import AT
from console.conftest import Staff
from tanpuhui.access.membership import join, leave
from tanpuhui.access.models import AuditEntry, Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.console.addresses import LISTS, PAGES, VERBS
from tanpuhui.console.models import Job
from web.access_table import VALUES, VALUES_OF
from web.site import client_of
from web.test_routes import ROUTES

pytestmark = pytest.mark.django_db
OURS = sorted(name for name in ROUTES if name.startswith("console:"))
ACTING = sorted(f"console:{name}" for _, _, name in VERBS)


def address(name: str) -> str:
    known = VALUES | VALUES_OF["console"]
    return reverse(name, kwargs={key: known[key] for key in ROUTES[name]})


def test_the_tables_here_name_every_address_of_the_console() -> None:
    assert len(OURS) == len(PAGES) + len(VERBS) + 3 * len(LISTS)
    assert get_resolver().namespace_dict["console"]


@pytest.mark.parametrize("name", ACTING)
def test_an_auditor_reaches_no_verb_by_any_method(name: str, staff: Staff) -> None:
    before = AuditEntry.objects.count()

    for method in ("get", "post", "put", "delete"):
        assert getattr(staff.auditor, method)(address(name)).status_code in (403, 405)
    assert AuditEntry.objects.count() == before
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", sorted(set(OURS) - set(ACTING)))
def test_an_auditor_looks_at_everything(name: str, staff: Staff, fresh_home: Any) -> None:
    method = staff.auditor.post if name.endswith("_export") else staff.auditor.get

    assert method(address(name)).status_code in (200, 404)


@pytest.mark.parametrize("name", OURS)
def test_whoever_is_not_of_the_staff_gets_nothing_by_any_method(name: str, staff: Staff) -> None:
    bank = organise(Organisation.BANK, "bank", name_zh="银行", name_en="Bank", at=AT)
    outsider = User.objects.create_user("di@example.org")
    join(outsider, bank, Membership.ADMIN, at=AT)
    lent = User.objects.create_user("ed@example.org", is_staff=True)

    for user in (outsider, lent):
        for method in ("get", "post"):
            assert getattr(client_of(user), method)(address(name)).status_code == 403
    nobody = client_of(None).post(address(name))
    assert nobody.status_code == 302
    assert nobody.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", OURS)
def test_the_staff_first_add_a_second_factor(name: str, staff: Staff, settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = True

    for method in ("get", "post"):
        answer = getattr(staff.asker, method)(address(name))
        assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))


def test_a_membership_that_ended_and_a_member_of_nobodys_staff_are_outside(staff: Staff) -> None:
    leave(staff.deciding, staff.organisation, at=AT)
    User.objects.filter(pk=staff.asking.pk).update(is_staff=False)

    assert staff.decider.get("/console/").status_code == 403
    assert staff.asker.get("/console/").status_code == 403


def test_the_frames_way_leads_into_the_console(staff: Staff) -> None:
    answer = staff.asker.get("/operator/", follow=True)

    assert answer.redirect_chain[-1][0] == "/console/"
    assert answer.status_code == 200
