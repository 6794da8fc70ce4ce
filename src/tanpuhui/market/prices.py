"""Prices: what settled trades of a product cost on each day, and the price that a day's band is measured from.

A product is the units of one place: all lots of a jurisdiction.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum

from tanpuhui.market.models import Trade, TradeEnding
from tanpuhui.market.rule import MarketRule
from tanpuhui.money.amounts import to_text

HEADER = ("product", "day", "currency", "trades", "tonnes", "low", "high", "average", "amount")


@dataclass(frozen=True)
class DayPrices:
    """A day's settled trades of a product in one currency. The average is exact: amount over tonnes."""

    product: str
    day: date
    currency: str
    trades: int
    tonnes: int
    low_minor: int
    high_minor: int
    amount_minor: int

    @property
    def average_minor(self) -> int:
        """The weighted average, rounded to the nearest minor unit, half up: for showing."""
        return (2 * self.amount_minor + self.tonnes) // (2 * self.tonnes)

    def as_json(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "day": self.day.isoformat(),
            "currency": self.currency,
            "trades": self.trades,
            "tonnes": self.tonnes,
            "low": to_text(self.low_minor, self.currency),
            "high": to_text(self.high_minor, self.currency),
            "average": to_text(self.average_minor, self.currency),
            "amount": to_text(self.amount_minor, self.currency),
            "low_minor": self.low_minor,
            "high_minor": self.high_minor,
            "average_minor": self.average_minor,
            "amount_minor": self.amount_minor,
        }


@dataclass(frozen=True)
class Reference:
    """The exact price that a band is measured from, and what it is."""

    price_minor: Fraction
    of: str

    def text(self, currency: str) -> str:
        """For showing: rounded to the nearest minor unit, half up."""
        whole = (2 * self.price_minor.numerator + self.price_minor.denominator) // (
            2 * self.price_minor.denominator
        )
        return to_text(whole, currency)


def settled() -> QuerySet[Trade]:
    """Trades of which both sides moved."""
    return Trade.objects.filter(ending__outcome=TradeEnding.SETTLED)


def day_prices(
    product: str | None = None, *, since: date | None = None, until: date | None = None
) -> list[DayPrices]:
    """Every day with trades, oldest first; of one product, or of each."""
    found = settled()
    if product is not None:
        found = found.filter(product=product)
    if since is not None:
        found = found.filter(ending__day__gte=since)
    if until is not None:
        found = found.filter(ending__day__lte=until)
    rows = found.values("product", "ending__day", "currency").annotate(
        count=Count("id"),
        sum_t=Sum("tonnes"),
        low=Min("price_minor"),
        high=Max("price_minor"),
        amount=Sum("amount_minor"),
    )
    return [
        DayPrices(
            product=row["product"],
            day=row["ending__day"],
            currency=row["currency"],
            trades=row["count"],
            tonnes=int(row["sum_t"]),
            low_minor=row["low"],
            high_minor=row["high"],
            amount_minor=int(row["amount"]),
        )
        for row in rows.order_by("product", "ending__day", "currency")
    ]


def reference_price(rule: MarketRule, product: str) -> Reference | None:
    """The weighted price of the last day before the rule's that had trades; before the first trade, the rule's own."""
    before = settled().filter(product=product, currency=rule.currency, ending__day__lt=rule.day)
    last = before.aggregate(day=Max("ending__day"))["day"]
    if last is not None:
        sums = before.filter(ending__day=last).aggregate(tonnes=Sum("tonnes"), amount=Sum("amount_minor"))
        return Reference(
            Fraction(int(sums["amount"]), int(sums["tonnes"])), f"weighted price of {last.isoformat()}"
        )
    if rule.reference_price_minor is not None:
        return Reference(Fraction(rule.reference_price_minor), "reference price before the first trade")
    return None


def as_csv(rows: list[DayPrices]) -> str:
    """Days for a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows([row.as_json()[name] for name in HEADER] for row in rows)
    return out.getvalue()
