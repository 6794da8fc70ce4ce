"""Sell: residents lend certified reductions to a pool, a company buys its tonnes and surrenders exactly its cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tanpuhui.access.models import Organisation
from tanpuhui.cli.demo.bank_file import Booked, bank_file
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.market.listing import TakeOrder, take
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.refusals import CapExceeded
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.pooling.join import Wish, join
from tanpuhui.pooling.models import Pool
from tanpuhui.pooling.on_market import OfferOrder, offer, settle_round
from tanpuhui.pooling.open_round import RoundOrder, open_round
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.pool import PoolOrder, open_pool
from tanpuhui.pooling.report import supply_of
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.models import Lot

POOL, BUYER = "city_pool", "pool_buyer"
#: Of the first residents so many lend, for this price of a tonne or more; every tenth wants more, and is not taken.
LEND, LEAST_MINOR, DEAR_MINOR, EACH_TENTH = 1000, 5000, 9000, 10
#: What the pool sells at most, and asks for a tonne.
TONNES, PRICE, PRICE_MINOR = 2, "68.00", 6800
PAID_IN = "500.00"
#: Its verified emissions for each tonne that it buys: at the demonstration's tenth these are exactly its cap.
EMITTED_T = 10


@dataclass(frozen=True)
class Sold:
    """What came of it; money in the currency's minor unit."""

    residents: int
    tonnes: int
    amount_minor: int
    paid_out_minor: int
    surrendered_mg: int
    cap_mg: int
    refused: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def sell(accounts: dict[int, int], days: int, jurisdiction: Jurisdiction, lot: Lot | None) -> Sold | None:
    """Take residents' reductions to a company's surrender; ``None`` in a city whose lot is too small for it."""
    calendar = Calendar(days)
    at = calendar.certified_at + timedelta(hours=3)
    company = Organisation.objects.get(code=BUYER)
    with transaction.atomic():
        pool = open_pool(PoolOrder(POOL), jurisdiction, at=at)
        for member in (POOL, BUYER):
            admit(MembershipOrder(f"demo:{member}", member, "The demonstration's own."), at=at).accepted()
        paid_in = Booked(deposit_reference(company), PAID_IN, is_out=False)
        import_statement(bank_file("DEMO-STATEMENT-2", [paid_in], at=at), at=at)
        for number in sorted(accounts)[:LEND]:
            least = DEAR_MINOR if number % EACH_TENTH == 0 else LEAST_MINOR
            join(accounts[number], pool, Wish(least), at=at, lang="zh", method="demo")
    tonnes = min(TONNES, lent_t(pool, lot, at)) if lot else 0
    return _sell(company, jurisdiction, lot, tonnes, at) if lot and tonnes else None


def lent_t(pool: Pool, lot: Lot, at: datetime) -> int:
    """Whole tonnes of the lot that members would lend at the price."""
    lent_mg = [
        step["available_mg"]
        for one in supply_of(pool, at=at)["lots"]
        for step in one["steps"]
        if one["lot"] == lot.code and step["price_minor"] <= PRICE_MINOR
    ]
    return max(lent_mg, default=0) // TONNE_MG


def _sell(company: Organisation, jurisdiction: Jurisdiction, lot: Lot, tonnes: int, at: datetime) -> Sold:
    with transaction.atomic():
        opened = open_round(RoundOrder("demo", POOL, lot.code, tonnes, PRICE_MINOR), at=at)
        listed = offer(OfferOrder("demo", opened.pk, tonnes, PRICE), at=at)
        take(TakeOrder("demo:take", listed.listing_id, BUYER, tonnes), jurisdiction, at=at).accepted()
        settle_round(opened.pk, at=at)
        sale = opened.sales.get()
        pay_out(sale.pk, key="demo", at=at)
    year = lot.vintage
    owner = organisation(company.pk)
    with transaction.atomic():
        emitted = YearOf(year, EMITTED_T * tonnes * TONNE_MG, None)
        declare(owner, jurisdiction, emitted, source="DEMO-REPORT-1", at=at)
        order = ReserveOrder("demo", owner, year, tonnes * TONNE_MG)
        reserved = reserve(order, jurisdiction, at=at)
        surrender(reserved.pk, key="demo", at=at)
    return Sold(
        residents=opened.shares.count(),
        tonnes=sale.tonnes,
        amount_minor=sale.amount_minor,
        paid_out_minor=sum(share.money_minor for share in sale.shares.all()),
        surrendered_mg=reserved.amount_mg,
        cap_mg=reserved.cap_mg,
        refused=_refused(ReserveOrder("demo:above", owner, year, 1), jurisdiction, at),
    )


def _refused(order: ReserveOrder, jurisdiction: Jurisdiction, at: datetime) -> str:
    """The code with which a milligram above the cap is refused; empty if it was not, which the summary shows."""
    try:
        with transaction.atomic():
            reserve(order, jurisdiction, at=at)
    except CapExceeded as refusal:
        return refusal.code
    return ""
