"""What the database cannot read in dated tables and methodologies, the ledger's check compares with them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction

from points.book import AT, DAY, KG, RULE, new_key, new_resident, new_sponsor
from tanpuhui.cli import main
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.offsetting.models import YearRules
from tanpuhui.points import convert as verb
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.ruled import invariants
from unjudged import unjudged

pytestmark = pytest.mark.django_db
RATE = "conversions_are_as_the_rule_of_their_day_says"
PENDING = "pending_converts_where_it_is_never_certified"


def found() -> list[str]:
    return [finding.invariant for one in invariants() for finding in exceptions(connection, one)]


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


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"mg_per_point": KG // 2},
        {"consumes_claim": False},
        {"jurisdiction": "beijing"},
        {"jurisdiction": "nowhere's"},
    ],
)
def test_a_conversion_at_another_rate_than_the_days_rule_is_found(changed: dict[str, Any]) -> None:
    sponsor, resident = new_sponsor(), new_resident(7 * KG)

    convert(
        ConvertOrder(new_key(), sponsor.code, resident, 3, DAY), replace(RULE, **changed), at=AT
    ).accepted()

    assert found() == ([RATE] if changed else [])


@pytest.mark.parametrize(("day", "says"), [(date(2023, 3, 12), [RATE]), (date(2023, 3, 13), [])])
def test_a_rule_counts_from_its_first_day_on(day: date, says: list[str]) -> None:
    """Hainan's conversion is in force from 13 March 2023 on."""
    sponsor, resident = new_sponsor(), new_resident(7 * KG)

    convert(
        ConvertOrder(new_key(), sponsor.code, resident, 3, day), replace(RULE, jurisdiction="hainan"), at=AT
    ).accepted()

    assert found() == says


@pytest.mark.parametrize(
    ("asset", "says"),
    [
        ("pending:shenzhen/metro@1:2026", [PENDING]),
        ("pending:national/household-programme@1:2026", [PENDING]),
        ("pending:shanghai/household-electricity@1:2026", []),
    ],
)
def test_pending_reductions_that_are_still_to_be_certified_are_found_among_conversions(
    asset: str, says: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever has the application's role would write it: the database cannot tell which are never certified."""
    sponsor, resident = new_sponsor(), new_resident()
    credit(resident, asset, 3 * KG)
    monkeypatch.setattr(verb, "_is_for_points", lambda code: True)

    convert(ConvertOrder(new_key(), sponsor.code, resident, 3, DAY), RULE, at=AT).accepted()

    assert found() == says


@pytest.mark.django_db(transaction=True)
def test_the_check_of_the_ledger_asks_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction.atomic():
        sponsor, resident = new_sponsor(), new_resident(7 * KG)
        rule = replace(RULE, mg_per_point=1)
        convert(ConvertOrder(new_key(), sponsor.code, resident, 5, DAY), rule, at=AT).accepted()
        said = {"cap": {"share_percent": "99", "denominator": "allowances"}, "digest": "x", "fixed_at": AT}
        YearRules.objects.create(jurisdiction="guangdong", year=2022, **said)
    monkeypatch.setattr(main, "start_database", lambda: None)

    status = main.status_of(["ledger", "check", "--json"])

    found = {finding["invariant"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert status == 3
    assert {RATE, "years_are_filed_under_their_dated_rules"} <= found
