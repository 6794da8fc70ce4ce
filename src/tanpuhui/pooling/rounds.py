"""Rounds: one round by its number, what it has left, and one thing at a time with it."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection
from django.db.models import Sum

from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.pooling.models import Closing, Keeping, Pool, Round
from tanpuhui.pooling.pool import owner_of
from tanpuhui.pooling.refusals import RoundClosed, UnknownRound
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.lock import Share as LockedShare
from tanpuhui.registry.lock import lock, transfer_locked, unlock
from tanpuhui.registry.models import Annulment
from tanpuhui.registry.refusals import LotAnnulled
from tanpuhui.registry.units import Part, Range, UnitOrder, lock_lots


def get_round(number: int) -> Round:
    """A round by its number."""
    found = Round.objects.select_related("pool__organisation", "pool__sponsor").filter(pk=number).first()
    if found is None:
        raise UnknownRound(number=number)
    return found


def hold_round(number: int) -> Round:
    """A round that nobody else does anything with until the transaction ends."""
    if not 1 <= number < 2**63:
        raise UnknownRound(number=number)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.pooling.round', %s))", [number]
        )
    return get_round(number)


def closing_of(of_round: Round) -> Closing | None:
    return Closing.objects.filter(pk=of_round.pk).first()


def is_annulled(of_round: Round) -> bool:
    return Annulment.objects.filter(pk=of_round.lot).exists()


def refuse_over(of_round: Round) -> None:
    """Refuse a round that is closed or whose lot was annulled; the lot stays as it is until the transaction ends."""
    if closing_of(of_round) is not None:
        raise RoundClosed(number=of_round.pk)
    lock_lots([of_round.lot])
    if is_annulled(of_round):
        raise LotAnnulled(lot=of_round.lot)


def sold_t(of_round: Round) -> int:
    """Whole tonnes of a round that companies bought."""
    return int(of_round.sales.aggregate(tonnes=Sum("tonnes"))["tonnes"] or 0)


def day_of(pool: Pool, at: datetime) -> date:
    """The local day of a moment under a pool's rules."""
    return local_day(to_us(at), load_jurisdiction(pool.jurisdiction).zone)


def keep(of_round: Round, tonnes: int, *, key: str, at: datetime) -> None:
    """Lock so many free tonnes of the pool as a round's own, so that they go in no other way than this stage's."""
    if tonnes == 0:
        return
    order = units_of(of_round, tonnes, key=key, at=at)
    locked = lock(order, at=at)
    Keeping.objects.create(round=of_round, hold=locked.hold, tonnes=tonnes, kept_at=at)


def set_free(of_round: Round, *, key: str, at: datetime) -> int:
    """Unlock what a round keeps, in order to move it in the same transaction; answers how many tonnes."""
    kept = of_round.keepings.order_by("-id").first()
    if kept is None or not kept_t(of_round):
        return 0
    unlock(kept.hold, key=key, order=units_of(of_round, kept.tonnes, key=key, at=at), at=at)
    return kept.tonnes


def hand_over(of_round: Round, tonnes: int, *, to: int, key: str, at: datetime) -> tuple[Range, ...]:
    """Give tonnes that a round keeps to a company, and keep the rest."""
    kept = of_round.keepings.order_by("-id").first()
    assert kept is not None, "it was looked at before what it has"
    order = units_of(of_round, tonnes, key=key, at=at)
    moved = transfer_locked(kept.hold, order, (LockedShare(to, tonnes),), at=at)
    keep(of_round, kept.tonnes - tonnes, key=key, at=at)
    return moved.ranges[0]


def kept_t(of_round: Round) -> int:
    """Whole tonnes that a round keeps under its newest hold; none when that hold is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(b.last - b.first + 1), 0)::bigint FROM registry_block b "
            "WHERE b.closed_at IS NULL AND b.hold = (SELECT hold FROM pooling_keeping WHERE round_id = %s "
            "ORDER BY id DESC LIMIT 1)",
            [of_round.pk],
        )
        return int(cursor.fetchone()[0])


def units_of(of_round: Round, tonnes: int, *, key: str, at: datetime, **said: str) -> UnitOrder:
    """An order about a round's tonnes, in the pool's hands."""
    parts = (Part(of_round.lot, tonnes),)
    return UnitOrder(key, owner_of(of_round.pool), parts, day_of(of_round.pool, at), said)
