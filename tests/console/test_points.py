"""Points in the console: sponsors opened and funded, offers and redemptions to look at, settlements, bank lines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console.conftest import Staff, look, send
from money.bank import bank_file
from points.book import AT, findings, new_organisation, new_sponsor
from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.consent.models import Resident
from tanpuhui.kit.moment import utc_now
from tanpuhui.money.models import BankFile, BankLine
from tanpuhui.points.models import Settlement, Sponsor
from tanpuhui.points.sponsor import liability
from web.second_book import captured_now, earn, offer_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
ACCOUNT = 987_654_321


@pytest.fixture()
def taken() -> Any:
    """A coffee that somebody redeemed at a shop."""
    Resident.objects.create(pk=ACCOUNT, opened_at=AT)
    sponsor = new_sponsor("1000.00", value_minor=150)
    earn(ACCOUNT, sponsor, 30)
    shop = new_organisation(Organisation.MERCHANT, "cafe")
    return captured_now(offer_now(sponsor, shop, title_en="Coffee"), ACCOUNT, 2)


def settled(staff: Staff, sponsor: Sponsor) -> Settlement:
    send(
        staff.asker,
        "settlements/settle",
        organisation="cafe",
        sponsor=sponsor.code,
        through=utc_now().isoformat(),
    )
    return Settlement.objects.get()


def test_a_sponsor_is_opened_and_funded_once_for_each_reference(staff: Staff) -> None:
    opened = send(staff.asker, "sponsors/open", organisation="centre", currency="CNY", point_value="2.00")
    for _ in range(2):
        send(staff.asker, "sponsors/centre/fund", amount="500.00", reference="B-118")
    other = send(staff.asker, "sponsors/centre/fund", amount="600.00", reference="B-118")

    found = Sponsor.objects.get()
    assert "The sponsor is open." in opened.content.decode()
    assert (found.point_value_minor, liability(found, at=utc_now()).budget_minor) == (200, 50_000)
    assert other.status_code == 422
    assert "was used before for other content" in other.content.decode()
    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "sponsor.opened",
        "sponsor.funded",
    ]
    shown = look(staff.auditor, f"sponsors/{found.pk}/")
    for said in ("500.00 CNY", "covers all of it", "sponsor.funded"):
        assert said in shown


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.234", "12,50", "1e9", "9" * 30])
def test_what_is_no_amount_enters_nothing(amount: str, staff: Staff) -> None:
    sponsor = new_sponsor(None)

    answer = send(staff.asker, f"sponsors/{sponsor.code}/fund", amount=amount, reference="B-1")

    assert answer.status_code == 422
    assert liability(sponsor, at=utc_now()).budget_minor == 0
    assert not AuditEntry.objects.exists()


def test_offers_and_redemptions_are_listed_without_whose_they_are(staff: Staff, taken: Any) -> None:
    pages = [
        look(staff.auditor, "offers/"),
        look(staff.auditor, f"offers/{taken.offer_id}/"),
        look(staff.auditor, "redemptions/"),
        look(staff.auditor, f"redemptions/?q={taken.pk}"),
        look(staff.auditor, f"redemptions/{taken.pk}/"),
        look(staff.auditor, "redemptions/?closing__state=captured"),
        send(staff.auditor, "redemptions/export").getvalue().decode(),
    ]

    assert "Coffee" in pages[0]
    assert "redeemed" in pages[4]
    for one in pages:
        assert str(ACCOUNT) not in one.replace(",", "")


def test_what_is_open_is_settled_and_a_banks_statement_pays_it(staff: Staff, taken: Any) -> None:
    sponsor = Sponsor.objects.get()
    made = settled(staff, sponsor)
    body = bank_file(
        (made.reference, "9.00", "DBIT"), ("NOBODY", "1.00", "DBIT"), (made.reference, "9.00", "DBIT")
    )

    def sent() -> Any:
        return send(staff.asker, "bank-lines/import", file=SimpleUploadedFile("s.xml", body))

    answer, again = sent(), sent()

    assert made.amount_minor == 900
    assert "to be paid" not in look(staff.auditor, f"settlements/{made.pk}/")
    assert "3 lines: 1 paid something, 2 are kept here." in answer.content.decode()
    assert again.status_code == 200
    assert (BankFile.objects.count(), BankLine.objects.count()) == (1, 3)
    shown = look(staff.auditor, "bank-lines/")
    assert "nobody here has this reference" in shown
    assert "NOBODY" in look(staff.auditor, f"bank-lines/{BankLine.objects.get(reference='NOBODY').pk}/")
    assert findings() == []


@pytest.mark.parametrize("body", [b"", b"<x/>", b"not xml"])
def test_a_file_that_is_no_statement_is_refused_whole(body: bytes, staff: Staff) -> None:
    answer = send(staff.asker, "bank-lines/import", file=SimpleUploadedFile("s.xml", body))

    assert answer.status_code == 422
    assert not BankFile.objects.exists()


def test_settling_nothing_says_so(staff: Staff, taken: Any) -> None:
    sponsor = Sponsor.objects.get()
    settled(staff, sponsor)

    again = send(
        staff.asker,
        "settlements/settle",
        organisation="cafe",
        sponsor=sponsor.code,
        through=utc_now().isoformat(),
    )

    assert again.status_code == 422
    assert "owes cafe nothing" in again.content.decode()
    assert Settlement.objects.count() == 1


def test_an_auditor_opens_funds_settles_and_imports_nothing(staff: Staff) -> None:
    sponsor = new_sponsor(None)

    for address in (
        "sponsors/open",
        f"sponsors/{sponsor.code}/fund",
        "settlements/settle",
        "bank-lines/import",
    ):
        assert staff.auditor.get(f"/console/{address}").status_code == 403
        assert staff.auditor.post(f"/console/{address}").status_code == 403
    assert "Open a sponsor" not in look(staff.auditor, "sponsors/")


def test_a_list_of_settlements_asks_as_much_for_three_as_for_one(staff: Staff, taken: Any) -> None:
    sponsor = Sponsor.objects.get()
    settled(staff, sponsor)
    look(staff.auditor, "settlements/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        look(staff.auditor, "settlements/")
    for number in (2, 3):
        captured_now(offer_now(sponsor, Organisation.objects.get(code="cafe")), ACCOUNT)
        through = datetime.now().astimezone().isoformat()
        send(staff.asker, "settlements/settle", organisation="cafe", sponsor=sponsor.code, through=through)
        assert Settlement.objects.count() == number

    with CaptureQueriesContext(connection) as three:
        look(staff.auditor, "settlements/")

    assert len(three) == len(one)
