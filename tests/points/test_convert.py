"""Converting: points come from certified milligrams alone, from a funded budget, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, InternalError

from ledger.bookings import in_parallel
from points.book import (
    AT,
    DAY,
    KG,
    RULE,
    certified_of,
    certify,
    findings,
    new_key,
    new_resident,
    new_sponsor,
    points_of,
    with_points,
)
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.statement import statement
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.models import Conversion, ConversionLine
from tanpuhui.points.refusals import BudgetShort, KeyReused, NoConversion, NothingToConvert
from tanpuhui.points.rule import conversion_rule
from tanpuhui.points.sponsor import liability, liability_account, resident_account
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from unjudged import judge_now, unjudged

pytestmark = pytest.mark.django_db
KEEPS = replace(RULE, consumes_claim=False)


def test_kilograms_become_points_and_are_retired_in_the_persons_name() -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG + 999_999)

    answer = convert(ConvertOrder(new_key(), sponsor.code, resident, None, DAY), RULE, at=AT)

    assert answer.accepted()["points"] == 7
    assert points_of(resident, sponsor) == (7, 0)
    assert certified_of(resident) == 999_999
    assert statement(connection, resident, at=AT).retired_mg() == 7 * KG
    assert findings() == []


def test_the_sponsor_sees_what_it_owes_and_what_stands_behind_it() -> None:
    sponsor = new_sponsor("100.00", value_minor=200)

    with_points(sponsor, 7)
    with_points(sponsor, 5)

    shown = liability(sponsor, at=AT)
    assert (shown.outstanding_points, shown.residents_points, shown.merchants_points) == (12, 12, 0)
    assert (shown.budget_minor, shown.reserve_minor) == (10_000 - 2_400, 2_400)
    before = liability(sponsor, at=AT - timedelta(seconds=1))
    assert (before.outstanding_points, before.budget_minor) == (0, 0)


@pytest.mark.parametrize("wanted", [0, 8, 10**15])
def test_more_than_there_is_converts_nothing(wanted: int) -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)

    answer = convert(ConvertOrder(new_key(), sponsor.code, resident, wanted, DAY), RULE, at=AT)

    assert isinstance(answer.refusal, NothingToConvert)
    assert answer.refusal.facts["most"] == 7
    assert (points_of(resident, sponsor), certified_of(resident)) == ((0, 0), 7 * KG)


def test_what_the_budget_does_not_cover_is_not_minted_and_stays_refused() -> None:
    sponsor, resident = new_sponsor("13.99", value_minor=200), new_resident(7 * KG)
    order = ConvertOrder(new_key(), sponsor.code, resident, 7, DAY)

    first = convert(order, RULE, at=AT)
    fund_more(sponsor.code)
    again = convert(order, RULE, at=AT)

    assert isinstance(first.refusal, BudgetShort)
    assert first.refusal.facts["available_minor"] == 1_399
    assert isinstance(again.refusal, BudgetShort)
    assert again.repeated
    assert (points_of(resident, sponsor), certified_of(resident)) == ((0, 0), 7 * KG)
    assert findings() == []


def fund_more(sponsor: str) -> None:
    from tanpuhui.points.sponsor import FundOrder, fund

    fund(FundOrder(new_key(), sponsor, "1000.00", "CNY", "T-2"), at=AT).accepted()


def test_a_repeat_converts_once_and_other_content_is_refused() -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)
    order = ConvertOrder(new_key(), sponsor.code, resident, 3, DAY)

    first = convert(order, RULE, at=AT)
    again = convert(order, RULE, at=AT + timedelta(hours=1))

    assert (again.result, again.repeated) == (first.result, True)
    assert points_of(resident, sponsor) == (3, 0)
    with pytest.raises(KeyReused):
        convert(replace(order, points=4), RULE, at=AT)


def test_a_repeat_on_the_next_day_and_under_another_rule_is_answered_as_before() -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)
    order = ConvertOrder(new_key(), sponsor.code, resident, 3, DAY)
    tomorrow, other = replace(order, day=DAY + timedelta(days=1)), replace(RULE, mg_per_point=2 * KG)

    first, again = convert(order, RULE, at=AT), convert(tomorrow, other, at=AT + timedelta(days=1))

    assert (again.result, again.repeated) == (first.result, True)


@pytest.mark.parametrize("conversion", [False, True], ids=["nothing", "a conversion of no lot"])
def test_the_database_makes_no_points_that_nobody_converted_or_bought(conversion: bool) -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)
    legs = move(
        source=liability_account(sponsor.pk),
        target=resident_account(resident),
        asset_id=sponsor.points_asset,
        amount=3,
    )
    order = TransferOrder(new_key(), "points.convert", DAY, legs)

    with pytest.raises(DatabaseError, match="nobody converted or bought"), transaction.atomic():
        tx = transfer(connection, order, at=AT).accepted()
        if conversion:
            Conversion.objects.create(
                sponsor=sponsor,
                account=resident,
                points=3,
                amount_mg=3 * KG,
                mg_per_point=KG,
                consumed=False,
                jurisdiction="demo",
                rule=RULE.as_json(),
                tx_id=tx,
                expires_at=AT,
                at=AT,
            )
        judge_now()


def test_where_the_claim_is_kept_a_milligram_still_converts_once() -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)

    convert(ConvertOrder(new_key(), sponsor.code, resident, 5, DAY), KEEPS, at=AT).accepted()
    answer = convert(ConvertOrder(new_key(), sponsor.code, resident, 3, DAY), KEEPS, at=AT)

    assert isinstance(answer.refusal, NothingToConvert)
    assert answer.refusal.facts["convertible_mg"] == 2 * KG
    assert certified_of(resident) == 7 * KG
    assert findings() == []


def test_lots_are_taken_oldest_first() -> None:
    sponsor, resident = new_sponsor(), new_resident()
    first, second = certify(resident, 2 * KG + 1), certify(resident, 5 * KG)

    convert(ConvertOrder(new_key(), sponsor.code, resident, 3, DAY), RULE, at=AT).accepted()

    taken = ConversionLine.objects.order_by("asset").values_list("asset", "amount_mg")
    assert list(taken) == [(first, 2 * KG + 1), (second, KG - 1)]


def test_the_database_refuses_a_second_conversion_of_a_milligram_to_everybody() -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)
    convert(ConvertOrder(new_key(), sponsor.code, resident, 7, DAY), KEEPS, at=AT).accepted()
    line, conversion = ConversionLine.objects.get(), Conversion.objects.get()

    with (
        pytest.raises((DatabaseError, InternalError), match="no milligram converts twice"),
        transaction.atomic(),
    ):
        second = Conversion.objects.create(
            **{
                name: getattr(conversion, name)
                for name in ("sponsor", "account", "mg_per_point", "consumed", "jurisdiction", "rule")
            },
            points=1,
            amount_mg=KG,
            tx_id=-1,
            expires_at=AT,
            at=AT,
        )
        ConversionLine.objects.create(conversion=second, account=resident, asset=line.asset, amount_mg=KG)


def test_a_rule_is_read_from_the_jurisdiction_of_the_day() -> None:
    rule = conversion_rule(load_jurisdiction("hainan"), date(2026, 11, 25))

    assert (rule.mg_per_point, rule.validity_months, rule.transferable) == (KG, 12, False)
    assert rule.status == "illustrative"
    with pytest.raises(NoConversion):
        conversion_rule(load_jurisdiction("hainan"), date(2020, 1, 1))


@pytest.mark.django_db(transaction=True)
def test_conversions_of_one_person_at_once_take_each_milligram_once() -> None:
    sponsor, resident = new_sponsor(), new_resident(10 * KG)

    def work(number: int) -> str:
        with transaction.atomic():
            answer = convert(ConvertOrder(new_key(), sponsor.code, resident, 3, DAY), KEEPS, at=AT)
        return answer.refusal.code if answer.refusal else "done"

    results = in_parallel(6, work)

    assert sorted(results) == ["done"] * 3 + ["points.nothing_to_convert"] * 3
    assert points_of(resident, sponsor) == (9, 0)
    assert findings() == []


def credit(resident: int, asset: str, amount_mg: int) -> None:
    """What a close has credited and nobody certified."""
    legs = move(
        source=account_id(Kind.ISSUANCE, LEDGER_ITSELF),
        target=account_id(Kind.RESIDENT_PENDING, resident),
        asset_id=get_or_create_asset(connection, asset).id,
        amount=amount_mg,
    )
    with unjudged():
        transfer(connection, TransferOrder(new_key(), "close", DAY, legs), at=AT).accepted()


def test_what_a_household_saved_converts_as_it_is_pending_before_any_lot() -> None:
    sponsor, resident = new_sponsor(), new_resident(2 * KG)
    credit(resident, "pending:shanghai/household-electricity@1:2026", 3 * KG + 5)

    convert(ConvertOrder(new_key(), sponsor.code, resident, 4, DAY), RULE, at=AT).accepted()

    kept = statement(connection, resident, at=AT)
    assert points_of(resident, sponsor) == (4, 0)
    # 3 kg and 5 mg of the household's, and what is missing to 4 kg of the lot
    assert (kept.pending_mg(), certified_of(resident), kept.retired_mg()) == (0, KG + 5, 4 * KG)
    assert findings() == []


def test_what_waits_for_certification_converts_only_when_it_is_certified() -> None:
    sponsor, resident = new_sponsor(), new_resident()
    for asset in ("pending:shenzhen/metro@1:2026", "pending:national/household-programme@1:2026"):
        credit(resident, asset, 3 * KG)

    answer = convert(ConvertOrder(new_key(), sponsor.code, resident, None, DAY), RULE, at=AT)

    assert isinstance(answer.refusal, NothingToConvert)


def test_pending_milligrams_convert_once_where_the_claim_stays() -> None:
    sponsor, resident = new_sponsor(), new_resident()
    credit(resident, "pending:shenzhen/household-electricity@1:2026", 3 * KG)

    first = convert(ConvertOrder(new_key(), sponsor.code, resident, 2, DAY), KEEPS, at=AT)
    second = convert(ConvertOrder(new_key(), sponsor.code, resident, 2, DAY), KEEPS, at=AT)

    assert first.accepted()["points"] == 2
    assert isinstance(second.refusal, NothingToConvert)
    assert findings() == []
