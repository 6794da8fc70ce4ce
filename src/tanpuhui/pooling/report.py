"""Report: pools and rounds for whoever operates them and for companies: sums, companies and serials, and no account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.consent.gate import allowed_now
from tanpuhui.ledger.account import FIRST_ORGANISATION, KIND_BITS, Kind
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.models import Pool, Round, Sale
from tanpuhui.pooling.on_market import waiting_t
from tanpuhui.pooling.pool import PURPOSE
from tanpuhui.pooling.rounds import closing_of, kept_t, sold_t
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Lot

#: What members of a pool have of each lot, added up by the price from which on they lend.
_SUPPLY = f"""
    WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS asked (account, grant_number)),
    newest AS (
        SELECT DISTINCT ON (t.account) t.account, t.min_price_minor, t.vintages
        FROM pooling_terms t JOIN asked a ON a.account = t.account AND a.grant_number = t.grant_id
        WHERE t.pool_id = %s ORDER BY t.account, t.id DESC
    )
    SELECT l.code, l.vintage, n.min_price_minor, count(*), sum(b.available)::bigint
    FROM registry_lot l JOIN ledger_asset s ON s.code = 'lot:' || l.code
    JOIN ledger_balance b ON b.asset_id = s.id AND b.account_id & 15 = {int(Kind.RESIDENT_CERTIFIED)}
        AND b.available > 0
    JOIN newest n ON n.account = b.account_id >> {KIND_BITS} AND (n.vintages IS NULL OR l.vintage = ANY(n.vintages))
    WHERE l.jurisdiction = ANY(%s::text[]) AND NOT EXISTS (SELECT FROM registry_annulment a WHERE a.lot_id = l.code)
    GROUP BY 1, 2, 3 ORDER BY 1, 3
"""


def pool_as_json(pool: Pool) -> dict[str, Any]:
    """A pool as whoever operates it sees it."""
    return {
        "pool": pool.code,
        "name_zh": pool.organisation.name_zh,
        "name_en": pool.organisation.name_en,
        "jurisdiction": pool.jurisdiction,
        "currency": pool.currency,
        "pays": pool.pays,
        "sponsor": pool.sponsor.code if pool.sponsor else None,
        "opened_at": pool.opened_at.isoformat(),
    }


def supply_of(pool: Pool, *, at: datetime) -> dict[str, Any]:
    """How many residents are in a pool, and what of each lot they would lend, at which price for a tonne or more."""
    grants = allowed_now(connection, purpose=PURPOSE, recipient=pool.code, at=at)
    with connection.cursor() as cursor:
        cursor.execute(_SUPPLY, [list(grants), list(grants.values()), pool.pk, places_of(pool)])
        rows = cursor.fetchall()
    lots: dict[str, dict[str, Any]] = {}
    for lot, vintage, price, residents, amount in rows:
        said = lots.setdefault(lot, {"lot": lot, "vintage": vintage, "steps": []})
        before = said["steps"][-1] if said["steps"] else {"residents": 0, "available_mg": 0}
        said["steps"].append(
            {
                "price_minor": price,
                "price": to_text(price, pool.currency),
                "residents": before["residents"] + residents,
                "available_mg": before["available_mg"] + amount,
            }
        )
    return {"pool": pool.code, "residents": len(grants), "lots": list(lots.values())}


def round_as_json(of_round: Round) -> dict[str, Any]:
    """A round with its sales: tonnes, companies, money and serial numbers; of residents how many, and nothing else."""
    closing = closing_of(of_round)
    sales = list(of_round.sales.select_related("pay_out").order_by("id"))
    return {
        "round": of_round.pk,
        "key": of_round.key,
        "pool": of_round.pool.code,
        "lot": of_round.lot,
        "vintage": of_round.vintage,
        "tonnes": of_round.tonnes,
        "price": to_text(of_round.price_minor, of_round.pool.currency),
        "price_minor": of_round.price_minor,
        "currency": of_round.pool.currency,
        "residents": of_round.residents,
        "state": "open" if closing is None else "annulled" if closing.annulled else "closed",
        "sold_t": sold_t(of_round),
        "kept_t": kept_t(of_round),
        "on_market_t": 0 if closing else waiting_t(of_round),
        "back_t": closing.tonnes_back if closing else 0,
        "opened_at": of_round.opened_at.isoformat(),
        "closed_at": closing.closed_at.isoformat() if closing else None,
        "sales": [sale_as_json(sale, buyers_of(sales)) for sale in sales],
    }


def sale_as_json(sale: Sale, buyers: dict[int, Organisation] | None = None) -> dict[str, Any]:
    """A sale as the pool, the buyer and the auditor may see it."""
    buyer = (buyers or buyers_of([sale]))[sale.buyer]
    paid = getattr(sale, "pay_out", None)
    return {
        "sale": sale.pk,
        "round": sale.round_id,
        "via": sale.via,
        "reference": sale.reference,
        "buyer": buyer.code,
        "tonnes": sale.tonnes,
        "amount": to_text(sale.amount_minor, sale.currency),
        "amount_minor": sale.amount_minor,
        "currency": sale.currency,
        "ranges": sale.ranges,
        "sold_at": sale.sold_at.isoformat(),
        "paid_out": {
            "at": paid.paid_at.isoformat(),
            "residents": paid.residents,
            "money_minor": paid.money_minor,
            "points": paid.points,
        }
        if paid
        else None,
    }


def buyers_of(sales: Iterable[Sale]) -> dict[int, Organisation]:
    """The companies that bought, by the ledger's owner."""
    numbers = {sale.buyer - FIRST_ORGANISATION for sale in sales}
    return {one.pk + FIRST_ORGANISATION: one for one in Organisation.objects.filter(pk__in=numbers)}


def places_of(pool: Pool) -> list[str]:
    """Whose lots a pool sells: its own place's, and a district's also those of its city."""
    place = load_jurisdiction(pool.jurisdiction)
    return [code for code in (place.code, place.parent) if code]


def vintages_there_are(pool: Pool) -> list[int]:
    """The years of acts of which a pool's place has certified lots."""
    found = Lot.objects.filter(jurisdiction__in=places_of(pool)).values_list("vintage", flat=True)
    return sorted(set(found))
