"""Sale: what was sold of a round, as whoever sold it says it, written down with what everybody gave and is owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tanpuhui.kit.digest import digest_json
from tanpuhui.pooling.models import Round, Sale, SaleShare
from tanpuhui.pooling.refusals import KeyReused, UnknownSale
from tanpuhui.pooling.share import Due, decide_dues, left_of

AT_ONCE = 5_000


@dataclass(frozen=True)
class Sold:
    """Tonnes of a round that changed hands: at once (``direct``), or by a trade of the market."""

    key: str
    via: str
    reference: str
    buyer: int
    tonnes: int
    amount_minor: int
    ranges: tuple[dict[str, Any], ...]
    sold_at: datetime

    def digest(self, number: int) -> str:
        """The digest of the content, without the key, of a sale of a round."""
        return digest_json([number, self.via, self.reference, self.buyer, self.tonnes, self.amount_minor])

    def with_ranges(self, ranges: Sequence[dict[str, Any]]) -> Sold:
        """The same, with the serial numbers that went."""
        return replace(self, ranges=tuple(ranges))


def known_sale(key: str, digest: str) -> Sale | None:
    """The sale of a key, if there is one; the same key with other content is refused."""
    known = Sale.objects.filter(key=key).first()
    if known is not None and known.content_digest != digest:
        raise KeyReused(key=key)
    return known


def record_sale(of_round: Round, sold: Sold) -> Sale:
    """Write a sale down, in the transaction that holds the round: whose milligrams it took and who is owed what."""
    pool = of_round.pool
    dues = decide_dues(left_of(of_round.pk), tonnes=sold.tonnes, amount_minor=sold.amount_minor, key=sold.key)
    sale = Sale.objects.create(
        key=sold.key,
        content_digest=sold.digest(of_round.pk),
        round=of_round,
        via=sold.via,
        reference=sold.reference,
        buyer=sold.buyer,
        tonnes=sold.tonnes,
        price_minor=of_round.price_minor,
        amount_minor=sold.amount_minor,
        currency=pool.currency,
        ranges=list(sold.ranges),
        sold_at=sold.sold_at,
    )
    value = pool.sponsor.point_value_minor if pool.sponsor else 0
    SaleShare.objects.bulk_create(
        (_share(sale, due, value) for due in dues),
        batch_size=AT_ONCE,
    )
    return sale


def get_sale(number: int) -> Sale:
    """A sale by its number."""
    sale = (
        Sale.objects.select_related("round__pool__organisation", "round__pool__sponsor")
        .filter(pk=number)
        .first()
    )
    if sale is None:
        raise UnknownSale(number=number)
    return sale


def _share(sale: Sale, due: Due, point_value_minor: int) -> SaleShare:
    points = due.amount_minor // point_value_minor if point_value_minor else 0
    return SaleShare(
        sale=sale,
        account=due.account,
        amount_mg=due.amount_mg,
        amount_minor=due.amount_minor,
        points=points,
        point_value_minor=point_value_minor,
        money_minor=due.amount_minor - points * point_value_minor,
    )
