"""Mine: what a resident has in pools: each share, what was sold of it, to whom, for how much, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.models import Returned, Round, SaleShare, Share
from tanpuhui.pooling.where_used import Use, uses_of


@dataclass(frozen=True)
class Sold:
    """A part of one's share that a company bought, what it brought, and what its tonnes were used for."""

    sale: int
    buyer: Organisation
    tonnes: int
    #: What one tonne brought.
    price_minor: int
    amount_mg: int
    amount_minor: int
    points: int
    sponsor: Organisation | None
    money_minor: int
    currency: str
    sold_at: datetime
    paid_at: datetime | None
    uses: tuple[Use, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "sale": self.sale,
            "sold_at": self.sold_at.isoformat(),
            "buyer": self.buyer.code,
            "buyer_name_zh": self.buyer.name_zh,
            "buyer_name_en": self.buyer.name_en,
            "tonnes": self.tonnes,
            "price_per_tonne": to_text(self.price_minor, self.currency),
            "amount_mg": self.amount_mg,
            "amount": to_text(self.amount_minor, self.currency),
            "money": to_text(self.money_minor, self.currency),
            "points": self.points,
            "points_of": self.sponsor.code if self.sponsor and self.points else None,
            "currency": self.currency,
            "paid_at": self.paid_at.isoformat() if self.paid_at else None,
            "uses": [use.as_json() for use in self.uses],
        }


@dataclass(frozen=True)
class MyShare:
    """What one lent to a round: it is sold, back, or still on sale."""

    round: Round
    amount_mg: int
    sold: tuple[Sold, ...]
    back_mg: int
    is_closed: bool
    is_annulled: bool

    @property
    def sold_mg(self) -> int:
        return sum(one.amount_mg for one in self.sold)

    @property
    def on_sale_mg(self) -> int:
        """What is neither sold nor back."""
        return 0 if self.is_closed else self.amount_mg - self.sold_mg

    def as_json(self) -> dict[str, Any]:
        return {
            "round": self.round.pk,
            "pool": self.round.pool.code,
            "lot": self.round.lot,
            "vintage": self.round.vintage,
            "opened_at": self.round.opened_at.isoformat(),
            "round_tonnes": self.round.tonnes,
            "least_price_per_tonne": to_text(self.round.price_minor, self.round.pool.currency),
            "state": "annulled" if self.is_annulled else "closed" if self.is_closed else "open",
            "amount_mg": self.amount_mg,
            "sold_mg": self.sold_mg,
            "on_sale_mg": self.on_sale_mg,
            "back_mg": self.back_mg,
            "sales": [one.as_json() for one in self.sold],
        }


def shares_of(account: int, *, pool: int | None = None, most: int = 100) -> list[MyShare]:
    """One's shares, the newest first, of one pool or of all."""
    found = Share.objects.filter(account=account).select_related(
        "round__pool__organisation", "round__closing"
    )
    if pool is not None:
        found = found.filter(round__pool=pool)
    shares = list(found.order_by("-round_id")[:most])
    rounds = [share.round_id for share in shares]
    sold: dict[int, list[Sold]] = {}
    for number, one in _sold(account, rounds):
        sold.setdefault(number, []).append(one)
    back = dict(
        Returned.objects.filter(account=account, closing__in=rounds).values_list("closing_id", "amount_mg")
    )
    return [
        _mine(share, tuple(sold.get(share.round_id, ())), back.get(share.round_id, 0)) for share in shares
    ]


def _mine(share: Share, sold: tuple[Sold, ...], back_mg: int) -> MyShare:
    closing = getattr(share.round, "closing", None)
    return MyShare(
        round=share.round,
        amount_mg=share.amount_mg,
        sold=sold,
        back_mg=back_mg,
        is_closed=closing is not None,
        is_annulled=bool(closing and closing.annulled),
    )


def _sold(account: int, rounds: list[int]) -> list[tuple[int, Sold]]:
    parts = list(
        SaleShare.objects.filter(account=account, sale__round__in=rounds)
        .select_related("sale__pay_out", "sale__round__pool__sponsor__organisation")
        .order_by("-sale_id")
    )
    uses = uses_of(part.sale for part in parts)
    buyers = Organisation.objects.in_bulk({part.sale.buyer - FIRST_ORGANISATION for part in parts})
    return [
        (part.sale.round_id, _one(part, buyers[part.sale.buyer - FIRST_ORGANISATION], uses[part.sale_id]))
        for part in parts
    ]


def _one(part: SaleShare, buyer: Organisation, uses: tuple[Use, ...]) -> Sold:
    sale = part.sale
    paid = getattr(sale, "pay_out", None)
    sponsor = sale.round.pool.sponsor
    return Sold(
        sale=sale.pk,
        buyer=buyer,
        tonnes=sale.tonnes,
        price_minor=sale.amount_minor // sale.tonnes,
        amount_mg=part.amount_mg,
        amount_minor=part.amount_minor,
        points=part.points,
        sponsor=sponsor.organisation if sponsor else None,
        money_minor=part.money_minor,
        currency=sale.currency,
        sold_at=sale.sold_at,
        paid_at=paid.paid_at if paid else None,
        uses=uses,
    )
