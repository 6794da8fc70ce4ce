"""Control: what every order is held against: whole tonnes, tick, band, sizes and positions. Prices are of a tonne."""

from __future__ import annotations

from fractions import Fraction

from tanpuhui.access.models import Organisation
from tanpuhui.kit.exact import parse_decimal
from tanpuhui.market.prices import Reference, reference_price
from tanpuhui.market.refusals import (
    AmountTooLarge,
    BadTonnes,
    OffTick,
    OrderTooLarge,
    OtherCurrency,
    OutsideBand,
    PositionTooLarge,
)
from tanpuhui.market.rule import MarketRule
from tanpuhui.market.units import held_t, ordered_t
from tanpuhui.money.amounts import known_currency, to_minor, to_text

#: Milligrams of a holding fit 64 bits up to here, and so does money up to a million times a billion.
MOST_TONNES, MOST_AMOUNT_MINOR = 9_000_000_000, 10**15


def read_price(rule: MarketRule, price: str, currency: str) -> int:
    """A price in minor units: of the market's currency, and a whole number of ticks."""
    if known_currency(currency) != rule.currency:
        raise OtherCurrency(currency=rule.currency, given=currency)
    minor = to_minor(price, currency)
    if minor % rule.tick_minor:
        below = max(minor // rule.tick_minor, 1) * rule.tick_minor
        above = -(-minor // rule.tick_minor) * rule.tick_minor
        raise OffTick(
            price=to_text(minor, currency),
            currency=currency,
            tick=to_text(rule.tick_minor, currency),
            below=to_text(below, currency),
            above=to_text(above, currency),
        )
    return minor


def refuse_bad_tonnes(tonnes: int) -> None:
    if not 1 <= tonnes <= MOST_TONNES:
        raise BadTonnes(tonnes=tonnes, most=MOST_TONNES)


def refuse_large_order(rule: MarketRule, tonnes: int, price_minor: int) -> None:
    """Refuse tonnes that are none, more than one order may have, or worth more than can be paid."""
    refuse_bad_tonnes(tonnes)
    if rule.most_order_t is not None and tonnes > rule.most_order_t:
        raise OrderTooLarge(tonnes=tonnes, most=rule.most_order_t, rule=rule.name)
    if tonnes * price_minor > MOST_AMOUNT_MINOR:
        raise AmountTooLarge(tonnes=tonnes, price=to_text(price_minor, rule.currency), currency=rule.currency)


def band(rule: MarketRule, product: str, *, negotiated: bool = False) -> tuple[Reference, int, int] | None:
    """The lowest and highest price of the day with what they are measured from; ``None`` where nothing bounds them.

    Both are rounded inwards, to a minor unit that is still within.
    """
    percent = rule.negotiated_band_percent if negotiated else rule.band_percent
    reference = reference_price(rule, product)
    if percent is None or reference is None:
        return None
    width = reference.price_minor * Fraction(parse_decimal(percent)) / 100
    lowest, highest = reference.price_minor - width, reference.price_minor + width
    return reference, -(-lowest.numerator // lowest.denominator), highest.numerator // highest.denominator


def is_within_band(rule: MarketRule, product: str, price_minor: int) -> bool:
    found = band(rule, product)
    return found is None or found[1] <= price_minor <= found[2]


def refuse_outside_band(
    rule: MarketRule, product: str, price_minor: int, *, negotiated: bool = False
) -> None:
    found = band(rule, product, negotiated=negotiated)
    if found is None or found[1] <= price_minor <= found[2]:
        return
    reference, lowest, highest = found
    raise OutsideBand(
        price=to_text(price_minor, rule.currency),
        currency=rule.currency,
        lowest=to_text(max(lowest, 0), rule.currency),
        highest=to_text(highest, rule.currency),
        band=rule.negotiated_band_percent if negotiated else rule.band_percent,
        reference=reference.text(rule.currency),
        reference_of=reference.of,
        rule=rule.name,
    )


def refuse_position(rule: MarketRule, buyer: Organisation, tonnes: int) -> None:
    """Refuse tonnes with which a buyer would have, or have ordered, more than one member may."""
    if rule.most_held_t is None:
        return
    held, ordered = held_t(buyer), ordered_t(buyer)
    if held + ordered + tonnes > rule.most_held_t:
        raise PositionTooLarge(
            buyer=buyer.code,
            held_t=held,
            ordered_t=ordered,
            wanted_t=tonnes,
            most_t=rule.most_held_t,
            left_t=max(0, rule.most_held_t - held - ordered),
            rule=rule.name,
        )
