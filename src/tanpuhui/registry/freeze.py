"""Freeze: set everything aside that a resident has available, until it is looked into; and let it go again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.ledger.account import KIND_BITS, Kind, account_id
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.refusals import Insufficient
from tanpuhui.ledger.release import release
from tanpuhui.registry.refusals import NotFrozen, NothingToFreeze

REASON = "freeze"
KINDS = (Kind.RESIDENT_PENDING, Kind.RESIDENT_CERTIFIED, Kind.RESIDENT_POINTS)
ATTEMPTS = 5


@dataclass(frozen=True)
class FrozenLine:
    """An amount that one hold has set aside."""

    hold_id: int
    account_id: int
    asset_id: int
    asset: str
    amount: int


def freeze(account: int, *, key: str, at: datetime) -> int:
    """Set aside whatever is available now: pending, certified and points; answers the number of the hold.

    What comes in later is not frozen; freezing again adds it. In the caller's transaction.
    """
    for attempt in range(ATTEMPTS):
        lines = _available(account)
        if not lines:
            raise NothingToFreeze(account=account)
        answer = hold(connection, HoldOrder(f"freeze:{account}:{key}:{attempt}", REASON, lines), at=at)
        if not isinstance(answer.refusal, Insufficient):
            return answer.accepted()
    raise NothingToFreeze(account=account)


def unfreeze(account: int, *, at: datetime) -> int:
    """Let everything go that was frozen; answers how many holds there were. Other holds stay."""
    holds = {line.hold_id for line in frozen_of(account)}
    if not holds:
        raise NotFrozen(account=account)
    return sum(release(connection, hold_id, at=at) for hold_id in sorted(holds))


def frozen_of(account: int) -> list[FrozenLine]:
    """What of a resident's accounts is frozen now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.id, l.account_id, l.asset_id, a.code, l.amount FROM ledger_hold h "
            "JOIN ledger_hold_line l ON l.hold_id = h.id JOIN ledger_asset a ON a.id = l.asset_id "
            "WHERE h.state = 'open' AND h.reason = %s AND l.account_id = ANY(%s::bigint[]) "
            "ORDER BY h.id, l.line",
            [REASON, [account_id(kind, account) for kind in KINDS]],
        )
        return [FrozenLine(*row) for row in cursor.fetchall()]


def _available(account: int) -> tuple[HoldLine, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, asset_id, available FROM ledger_balance "
            "WHERE account_id BETWEEN %s AND %s AND account_id & 15 = ANY(%s) AND available > 0 "
            "ORDER BY account_id, asset_id",
            [account << KIND_BITS, (account << KIND_BITS) + 15, [int(kind) for kind in KINDS]],
        )
        return tuple(HoldLine(*row) for row in cursor.fetchall())
