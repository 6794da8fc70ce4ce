"""Value that changes hands by a transaction that nothing explains, as whoever has the application's role could post it.

The ledger takes it, since it sums to zero and nobody is short: the checks name it.
"""

from __future__ import annotations

import pytest
from django.db import connection

from money.bank import pay_in
from points.book import findings as points_findings
from points.book import new_key, new_sponsor, with_points
from pooling.pond import AT, findings, lot_of, new_company, people
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import money_account, money_asset
from tanpuhui.points.sponsor import resident_account
from tanpuhui.registry.units import asset_of

pytestmark = pytest.mark.django_db


def taken(source: int, target: int, asset: int, amount: int, reason: str) -> set[str]:
    """What the checks find once an amount went from one account to another for a reason."""
    assert findings() == []
    post(source, target, asset, amount, reason)
    return {finding.invariant for finding in findings()}


def post(source: int, target: int, asset: int, amount: int, reason: str) -> None:
    legs = move(source=source, target=target, asset_id=asset, amount=amount)
    key = f"{reason}:{new_key()}"
    transfer(connection, TransferOrder(key, reason, AT.date(), legs), at=AT).accepted()


@pytest.mark.parametrize(
    ("reason", "invariant"),
    [
        ("theft", "money_moves_for_a_reason"),
        ("market.pay", "buyers_pay_for_trades"),
        ("pool_sale", "buyers_pay_for_sales"),
        ("points.buy", "paid_is_bought"),
    ],
)
def test_money_that_nothing_was_given_for_is_found(reason: str, invariant: str) -> None:
    rich, poor = new_company(), new_company()
    pay_in(rich, "100.00")

    found = taken(money_account(rich.pk), money_account(poor.pk), money_asset("CNY"), 5_000, reason)

    assert found == {invariant}


def test_milligrams_of_one_resident_on_anothers_account_are_found() -> None:
    a, b = people(2)
    lot = lot_of({a: TONNE_MG, b: TONNE_MG})
    of = [account_id(Kind.RESIDENT_CERTIFIED, one) for one in (a, b)]

    assert taken(of[0], of[1], asset_of(lot), 5, "gift") == {"residents_keep_what_is_certified_to_them"}


@pytest.mark.parametrize(
    ("reason", "invariants"), [("theft", {"points_change_hands_as_gifts"}), ("points.give", set())]
)
def test_points_of_one_resident_on_anothers_account_are_found(reason: str, invariants: set[str]) -> None:
    sponsor = new_sponsor()
    a, b = with_points(sponsor, 5), with_points(sponsor, 5)
    assert points_findings() == []

    post(resident_account(a), resident_account(b), sponsor.points_asset, 2, reason)

    assert {finding.invariant for finding in points_findings()} == invariants
