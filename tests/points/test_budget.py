"""A bank's statement funds a sponsor's budget: once, in its currency, and only by the line that says so."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from money.bank import AT, bank_file
from points.book import code_of, new_key, new_sponsor
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.models import BankLine
from tanpuhui.points.budget import funding_reference
from tanpuhui.points.models import Sponsor
from tanpuhui.points.sponsor import FundOrder, enter, fund, fundings, liability

pytestmark = pytest.mark.django_db


def budget_of(sponsor: Sponsor) -> int:
    return liability(sponsor, at=AT).budget_minor


def why(body: bytes) -> list[str]:
    return [line["why"] for line in import_statement(body, at=AT)["unmatched"]]


def test_a_statement_funds_a_budget_once_and_the_list_says_how() -> None:
    sponsor = new_sponsor("3.00")
    body = bank_file((funding_reference(sponsor).lower(), "12.50", "CRDT"))

    answers = [import_statement(body, at=AT) for _ in range(2)]

    assert [answer["matched"] for answer in answers] == [[funding_reference(sponsor)]] * 2
    assert budget_of(sponsor) == 1_550
    assert [(one.amount_minor, one.by_bank) for one in fundings(sponsor)] == [(1_250, True), (300, False)]


def test_two_payments_of_one_sponsor_are_two_fundings() -> None:
    sponsor = new_sponsor(None)
    paid = (funding_reference(sponsor), "5.00", "CRDT")

    import_statement(bank_file(paid, paid), at=AT)

    assert budget_of(sponsor) == 1_000


def test_what_is_no_funding_is_kept_with_the_reason() -> None:
    sponsor = new_sponsor(None)
    reference = funding_reference(sponsor)

    assert why(
        bank_file((reference, "5.00", "DBIT"), ("TPB-999999999", "5.00", "CRDT"), ("TPB-x", "5.00", "CRDT"))
    ) == [
        "money_out",
        "no_such_sponsor",
        "no_such_sponsor",
    ]
    assert why(bank_file((reference, "5.00", "CRDT"), currency="HKD")) == ["currency_differs"]
    assert budget_of(sponsor) == 0


def test_a_payment_that_the_operator_stated_before_counts_once() -> None:
    sponsor = new_sponsor(None)
    fund(FundOrder(new_key(), sponsor.code, "5.00", "CNY", "B1"), at=AT).accepted()

    assert why(bank_file((funding_reference(sponsor), "5.00", "CRDT"))) == ["stated_before"]
    assert budget_of(sponsor) == 500


@pytest.mark.parametrize("said", ["B1", " B1 ", "sponsor's own"])
def test_a_payment_that_a_statement_entered_is_not_stated_again(said: str) -> None:
    sponsor, other = new_sponsor(None), new_sponsor(None)
    own = funding_reference(sponsor)
    import_statement(bank_file((own, "5.00", "CRDT")), at=AT)
    order = FundOrder(new_key(), sponsor.code, "5.00", "CNY", own if said == "sponsor's own" else said)

    answers = [fund(order, at=AT) for _ in range(2)]
    theirs = fund(FundOrder(new_key(), other.code, "5.00", "CNY", order.reference), at=AT)

    assert [code_of(answer) for answer in answers] == ["points.funded_before"] * 2
    assert theirs.refusal is None
    assert (budget_of(sponsor), budget_of(other)) == (500, 500)


@pytest.mark.parametrize("touched", ["amount", "sponsor", "unclaimed"])
def test_the_database_refuses_a_funding_that_is_not_its_line(touched: str) -> None:
    sponsor, other = new_sponsor(None), new_sponsor(None)
    reference = funding_reference(sponsor) if touched != "unclaimed" else "nobody's"
    import_statement(bank_file((reference, "5.00", "CRDT")), at=AT)
    line = BankLine.objects.get()
    whose, amount = (other, 500) if touched == "sponsor" else (sponsor, 501 if touched == "amount" else 500)

    with pytest.raises(DatabaseError, match="is not line"), transaction.atomic():
        enter(whose, amount, new_key(), "false", day=AT.date(), at=AT, line=line)
