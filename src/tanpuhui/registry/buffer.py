"""Buffer: milligrams that are kept back, and cancelled in the place of those that were sold and turned out wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.registry.delegate import refuse_use_elsewhere
from tanpuhui.registry.models import Lot
from tanpuhui.registry.pool import pool_mg
from tanpuhui.registry.refusals import BufferTooSmall, LotUnknown, NotInPool, ReasonMissing
from tanpuhui.registry.units import asset_of, lock_lots

FILL, PAY = "fill_buffer", "pay_from_buffer"
BUFFER = account_id(Kind.BUFFER, LEDGER_ITSELF)


@dataclass(frozen=True)
class BufferOrder:
    """Milligrams of a lot into the buffer or out of it, once under its key."""

    key: str
    lot: str
    amount_mg: int
    effective_on: date


def fill_buffer(order: BufferOrder, *, pool: int, at: datetime) -> int:
    """Keep a part of what a pool has back; answers the transaction's number."""
    _refuse_unknown(order.lot)
    in_pool = pool_mg(pool, order.lot)
    if not _is_known(FILL, order.key) and not 1 <= order.amount_mg <= in_pool:
        raise NotInPool(lot=order.lot, pool_mg=in_pool, wanted_t=f"{order.amount_mg} mg,")
    return _post(FILL, order, (account_id(Kind.POOL, pool), BUFFER), "", at)


def pay_from_buffer(order: BufferOrder, *, reason: str, at: datetime) -> int:
    """Cancel milligrams of the buffer for good, because as many were sold that should not have been."""
    _refuse_unknown(order.lot)
    if not reason.strip():
        raise ReasonMissing()
    refuse_use_elsewhere([order.lot])
    in_buffer = buffer_mg(order.lot)
    if not _is_known(PAY, order.key) and not 1 <= order.amount_mg <= in_buffer:
        raise BufferTooSmall(lot=order.lot, buffer_mg=in_buffer, wanted_mg=order.amount_mg)
    return _post(PAY, order, (BUFFER, account_id(Kind.CANCELLED, LEDGER_ITSELF)), reason, at)


def buffer_mg(lot: str) -> int:
    """What the buffer has of a lot."""
    return sum(row.available for row in balances(connection, [BUFFER]) if row.asset == lot_code(lot))


def _post(verb: str, order: BufferOrder, way: tuple[int, int], reason: str, at: datetime) -> int:
    source, target = way
    legs = move(source=source, target=target, asset_id=asset_of(order.lot), amount=order.amount_mg)
    manifest = digest_json([verb, reason])
    posted = TransferOrder(f"{verb}:{order.key}", verb, order.effective_on, legs, manifest)
    return transfer(connection, posted, at=at).accepted()


def _is_known(verb: str, key: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM ledger_transaction WHERE key = %s)", [f"{verb}:{key}"])
        return bool(cursor.fetchone()[0])


def _refuse_unknown(lot: str) -> None:
    if not Lot.objects.filter(pk=lot).exists():
        raise LotUnknown(code=lot)
    lock_lots([lot])
