"""Rule: how units are traded on a day, as the jurisdiction's dated table says; read here and nowhere else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.market.refusals import NoMarket
from tanpuhui.quantify.jurisdiction import Jurisdiction

TABLE = "market_rules"


@dataclass(frozen=True)
class MarketRule:
    """The rule of a local day. ``None`` in a limit says that there is none."""

    name: str
    day: date
    currency: str
    tick_minor: int
    band_percent: str | None
    negotiated_band_percent: str | None
    reference_price_minor: int | None
    most_order_t: int | None
    most_held_t: int | None
    listing_days: int
    payment_hours: int
    status: str
    source: str

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "day": self.day.isoformat()}


def market_rule(place: Jurisdiction, at: datetime) -> MarketRule:
    """The rule in force at a moment, by the place's own days; refuses where there is none."""
    day = local_day(to_us(at), place.zone)
    rule = place.rule(TABLE, day)
    if rule is None:
        raise NoMarket(jurisdiction=place.code, day=day.isoformat())
    content = rule.content
    return MarketRule(
        name=f"{place.code}/{TABLE}/{rule.first_day}",
        day=day,
        currency=content["currency"],
        tick_minor=content["tick_minor"],
        band_percent=content.get("band_percent"),
        negotiated_band_percent=content.get("negotiated_band_percent"),
        reference_price_minor=content.get("reference_price_minor"),
        most_order_t=content.get("most_order_t"),
        most_held_t=content.get("most_held_t"),
        listing_days=content["listing_days"],
        payment_hours=content["payment_hours"],
        status=rule.status,
        source=rule.source,
    )
