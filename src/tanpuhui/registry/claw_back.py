"""Claw back: take certified reductions from a resident who should not have them, and cancel them for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from tanpuhui.ledger.account import FIRST_ORGANISATION, Kind, account_id
from tanpuhui.ledger.asset import Asset, find_asset, lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.registry.freeze import REASON as FREEZE
from tanpuhui.registry.freeze import FrozenLine, frozen_of
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import CannotClawBack, LotUnknown

REASON = "claw_back"


@dataclass(frozen=True)
class ClawBackOrder:
    """What is taken from whom: an amount of one lot, once, under its key."""

    key: str
    account: int
    lot: str
    amount_mg: int
    effective_on: date


def claw_back(order: ClawBackOrder, *, at: datetime) -> int:
    """Cancel an amount of a resident's holding, in the caller's transaction; answers the transaction's number.

    What is frozen can be taken: the rest of it stays frozen. What is set aside for anything else cannot. The same
    order again is answered as before.
    """
    asset = _asset(order.lot)
    if not 1 <= order.account < FIRST_ORGANISATION:
        raise CannotClawBack(account=order.account, lot=order.lot, available_mg=0, wanted_mg=order.amount_mg)
    source = account_id(Kind.RESIDENT_CERTIFIED, order.account)
    known = _known(order.key)
    frozen = [
        line for line in frozen_of(order.account) if (line.account_id, line.asset_id) == (source, asset.id)
    ]
    available = sum(row.available for row in balances(connection, [source]) if row.asset == asset.code)
    at_hand = available + sum(line.amount for line in frozen)
    if known is None and not 1 <= order.amount_mg <= at_hand:
        raise CannotClawBack(
            account=order.account, lot=order.lot, available_mg=at_hand, wanted_mg=order.amount_mg
        )
    let_go = frozen if known is None and order.amount_mg > available else []
    kept = _release(order.account, let_go, at)
    target = account_id(Kind.CANCELLED, order.account)
    legs = move(source=source, target=target, asset_id=asset.id, amount=order.amount_mg)
    answer = transfer(connection, TransferOrder(order.key, REASON, order.effective_on, legs), at=at)
    number = answer.accepted()
    if kept:
        _freeze_again(order, kept, (source, asset.id), order.amount_mg - available, at)
    return number


def _asset(lot: str) -> Asset:
    asset = find_asset(connection, lot_code(lot)) if Lot.objects.filter(pk=lot).exists() else None
    if asset is None:
        raise LotUnknown(code=lot)
    return asset


def _known(key: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ledger_transaction WHERE key = %s", [key])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _release(account: int, lines: list[FrozenLine], at: datetime) -> list[FrozenLine]:
    """Let go of the holds of these lines; answers all lines that those holds had."""
    holds = {line.hold_id for line in lines}
    kept = [line for line in frozen_of(account) if line.hold_id in holds]
    for hold_id in sorted(holds):
        release(connection, hold_id, at=at)
    return kept


def _freeze_again(
    order: ClawBackOrder, lines: list[FrozenLine], taken_from: tuple[int, int], taken: int, at: datetime
) -> None:
    """Freeze what was frozen before, less what was taken of it."""
    amounts: dict[tuple[int, int], int] = {}
    for line in lines:
        place = (line.account_id, line.asset_id)
        amounts[place] = amounts.get(place, 0) + line.amount
    amounts[taken_from] -= taken
    again = tuple(HoldLine(*place, amount) for place, amount in sorted(amounts.items()) if amount)
    if again:
        key = f"freeze:{order.account}:after:{order.key}"
        hold(connection, HoldOrder(key, FREEZE, again), at=at).accepted()
