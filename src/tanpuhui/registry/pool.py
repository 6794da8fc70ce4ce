"""Pool: residents' milligrams of a lot are gathered, and leave as whole tonnes of a company with serial numbers.

What was not used goes the same way back, to the milligram.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.exact import share_out
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import KIND_BITS, Kind, account_id
from tanpuhui.ledger.asset import lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.refusals import CannotGather, CannotGiveBack, LotAnnulled, LotUnknown, NotInPool
from tanpuhui.registry.units import (
    Place,
    Range,
    UnitOrder,
    answered,
    asset_of,
    held_by,
    lock_lots,
    move_units,
)

GATHER, DELIVER, GIVE_BACK = "gather", "deliver", "give_back"


@dataclass(frozen=True)
class Offer:
    """What a resident lends of a lot, at most."""

    account: int
    offered_mg: int


@dataclass(frozen=True)
class GatherOrder:
    """So many milligrams of a lot, from those who offer them, into a pool, once under its key."""

    key: str
    pool: int
    lot: str
    amount_mg: int
    offers: tuple[Offer, ...]
    effective_on: date


def gather(order: GatherOrder, *, at: datetime) -> dict[int, int]:
    """Take the amount from the offers in proportion, to the milligram by largest remainder; answers who gave what.

    All of it, or a refusal and nothing: an offer that its resident no longer has available refuses the whole.
    """
    lot = Lot.objects.filter(pk=order.lot).first()
    if lot is None:
        raise LotUnknown(code=order.lot)
    parts = decide_parts(order)
    lock_lots([order.lot])
    if Annulment.objects.filter(pk=order.lot).exists():
        raise LotAnnulled(lot=order.lot)
    _post(GATHER, order.key, order.pool, order.lot, parts, sign=-1, on=order.effective_on, at=at)
    return parts


def decide_parts(order: GatherOrder) -> dict[int, int]:
    """Who gives how many milligrams, by account; residents who would give none are left out."""
    offers = sorted(order.offers, key=lambda offer: offer.account)
    offered = sum(offer.offered_mg for offer in offers)
    accounts = {offer.account for offer in offers}
    sound = len(accounts) == len(offers) and all(offer.offered_mg >= 1 for offer in offers)
    if not sound or not 1 <= order.amount_mg <= offered:
        raise CannotGather(lot=order.lot, offered_mg=offered, wanted_mg=order.amount_mg)
    amounts = share_out(order.amount_mg, [offer.offered_mg for offer in offers])
    return {offer.account: amount for offer, amount in zip(offers, amounts, strict=True) if amount}


def deliver(order: UnitOrder, *, to: int, at: datetime) -> tuple[Range, ...]:
    """Give whole tonnes of a pool (``order.holder``) to a company: they get the lowest open serial numbers."""
    lock_lots(part.lot for part in order.parts)
    if not answered(DELIVER, order.key):
        for part in order.parts:
            in_pool = pool_mg(order.holder, part.lot)
            if part.tonnes * TONNE_MG > in_pool:
                raise NotInPool(lot=part.lot, pool_mg=in_pool, wanted_t=part.tonnes)
    source = Place(Block.OPEN, 0, Kind.POOL)
    return move_units(DELIVER, order, source, held_by(to), at, account=account_id(Kind.POOL, order.holder))


def give_back(order: UnitOrder, amounts: Mapping[int, int], *, pool: int, at: datetime) -> tuple[Range, ...]:
    """Undo a delivery and its gathering: a company's units of one lot are open again, and residents have the amounts.

    ``amounts`` are milligrams by account, and sum to the order's tonnes. The same order again is answered as before.
    """
    sound = len(order.parts) == 1 and all(amount >= 1 for amount in amounts.values())
    if not sound or sum(amounts.values()) != sum(part.tonnes for part in order.parts) * TONNE_MG:
        raise CannotGiveBack(tonnes=sum(part.tonnes for part in order.parts), amount_mg=sum(amounts.values()))
    (part,) = order.parts
    ranges = move_units(
        GIVE_BACK,
        order,
        held_by(order.holder),
        Place(Block.OPEN, 0, Kind.POOL),
        at,
        to_account=account_id(Kind.POOL, pool),
    )
    _post(GIVE_BACK, order.key, pool, part.lot, amounts, sign=1, on=order.effective_on, at=at)
    return ranges


def _post(
    verb: str, key: str, pool: int, lot: str, amounts: Mapping[int, int], *, sign: int, on: date, at: datetime
) -> None:
    """Milligrams of a lot between residents and a pool: out of their accounts, or into them."""
    owners = np.array(sorted(amounts), np.int64)
    parts = np.array([amounts[owner] for owner in owners.tolist()], np.int64)
    nothing = np.zeros(len(owners), np.int64)
    accounts = owners << KIND_BITS | int(Kind.RESIDENT_CERTIFIED)
    post_batch(
        connection,
        key=f"{verb}:{key}",
        manifest=digest_json([verb, pool, lot]),
        reason=verb,
        effective_on=on,
        legs=Legs(accounts, nothing + asset_of(lot), sign * parts, nothing, nothing),
        counter=account_id(Kind.POOL, pool),
        at=at,
    )


def pool_mg(pool: int, lot: str) -> int:
    """What a pool has of a lot."""
    rows = balances(connection, [account_id(Kind.POOL, pool)])
    return sum(row.available for row in rows if row.asset == lot_code(lot))
