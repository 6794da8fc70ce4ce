"""Access: only the operator's staff, with a second factor; an auditor looks at everything and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import get_resolver, reverse

from access.people import AT
from console.conftest import Staff, make_staff
from tanpuhui.access.membership import join, leave
from tanpuhui.access.models import AuditEntry, Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.console.addresses import LISTS, PAGES, VERBS
from tanpuhui.console.models import Job
from web.access_table import VALUES, VALUES_OF
from web.site import browser, client_of, session_of
from web.test_routes import ROUTES

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def office(django_db_setup: None, django_db_blocker: Any) -> Iterator[Staff]:
    """One staff for all of these tests, taken back at the end."""
    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        yield make_staff()
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture(scope="module")
def readers(office: Staff, django_db_blocker: Any) -> dict[str, str]:
    """A session of each person who asks for every address."""
    with django_db_blocker.unblock():
        bank = organise(Organisation.BANK, "bank", name_zh="银行", name_en="Bank", at=AT)
        outsider = User.objects.create_user("di@example.org")
        join(outsider, bank, Membership.ADMIN, at=AT)
        lent = User.objects.create_user("ed@example.org", is_staff=True)
        return {
            "asker": session_of(office.asker),
            "auditor": session_of(office.auditor),
            "outsider": session_of(client_of(outsider)),
            "lent": session_of(client_of(lent)),
        }


OURS = sorted(name for name in ROUTES if name.startswith("console:"))
ACTING = sorted(f"console:{name}" for _, _, name in VERBS)


def address(name: str) -> str:
    known = VALUES | VALUES_OF["console"]
    return reverse(name, kwargs={key: known[key] for key in ROUTES[name]})


def test_the_tables_here_name_every_address_of_the_console() -> None:
    assert len(OURS) == len(PAGES) + len(VERBS) + 3 * len(LISTS)
    assert get_resolver().namespace_dict["console"]


@pytest.mark.parametrize("name", ACTING)
def test_an_auditor_reaches_no_verb_by_any_method(name: str, readers: dict[str, str]) -> None:
    auditor = browser(readers["auditor"])
    before = AuditEntry.objects.count()

    for method in ("get", "post", "put", "delete"):
        assert getattr(auditor, method)(address(name)).status_code in (403, 405)
    assert AuditEntry.objects.count() == before
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", sorted(set(OURS) - set(ACTING)))
def test_an_auditor_looks_at_everything(name: str, readers: dict[str, str], fresh_home: Any) -> None:
    auditor = browser(readers["auditor"])
    method = auditor.post if name.endswith("_export") else auditor.get

    assert method(address(name)).status_code in (200, 404)


@pytest.mark.parametrize("name", OURS)
def test_whoever_is_not_of_the_staff_gets_nothing_by_any_method(name: str, readers: dict[str, str]) -> None:
    for reader in ("outsider", "lent"):
        for method in ("get", "post"):
            assert getattr(browser(readers[reader]), method)(address(name)).status_code == 403
    nobody = client_of(None).post(address(name))
    assert nobody.status_code == 302
    assert nobody.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", OURS)
def test_the_staff_first_add_a_second_factor(name: str, readers: dict[str, str], settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = True

    for method in ("get", "post"):
        answer = getattr(browser(readers["asker"]), method)(address(name))
        assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))


def test_a_membership_that_ended_and_a_member_of_nobodys_staff_are_outside(office: Staff) -> None:
    leave(office.deciding, office.organisation, at=AT)
    User.objects.filter(pk=office.asking.pk).update(is_staff=False)

    assert office.decider.get("/console/").status_code == 403
    assert office.asker.get("/console/").status_code == 403


def test_the_frames_way_leads_into_the_console(office: Staff) -> None:
    answer = office.asker.get("/operator/", follow=True)

    assert answer.redirect_chain[-1][0] == "/console/"
    assert answer.status_code == 200
