"""Units: what of a lot a seller can offer, and the holds under which it is locked for the market."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import F, Sum

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.market.models import Auction, Bid, Listing, Proposal, Trade, UnitLock
from tanpuhui.market.refusals import LotAnnulled, LotUnknown, UnitsNotFree
from tanpuhui.registry.lock import lock, unlock
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.units import Part, UnitOrder, lock_lots

#: What locks units: an order of a seller, or a trade that waits for its money.
Sold = Listing | Proposal | Auction | Trade


def get_lot(code: str) -> Lot:
    """A lot that can be traded; its units do not move elsewhere until this transaction ends."""
    lot = Lot.objects.filter(pk=code).first()
    if lot is None:
        raise LotUnknown(lot=code)
    lock_lots([code])
    if Annulment.objects.filter(pk=code).exists():
        raise LotAnnulled(lot=code)
    return lot


def tonnes_by_state(organisation: Organisation, lot: str) -> dict[str, int]:
    """What an organisation has of a lot, by state."""
    rows = Block.objects.filter(lot=lot, owner=owner_of(organisation.pk), closed_at__isnull=True)
    found = rows.values("state").annotate(sum_t=Sum(F("last") - F("first") + 1))
    return {str(row["state"]): int(row["sum_t"]) for row in found}


def refuse_unless_free(seller: Organisation, lot: Lot, tonnes: int) -> None:
    """Refuse more than a seller has of a lot and is neither locked nor used."""
    has = tonnes_by_state(seller, lot.pk)
    if tonnes > has.get(Block.HELD, 0):
        raise UnitsNotFree(
            seller=seller.code,
            lot=lot.pk,
            wanted_t=tonnes,
            free_t=has.get(Block.HELD, 0),
            locked_t=has.get(Block.LOCKED, 0),
            retired_t=has.get(Block.RETIRED, 0),
            cancelled_t=has.get(Block.CANCELLED, 0),
        )


def held_t(organisation: Organisation) -> int:
    """What an organisation has of all lots and can still use or sell, locked units included."""
    rows = Block.objects.filter(
        owner=owner_of(organisation.pk), state__in=[Block.HELD, Block.LOCKED], closed_at__isnull=True
    )
    return int(rows.aggregate(tonnes=Sum(F("last") - F("first") + 1))["tonnes"] or 0)


def ordered_t(organisation: Organisation) -> int:
    """What an organisation has bought and not paid, and bids for."""
    waiting = Trade.objects.filter(buyer=organisation, ending__isnull=True)
    bids = Bid.objects.filter(buyer=organisation, ending__isnull=True)
    return sum(int(rows.aggregate(tonnes=Sum("tonnes"))["tonnes"] or 0) for rows in (waiting, bids))


def lock_for(what: Sold, tonnes: int, *, day: date, at: datetime) -> UnitLock:
    """Lock a seller's free units for an order or a trade."""
    kind = type(what).__name__.lower()
    number = UnitLock.objects.filter(**{kind: what}).count() + 1
    order = UnitOrder(
        f"market:{kind}:{what.pk}:{number}",
        owner_of(what.seller_id),
        (Part(what.lot_id, tonnes),),
        day,
    )
    locked = lock(order, at=at)
    named: dict[str, Any] = {kind: what}
    return UnitLock.objects.create(
        hold_id=locked.hold, seller_id=what.seller_id, lot_id=what.lot_id, tonnes=tonnes, at=at, **named
    )


def newest_lock(what: Sold) -> UnitLock:
    """The lock that counts."""
    kind = type(what).__name__.lower()
    found = UnitLock.objects.filter(**{kind: what}).order_by("-hold_id").first()
    assert found is not None, "whatever is offered is locked"
    return found


def is_locked(held: UnitLock) -> bool:
    """Whether a lock still has its units: the annulment of a lot lets all its holds go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM ledger_hold WHERE id = %s", [held.hold_id])
        return bool(cursor.fetchone()[0] == "open")


def free(held: UnitLock, *, day: date, at: datetime) -> None:
    """Give the units under a lock back to their seller; nothing where they are free already."""
    lock_lots([held.lot_id])
    if is_locked(held):
        order = UnitOrder("", owner_of(held.seller_id), (), day)
        unlock(held.hold_id, key=f"market:hold:{held.hold_id}", order=order, at=at)
