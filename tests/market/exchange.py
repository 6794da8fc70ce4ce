"""A small exchange for tests: a seller with units, buyers with money, and one rule."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from money.bank import bank_file, pay_in
from registry.units_town import given, new_lot
from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.market.auction import AuctionOrder, BidOrder, bid, open_auction
from tanpuhui.market.invariants import check as check_market
from tanpuhui.market.listing import ListOrder, TakeOrder, list_units, take
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.market.models import Trade
from tanpuhui.market.units import tonnes_by_state
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.invariants import check as check_money
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule
from tanpuhui.registry.reconcile import INVARIANTS as REGISTRY

AT = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = itertools.count(1)


def place(**changes: Any) -> Jurisdiction:
    """The demonstration with another market rule: no band and no limits, but for what is given."""
    content = {
        "currency": "CNY",
        "tick_minor": 1,
        "listing_days": 30,
        "payment_hours": 48,
        **changes,
    }
    rule = Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", content)
    return replace(load_jurisdiction("demo"), market_rules=(rule,))


PLACE = place()


def new_key() -> str:
    return f"market-{next(_numbers)}"


def member(code: str, money: str | None = None, *, group: str = "") -> Organisation:
    """An organisation that may trade, with money."""
    made = Organisation.objects.create(
        kind=Organisation.COMPANY, code=code, name_zh=code, name_en=code, made_at=AT
    )
    admit(MembershipOrder(new_key(), code, "contract", group), at=AT).accepted()
    if money:
        pay_in(made, money)
    return made


def seller(tonnes: int, code: str = "seller") -> tuple[Organisation, str]:
    """A member with all units of a new lot."""
    made = member(code)
    return made, units_for(made, tonnes)


def units_for(organisation: Organisation, tonnes: int) -> str:
    lot = new_lot(tonnes)
    given(owner_of(organisation.pk), lot, tonnes)
    return lot


def listing(seller: str, lot: str, tonnes: int, price: str = "70.00", **changes: Any) -> ListOrder:
    return replace(ListOrder(new_key(), seller, lot, tonnes, price, "CNY"), **changes)


def listed(seller: str, lot: str, tonnes: int, price: str = "70.00", at: datetime = AT) -> int:
    answer = list_units(listing(seller, lot, tonnes, price), PLACE, at=at).accepted()
    return int(answer["listing"])


def taken(number: int, buyer: str, tonnes: int, at: datetime = AT) -> dict[str, Any]:
    return take(TakeOrder(new_key(), number, buyer, tonnes), PLACE, at=at).accepted()


def auctioned(seller: str, lot: str, tonnes: int, reserve: str = "60.00") -> int:
    order = AuctionOrder(new_key(), seller, lot, tonnes, reserve, "CNY", AT + HOUR)
    return int(open_auction(order, PLACE, at=AT).accepted()["auction"])


def bids(auction: int, buyer: str, tonnes: int, price: str, key: str | None = None) -> int:
    order = BidOrder(key or new_key(), auction, buyer, tonnes, price, "CNY")
    return int(bid(order, PLACE, at=AT).accepted()["bid"])


def paid(trade: Trade, amount: str, *, at: datetime = AT, side: str = "CRDT") -> dict[str, Any]:
    """What a bank's statement with one line under a trade's reference came to."""
    body = bank_file((trade.reference, amount, side)).replace(b">B1<", f">M{new_key()}<".encode())
    return import_statement(body, at=at)


def has(organisation: Organisation, lot: str) -> dict[str, int]:
    return tonnes_by_state(organisation, lot)


def refusal_of(answer: Any) -> tuple[str, dict[str, Any]]:
    """The code and the facts of a refused answer; its words are whole sentences."""
    assert answer.refusal is not None, answer.result
    assert str(answer.refusal).endswith(".")
    said = answer.refusal.as_json()
    return said["code"], said["facts"]


def findings() -> list[Any]:
    registry = [
        finding
        for one in REGISTRY
        if one.name in ("blocks_tile_their_lot", "blocks_are_what_the_ledger_has")
        for finding in exceptions(connection, one)
    ]
    return [*check_ledger(connection), *check_money(connection), *check_market(connection), *registry]
