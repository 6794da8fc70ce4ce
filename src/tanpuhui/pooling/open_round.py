"""Open a round: take exactly so many tonnes of a lot from residents who agreed to its price and year, pro rata."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from tanpuhui.consent.gate import allowed_now, lock_for_close
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import MOST_T, TONNE_MG
from tanpuhui.ledger.account import KIND_BITS, Kind
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.pooling.join import MOST_MINOR
from tanpuhui.pooling.models import Pool, Round, Share
from tanpuhui.pooling.pool import PURPOSE, get_pool, owner_of, refuse_unnamed
from tanpuhui.pooling.refusals import BadRound, KeyReused, OtherPlace, TooLittleLent
from tanpuhui.pooling.rounds import day_of, keep, units_of
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.lookup import get_lot
from tanpuhui.registry.models import Annulment, Lot
from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
from tanpuhui.registry.refusals import LotAnnulled
from tanpuhui.registry.units import asset_of, lock_lots

#: Residents may use their milligrams meanwhile: then it is looked again at what they have.
ATTEMPTS = 5
AT_ONCE = 5_000

_LENT = f"""
    WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS asked (account, grant_number)),
    newest AS (
        SELECT DISTINCT ON (t.account) t.account, t.min_price_minor, t.vintages
        FROM pooling_terms t JOIN asked a ON a.account = t.account AND a.grant_number = t.grant_id
        WHERE t.pool_id = %s ORDER BY t.account, t.id DESC
    )
    SELECT n.account, b.available FROM newest n JOIN ledger_balance b
        ON b.account_id = (n.account << {KIND_BITS}) + {int(Kind.RESIDENT_CERTIFIED)} AND b.asset_id = %s
    WHERE n.min_price_minor <= %s AND (n.vintages IS NULL OR %s = ANY(n.vintages)) AND b.available > 0
    ORDER BY n.account
"""


@dataclass(frozen=True)
class RoundOrder:
    """So many whole tonnes of a lot, offered at a price for a tonne or more, once under its key."""

    key: str
    pool: str
    lot: str
    tonnes: int
    price_minor: int


def open_round(order: RoundOrder, *, at: datetime) -> Round:
    """Open a round in the caller's transaction (READ COMMITTED): all of it, or a refusal and nothing.

    No step of any consent is under way meanwhile, as when a close posts: whoever withdrew before is not in it.
    """
    _refuse_bad(order)
    pool = get_pool(order.pool)
    refuse_unnamed(pool.code)
    lot = get_lot(order.lot)
    # A district's pool sells what its city certified of what the district reported.
    if not load_jurisdiction(pool.jurisdiction).is_within(lot.jurisdiction):
        raise OtherPlace(lot=lot.code, of_lot=lot.jurisdiction, pool=pool.code, of_pool=pool.jurisdiction)
    digest = digest_json([pool.code, lot.code, order.tonnes, order.price_minor])
    lock_for_close(connection)
    known = Round.objects.filter(key=order.key).first()
    if known is not None:
        if known.content_digest != digest:
            raise KeyReused(key=order.key)
        return known
    lock_lots([lot.code])
    if Annulment.objects.filter(pk=lot.code).exists():
        raise LotAnnulled(lot=lot.code)
    grants = allowed_now(connection, purpose=PURPOSE, recipient=pool.code, at=at)
    shares = _gather(order, pool, lot, grants, at)
    made = Round.objects.create(
        key=order.key,
        content_digest=digest,
        pool=pool,
        lot=lot.code,
        vintage=lot.vintage,
        tonnes=order.tonnes,
        price_minor=order.price_minor,
        residents=len(shares),
        opened_at=at,
    )
    Share.objects.bulk_create(
        (
            Share(round=made, account=account, grant_number=grants[account], amount_mg=amount)
            for account, amount in shares.items()
        ),
        batch_size=AT_ONCE,
    )
    units = units_of(made, order.tonnes, key=f"pool-round:{order.key}", at=at)
    deliver(units, to=owner_of(pool), at=at)
    keep(made, order.tonnes, key=f"pool-round:{order.key}", at=at)
    return made


def lent(order: RoundOrder, grants: dict[int, int]) -> tuple[Offer, ...]:
    """Who would lend how much of a lot at a price, of those with a consent in force."""
    pool, lot = get_pool(order.pool), get_lot(order.lot)
    with connection.cursor() as cursor:
        cursor.execute(
            _LENT,
            [
                list(grants),
                list(grants.values()),
                pool.pk,
                asset_of(lot.code),
                order.price_minor,
                lot.vintage,
            ],
        )
        return tuple(Offer(*row) for row in cursor.fetchall())


def _gather(order: RoundOrder, pool: Pool, lot: Lot, grants: dict[int, int], at: datetime) -> dict[int, int]:
    amount_mg = order.tonnes * TONNE_MG
    for attempt in range(1, ATTEMPTS + 1):
        offers = lent(order, grants)
        available_mg = sum(offer.offered_mg for offer in offers)
        if available_mg < amount_mg:
            break
        wanted = GatherOrder(
            f"pool-round:{order.key}", owner_of(pool), lot.code, amount_mg, offers, day_of(pool, at)
        )
        try:
            with transaction.atomic():
                return gather(wanted, at=at)
        except Insufficient:
            if attempt == ATTEMPTS:
                raise
    raise TooLittleLent(
        lot=lot.code,
        wanted_t=order.tonnes,
        price_minor=order.price_minor,
        residents=len(offers),
        available_mg=available_mg,
    )


def _refuse_bad(order: RoundOrder) -> None:
    if not (1 <= order.tonnes <= MOST_T and 1 <= order.price_minor <= MOST_MINOR):
        raise BadRound(tonnes=order.tonnes, price_minor=order.price_minor, most=MOST_MINOR)
