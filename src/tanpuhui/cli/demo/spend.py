"""Spend: reductions of some residents become points; a coffee, a day pass, a donation, a loan; the shop is paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tanpuhui.cli.demo.bank_file import Booked, bank_file
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.money.amounts import to_text
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.points.budget import funding_reference
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.models import Offer, Redemption, Terms
from tanpuhui.points.offer import OfferOrder, TermsOf, publish
from tanpuhui.points.redeem import CaptureOrder, RedeemOrder, capture, redeem
from tanpuhui.points.refund import RefundOrder, refund
from tanpuhui.points.rule import conversion_rule
from tanpuhui.points.settle import SettleOrder, settle
from tanpuhui.points.sponsor import open_sponsor
from tanpuhui.quantify.jurisdiction import Jurisdiction

SPONSOR, SHOP, BANK = "demo-centre", "demo-merchant", "bank"
#: What a point is worth, and what the centre pays in for them.
POINT_VALUE_MINOR, BUDGET = 50, "2000.00"
#: Of the first residents so many turn kilograms into points, as many as this each; the rest stays to be sold.
CONVERT, POINTS = 40, 2
#: Who asks the bank for its loan: the first resident let it see their tier.
BORROWER = 1
#: Of these, so many buy a coffee, and so many give a point to the trees.
COFFEES, DONATIONS = 20, 5
#: Offers are to be had for long after the week, so that somebody who looks can redeem one.
OFFERED = timedelta(days=3653)


@dataclass(frozen=True)
class Spent:
    """What came of it; amounts in the currency's minor unit."""

    points: int
    redeemed: int
    settled: str
    paid_minor: int
    is_paid: bool
    rate_discount_bp: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def spend(accounts: dict[int, int], days: int, jurisdiction: Jurisdiction) -> Spent | None:
    """Take points from the sponsor's money to the shop's; ``None`` in a city too small for a lot."""
    calendar = Calendar(days)
    at, day = calendar.certified_at, calendar.day(days + 1)
    with transaction.atomic():
        sponsor = open_sponsor(SPONSOR, currency="CNY", point_value_minor=POINT_VALUE_MINOR, at=at)
        paid_in = Booked(funding_reference(sponsor), BUDGET, is_out=False)
        import_statement(bank_file("DEMO-STATEMENT-0", [paid_in], at=at), at=at)
        for offer in offers(at):
            publish(offer, at=at)
        rule = conversion_rule(jurisdiction, day)
        first = [accounts[number] for number in sorted(accounts)[:CONVERT]]
        orders = [ConvertOrder(f"demo:{one}", SPONSOR, one, POINTS, day) for one in first]
        rich = [order.account for order in orders if convert(order, rule, at=at).refusal is None]
    if accounts[BORROWER] not in rich:
        return None
    redeemed = [_redeem("coffee", account, calendar) for account in rich[:COFFEES]]
    redeemed += [_redeem("trees", account, calendar) for account in rich[:DONATIONS]]
    loan = _redeem("green-loan", accounts[BORROWER], calendar, by=BANK)
    terms = Terms.objects.get(pk__in=Redemption.objects.filter(pk=loan).values("terms_id"))
    with transaction.atomic():
        refund(
            RefundOrder("demo:refund", redeemed[-1], SHOP, 1, "The planting was put off."), day=day, at=at
        ).accepted()
        settlement = settle(
            SettleOrder("demo:settle", SHOP, SPONSOR, at + timedelta(hours=1)), at=at + timedelta(hours=1)
        ).accepted()
    paid = _pay(settlement, at + timedelta(hours=2))
    return Spent(
        points=POINTS * len(rich),
        redeemed=len(redeemed),
        settled=str(settlement["settlement"]),
        paid_minor=int(settlement["amount_minor"]),
        is_paid=paid,
        rate_discount_bp=terms.rate_discount_bp or 0,
    )


def offers(at: datetime) -> tuple[OfferOrder, ...]:
    """A coffee, a day on the bus, trees, and a bank's loan by tier."""

    def offer(
        code: str, kind: str, by: str, title: tuple[str, str], text: tuple[str, str], **more: Any
    ) -> OfferOrder:
        return OfferOrder(
            code=code,
            kind=kind,
            organisation=by,
            title_zh=title[0],
            title_en=title[1],
            text_zh=text[0],
            text_en=text[1],
            starts_at=at,
            ends_at=at + OFFERED,
            **{"sponsor": SPONSOR, "price_points": 1, **more},
        )

    return (
        offer(
            "coffee",
            Offer.DISCOUNT,
            SHOP,
            ("咖啡一杯", "A coffee"),
            ("演示商户任意门店，冷热任选。", "At any of the demonstration's shops, hot or cold."),
            stock=5000,
            per_person_day=2,
            offline_s=86_400,
            offline_points=2,
        ),
        offer(
            "day-pass",
            Offer.PUBLIC_SERVICE,
            "demo-centre",
            ("公交一日票", "A day on the bus"),
            (
                "演示城市公交，当日不限次乘坐。",
                "As many rides as you like on one day, on the demonstration's buses.",
            ),
            price_points=3,
            per_person=10,
            code_s=86_400,
        ),
        offer(
            "trees",
            Offer.DONATION,
            SHOP,
            ("捐植树木", "Trees"),
            ("每一积分都用于城郊植树。", "Every point goes into trees at the edge of the city."),
        ),
        offer(
            "green-loan",
            Offer.FINANCIAL,
            BANK,
            ("绿色消费贷款优惠", "A green loan"),
            (
                "按碳账户等级下调年利率，同一等级同样优惠。",
                "A lower yearly rate by tier of the carbon account; the same for everybody in a tier.",
            ),
            sponsor=None,
            price_points=0,
            per_person=1,
            code_s=86_400 * 7,
            terms=(
                TermsOf(1, "年利率下调 0.10 个百分点", "0.10 points off the yearly rate", 10),
                TermsOf(20, "年利率下调 0.20 个百分点", "0.20 points off the yearly rate", 20),
                TermsOf(200, "年利率下调 0.30 个百分点", "0.30 points off the yearly rate", 30),
            ),
        ),
    )


def _redeem(offer: str, account: int, calendar: Calendar, *, by: str = SHOP) -> int:
    """Hold and capture one of an offer, as a person and a till do; answers the redemption's number."""
    at, day = calendar.certified_at, calendar.day(calendar.days + 1)
    with transaction.atomic():
        held = redeem(RedeemOrder(f"demo:{offer}:{account}", offer, account, 1, day), at=at).accepted()
    with transaction.atomic():
        taken = CaptureOrder(f"demo:{offer}:{account}:taken", held, by)
        return capture(taken, day=day, at=at + timedelta(minutes=1)).accepted()


def _pay(settlement: dict[str, Any], at: datetime) -> bool:
    """The bank says that the shop was paid; whether the settlement is settled by it."""
    amount = to_text(settlement["amount_minor"], settlement["currency"])
    body = bank_file("DEMO-STATEMENT-1", [Booked(settlement["settlement"], amount, is_out=True)], at=at)
    with transaction.atomic():
        answer = import_statement(body, at=at)
    return bool(answer["matched"] == [settlement["settlement"]])
