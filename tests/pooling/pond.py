"""A pool, residents who lend it what they have of a lot, and companies that buy, as the tests of pooling share them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from money.bank import pay_in
from registry.units_town import key, new_lot
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.consent.open_account import open_account
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id, organisation
from tanpuhui.ledger.asset import lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.ledger.invariants import exceptions
from tanpuhui.market.invariants import check as check_market
from tanpuhui.money.account import available_minor, resident_money_account
from tanpuhui.money.amounts import to_text
from tanpuhui.money.invariants import check as check_money
from tanpuhui.points.invariants import check as check_points
from tanpuhui.pooling.invariants import check as check_pooling
from tanpuhui.pooling.join import Wish, join
from tanpuhui.pooling.models import Pool, Round, Sale
from tanpuhui.pooling.open_round import RoundOrder, open_round
from tanpuhui.pooling.pool import PoolOrder, open_pool
from tanpuhui.pooling.sell import SellOrder, sell
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Block
from tanpuhui.registry.reconcile import INVARIANTS

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
DEMO = load_jurisdiction("demo")
#: The lots here come without closes, so the invariants that compare with closes have nothing to say.
ABOUT_LOTS = [
    one for one in INVARIANTS if one.name not in ("closes_are_what_is_pending", "lots_are_what_left_pending")
]
_numbers = itertools.count(1)


def new_pool(**changes: Any) -> Pool:
    """The pool that the packaged policy names."""
    organise(Organisation.COMPANY, "city_pool", name_zh="减排量池", name_en="City pool", at=AT)
    return open_pool(PoolOrder("city_pool", **changes), DEMO, at=AT)


def new_company(code: str | None = None) -> Organisation:
    number = next(_numbers)
    return organise(
        Organisation.COMPANY,
        code or f"acme-{number}",
        name_zh=f"企业{number}",
        name_en=f"Acme {number}",
        at=AT,
    )


def owner(company: Organisation) -> int:
    return organisation(company.pk)


def people(count: int) -> list[int]:
    return [open_account(at=AT) for _ in range(count)]


def joined(
    pool: Pool, account: int, min_price_minor: int = 0, vintages: tuple[int, ...] | None = None
) -> int:
    join(account, pool, Wish(min_price_minor, vintages), at=AT, lang="zh", method="test")
    return account


def lot_of(amounts: dict[int, int], *, vintage: int = 2026, rest: int | None = None) -> str:
    """A lot of which these accounts have these milligrams; what is missing to a whole tonne, somebody outside has."""
    holders = dict(amounts)
    missing = -sum(holders.values()) % TONNE_MG
    if missing:
        holders[rest or open_account(at=AT)] = missing
    return new_lot(sum(holders.values()) // TONNE_MG, vintage=vintage, holders=holders)


def opened(pool: Pool, lot: str, tonnes: int, price_minor: int = 6_000, at: datetime = AT) -> Round:
    return open_round(RoundOrder(key(), pool.code, lot, tonnes, price_minor), at=at)


def shares(of_round: Round) -> dict[int, int]:
    return dict(of_round.shares.order_by("account").values_list("account", "amount_mg"))


def has(account: int, lot: str, kind: Kind = Kind.RESIDENT_CERTIFIED) -> int:
    """What an owner has of a lot, what is held included."""
    rows = balances(connection, [account_id(kind, account)])
    return sum(row.available + row.held for row in rows if row.asset == lot_code(lot))


def blocks(lot: str) -> list[tuple[int, int, str, int]]:
    live = Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first")
    return list(live.values_list("first", "last", "state", "owner"))


def findings() -> list[Any]:
    """What the checks of the ledger, lots, money, points and pooling find; what waits for a commit is judged first."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    about_lots: Iterable[Any] = (one for each in ABOUT_LOTS for one in exceptions(connection, each))
    return [
        *check_ledger(connection),
        *about_lots,
        *check_market(connection),
        *check_money(connection),
        *check_points(connection),
        *check_pooling(connection),
    ]


def sold(of_round: Round, buyer: Organisation, tonnes: int, price_minor: int | None = None) -> Sale:
    """Tonnes sold to a company that pays in what they cost first."""
    price = price_minor or of_round.price_minor
    pay_in(buyer, to_text(price * tonnes, "CNY"))
    return sell(SellOrder(key(), of_round.pk, buyer.code, tonnes, price), at=AT)


def money_of(account: int) -> int:
    return available_minor(resident_money_account(account), "CNY")
