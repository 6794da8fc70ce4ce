"""Settlement: every capture and refund once, to the cent, in files that banks read; what matches nothing is kept."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from ledger.bookings import in_parallel
from money.bank import bank_file
from points.book import (
    AT,
    DAY,
    captured,
    code_of,
    findings,
    new_key,
    new_offer,
    new_organisation,
    new_sponsor,
    points_of,
    with_points,
)
from tanpuhui.access.models import Organisation
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money import camt as bank_camt
from tanpuhui.money.account import OUTSIDE
from tanpuhui.money.bank_statement import import_statement, unmatched
from tanpuhui.money.models import BankLine
from tanpuhui.money.refusals import BadAmount, CurrencyUnknown, TooManyDecimals
from tanpuhui.points import camt
from tanpuhui.points import settle as settle_verb
from tanpuhui.points.models import Offer, Refund, Settlement, SettlementLine, Sponsor
from tanpuhui.points.refund import RefundOrder, refund
from tanpuhui.points.settle import SettleOrder, as_csv, get_settlement, settle
from tanpuhui.points.sponsor import FundOrder, budget_account, fund, liability
from unjudged import judge_now

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("1000.00", value_minor=150)


@pytest.fixture()
def merchant() -> Organisation:
    return new_organisation()


@pytest.fixture()
def offer(sponsor: Sponsor, merchant: Organisation) -> Offer:
    return new_offer(sponsor, merchant)


def settling(merchant: Organisation, sponsor: Sponsor, key: str | None = None) -> SettleOrder:
    return SettleOrder(key or new_key(), merchant.code, sponsor.code, LATER)


def settled(merchant: Organisation, sponsor: Sponsor) -> Settlement:
    result = settle(settling(merchant, sponsor), at=LATER).accepted()
    return get_settlement(result["settlement"])


def refunding(offer: Offer, redemption: int, points: int, key: str | None = None) -> RefundOrder:
    return RefundOrder(key or new_key(), redemption, offer.organisation.code, points, "cold coffee")


def test_a_merchant_is_paid_what_its_points_are_worth(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    resident = with_points(sponsor, 30)
    first, second = captured(offer, resident, 2), captured(offer, resident, 1)
    refund(refunding(offer, first.pk, 1), day=DAY, at=AT).accepted()

    made = settled(merchant, sponsor)

    assert (made.points, made.amount_minor, made.lines_count) == (8, 1_200, 3)
    assert sorted((line.redemption_id, line.points) for line in made.lines.all()) == [
        (first.pk, -1),
        (first.pk, 6),
        (second.pk, 3),
    ]
    shown = liability(sponsor, at=LATER)
    assert (shown.outstanding_points, shown.merchants_points) == (22, 0)
    assert shown.reserve_minor == 22 * 150
    assert findings() == []


def test_nothing_is_settled_twice(sponsor: Sponsor, merchant: Organisation, offer: Offer) -> None:
    resident = with_points(sponsor, 30)
    captured(offer, resident)
    order = settling(merchant, sponsor)

    first, again = settle(order, at=LATER), settle(order, at=LATER + timedelta(days=1))
    second = settle(settling(merchant, sponsor), at=LATER)

    assert again.result == first.result
    assert code_of(second) == "points.nothing_to_settle"
    assert Settlement.objects.count() == 1


def test_a_refund_after_the_settlement_is_carried_to_the_next(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    resident = with_points(sponsor, 30)
    redemption = captured(offer, resident, 2)
    settled(merchant, sponsor)

    refund(refunding(offer, redemption.pk, 4), day=DAY, at=AT).accepted()
    owing = settle(settling(merchant, sponsor), at=LATER)
    between = findings()
    captured(offer, resident, 3)
    made = settled(merchant, sponsor)

    assert code_of(owing) == "points.nothing_to_settle"
    assert owing.refusal is not None
    assert owing.refusal.facts["points"] == -4
    assert (made.points, made.lines_count) == (5, 2)
    assert (between, findings()) == ([], [])


def test_refunds_are_never_more_than_was_captured(sponsor: Sponsor, offer: Offer) -> None:
    resident = with_points(sponsor, 30)
    redemption = captured(offer, resident, 2)
    order = refunding(offer, redemption.pk, 4)

    refund(order, day=DAY, at=AT).accepted()
    refund(order, day=DAY, at=AT).accepted()
    too_much = refund(refunding(offer, redemption.pk, 3), day=DAY, at=AT)
    refund(refunding(offer, redemption.pk, 2), day=DAY, at=AT).accepted()
    none_left = refund(refunding(offer, redemption.pk, 1), day=DAY, at=AT)

    assert (code_of(too_much), code_of(none_left)) == ("points.refund_too_large",) * 2
    assert points_of(resident, sponsor) == (30, 0)
    with pytest.raises(DatabaseError, match="went back"), transaction.atomic():
        Refund.objects.create(
            redemption=redemption,
            organisation_id=redemption.organisation_id,
            sponsor_id=sponsor.pk,
            points=1,
            reason="x",
            tx_id=-1,
            at=AT,
        )
    assert findings() == []


def test_what_comes_back_late_is_good_for_a_month(sponsor: Sponsor, offer: Offer) -> None:
    from tanpuhui.points.expire import expire

    resident = with_points(sponsor, 3)
    redemption = captured(offer, resident)
    late = AT + timedelta(days=400)

    refund(refunding(offer, redemption.pk, 3), day=DAY, at=late).accepted()

    assert expire(sponsor, at=late + timedelta(days=29)) == 0
    assert expire(sponsor, at=late + timedelta(days=30)) == 3


def test_a_settlement_as_csv_sums_to_what_is_paid(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    redemption = captured(offer, with_points(sponsor, 30), 2)
    refund(refunding(offer, redemption.pk, 1), day=DAY, at=AT).accepted()
    made = settled(merchant, sponsor)

    rows = list(csv.DictReader(io.StringIO(as_csv(made))))

    assert [row["amount"] for row in rows] == ["9.00", "-1.50", "7.50"]
    assert rows[-1]["line"] == "total"


def test_a_settlement_as_camt_is_as_iso_20022_has_it_and_goes_from_zero_to_zero(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    redemption = captured(offer, with_points(sponsor, 30), 2)
    refund(refunding(offer, redemption.pk, 1), day=DAY, at=AT).accepted()
    made = settled(merchant, sponsor)

    before = ET.fromstring(camt.write(made, at=LATER))
    import_statement(bank_file((made.reference, "7.50", "DBIT")), at=LATER)
    body = camt.write(get_settlement(made.reference), at=LATER)

    after = ET.fromstring(body)
    assert after.tag == "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}Document"
    assert (bank_camt.problems(before), bank_camt.problems(after)) == ([], [])
    amounts = {tag: f"{{{bank_camt.NAMESPACE}}}{tag}" for tag in ("Bal", "Ntry", "Amt", "CdtDbtInd")}
    balances = [one.find(amounts["Amt"]).text for one in after.iter(amounts["Bal"])]  # type: ignore[union-attr]
    assert balances == ["0.00", "0.00"]
    entries = [
        (one.find(amounts["Amt"]).text, one.find(amounts["CdtDbtInd"]).text)  # type: ignore[union-attr]
        for one in after.iter(amounts["Ntry"])
    ]
    assert entries == [("9.00", "CRDT"), ("1.50", "DBIT"), ("7.50", "DBIT")]
    assert [one.find(amounts["Amt"]).text for one in before.iter(amounts["Bal"])] == ["0.00", "7.50"]  # type: ignore[union-attr]
    assert bank_camt.read(body).entries[2].reference == made.reference
    assert findings() == []


def test_a_line_that_matches_nothing_is_kept_and_listed_with_the_reason(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    captured(offer, with_points(sponsor, 30), 2)
    made = settled(merchant, sponsor)

    body = bank_file(
        ("TPS-999999999", "3.00", "DBIT"),
        (made.reference, "8.99", "DBIT"),
        (made.reference, "9.00", "CRDT"),
        (made.reference, "9.00", "DBIT"),
        (made.reference, "9.00", "DBIT"),
        ("", "1.00", "DBIT"),
    )
    shown = import_statement(body, at=LATER)
    again = import_statement(body, at=LATER + timedelta(days=1))

    assert again == shown
    assert shown["matched"] == [made.reference]
    assert [(line["line"], line["why"]) for line in shown["unmatched"]] == [
        (1, "no_such_settlement"),
        (2, "amount_differs"),
        (3, "money_in"),
        (5, "paid_before"),
        (6, "unknown_reference"),
    ]
    assert [line.number for line in unmatched()] == [1, 2, 3, 5, 6]
    assert BankLine.objects.count() == 6
    assert findings() == []


def test_another_currency_is_no_payment(sponsor: Sponsor, merchant: Organisation, offer: Offer) -> None:
    captured(offer, with_points(sponsor, 30), 2)
    made = settled(merchant, sponsor)

    shown = import_statement(bank_file((made.reference, "9.00", "DBIT"), currency="HKD"), at=LATER)

    assert [line["why"] for line in shown["unmatched"]] == ["currency_differs"]


@pytest.mark.parametrize(
    ("amount", "currency", "refusal"),
    [
        ("12.345", "CNY", TooManyDecimals),
        ("12.5", "JPY", TooManyDecimals),
        ("12.50", "XAU", CurrencyUnknown),
        ("12.50", "cny", CurrencyUnknown),
        ("-1", "CNY", BadAmount),
        ("0.00", "CNY", BadAmount),
        ("1e3", "CNY", BadAmount),
        ("１2", "CNY", BadAmount),
    ],
)
def test_money_that_cannot_be_said_is_refused_and_stays_so(
    sponsor: Sponsor, amount: str, currency: str, refusal: type[Exception]
) -> None:
    order = FundOrder(new_key(), sponsor.code, amount, currency, "T-9")

    answers = [fund(order, at=AT), fund(order, at=AT)]

    assert all(isinstance(answer.refusal, refusal) for answer in answers)
    assert liability(sponsor, at=AT).budget_minor == 100_000


def test_a_budget_is_in_one_currency(sponsor: Sponsor) -> None:
    answer = fund(FundOrder(new_key(), sponsor.code, "5.00", "HKD", "T-9"), at=AT)

    assert code_of(answer) == "points.other_currency"


def test_a_payment_fills_a_budget_once_and_says_which_it_is(sponsor: Sponsor) -> None:
    order = FundOrder(new_key(), sponsor.code, "5.00", "CNY", "BANK-118")

    first, again = fund(order, at=AT), fund(order, at=LATER)
    other = fund(replace(order, key=new_key(), reference=" BANK-118 "), at=LATER)
    nameless = fund(replace(order, key=new_key(), reference=" "), at=LATER)

    assert again.result == first.result
    assert (code_of(other), code_of(nameless)) == ("points.funded_before", "points.reference_missing")
    assert liability(sponsor, at=LATER).budget_minor == 100_500
    assert findings() == []


def test_the_database_fills_no_budget_without_a_payment(sponsor: Sponsor) -> None:
    legs = move(
        source=OUTSIDE, target=budget_account(sponsor.pk), asset_id=sponsor.money_asset, amount=1_000_000
    )

    with pytest.raises(DatabaseError, match="into a budget without a payment"), transaction.atomic():
        transfer(connection, TransferOrder(new_key(), "points.fund", DAY, legs), at=AT).accepted()
        judge_now()


def test_a_sponsor_that_gives_what_its_own_points_buy_settles_with_itself(sponsor: Sponsor) -> None:
    offer = new_offer(sponsor, sponsor.organisation, kind="public_service")
    captured(offer, with_points(sponsor, 30), 2)
    between = findings()

    made = settled(sponsor.organisation, sponsor)

    assert (made.amount_minor, between, findings()) == (900, [], [])


@pytest.mark.django_db(transaction=True)
def test_settlements_at_once_have_each_line_once() -> None:
    sponsor, merchant = new_sponsor(), new_organisation()
    offer = new_offer(sponsor, merchant)
    resident = with_points(sponsor, 60)
    for _ in range(6):
        captured(offer, resident)

    def work(number: int) -> str:
        with transaction.atomic():
            answer = settle(replace(settling(merchant, sponsor)), at=LATER)
        return answer.refusal.code if answer.refusal else "settled"

    results = in_parallel(6, work)

    assert sorted(results) == ["points.nothing_to_settle"] * 5 + ["settled"]
    assert Settlement.objects.get().lines_count == 6
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_merchants_that_settle_at_once_have_settlements_of_their_own() -> None:
    pairs = [(new_sponsor(), new_organisation()) for _ in range(4)]
    for each, merchant in pairs:
        captured(new_offer(each, merchant), with_points(each, 3))

    def work(number: int) -> str:
        each, merchant = pairs[number]
        with transaction.atomic():
            return str(settle(settling(merchant, each), at=LATER).accepted()["settlement"])

    results = in_parallel(4, work)

    assert sorted(results) == [f"TPS-{number:09d}" for number in range(1, 5)]
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_who_is_captured_while_a_settlement_is_made_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sponsor, merchant = new_sponsor(), new_organisation()
    offer = new_offer(sponsor, merchant)
    resident = with_points(sponsor, 6)
    captured(offer, resident)
    post = settle_verb.transfer

    def overtaken(*given: Any, **more: Any) -> Any:
        assert in_parallel(1, lambda _number: captured(offer, resident).pk) != [None]
        return post(*given, **more)

    monkeypatch.setattr(settle_verb, "transfer", overtaken)
    with transaction.atomic():
        first = settle(settling(merchant, sponsor), at=LATER).accepted()
    monkeypatch.setattr(settle_verb, "transfer", post)
    with transaction.atomic():
        second = settle(settling(merchant, sponsor), at=LATER).accepted()

    assert [(one["points"], one["lines"]) for one in (first, second)] == [(3, 1), (3, 1)]
    assert findings() == []


def test_through_now_is_the_same_order_when_it_is_sent_again(
    sponsor: Sponsor, merchant: Organisation, offer: Offer
) -> None:
    captured(offer, with_points(sponsor, 3))
    order = SettleOrder(new_key(), merchant.code, sponsor.code)

    first, again = settle(order, at=LATER), settle(order, at=LATER + timedelta(minutes=5))

    assert (again.result, again.repeated) == (first.result, True)


@pytest.mark.parametrize(
    "change", [{"points": 4}, {"amount_minor": 1}, {"redemption_id": 10**9}, {"refund_id": 1}]
)
def test_the_database_takes_no_line_that_did_not_happen(
    sponsor: Sponsor, merchant: Organisation, offer: Offer, change: dict[str, int]
) -> None:
    captured(offer, with_points(sponsor, 6))
    made = settled(merchant, sponsor)
    redemption = captured(offer, with_points(sponsor, 6))
    values = {"redemption_id": redemption.pk, "points": 3, "amount_minor": 450, **change}

    with pytest.raises(DatabaseError, match="no capture or refund"), transaction.atomic():
        SettlementLine.objects.create(settlement=made, booked_at=AT, **values)


def test_the_database_takes_no_refund_whose_points_did_not_move(sponsor: Sponsor, offer: Offer) -> None:
    redemption = captured(offer, with_points(sponsor, 3))

    with pytest.raises(DatabaseError, match="was not posted"), transaction.atomic():
        Refund.objects.create(
            redemption=redemption,
            organisation_id=redemption.organisation_id,
            sponsor_id=sponsor.pk,
            points=1,
            reason="x",
            tx_id=-1,
            at=AT,
        )


def test_the_database_takes_no_refund_from_another_merchant(sponsor: Sponsor, offer: Offer) -> None:
    redemption = captured(offer, with_points(sponsor, 3))

    with pytest.raises(DatabaseError, match="is not of merchant"), transaction.atomic():
        Refund.objects.create(
            redemption=redemption,
            organisation_id=new_organisation().pk,
            sponsor_id=sponsor.pk,
            points=1,
            reason="x",
            tx_id=-1,
            at=AT,
        )
