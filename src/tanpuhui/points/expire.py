"""Expire: points whose time is over go back to their sponsor, oldest first, and so does the money behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import connection

from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.models import Sponsor
from tanpuhui.points.sponsor import budget_account, liability_account, reserve_account

REASON = "points.expire"
#: What somebody has beyond what came in and is still good is over; what is held for a redemption waits for its end.
_OVER = """
    SELECT b.account_id, least(b.available, b.available + b.held - coalesce(good.points, 0))::bigint
    FROM ledger_balance b
    LEFT JOIN (SELECT account, sum(points) AS points FROM points_earning
               WHERE sponsor_id = %s AND expires_at > %s GROUP BY account) good ON good.account = b.account_id >> 4
    WHERE b.asset_id = %s AND b.account_id & 15 = %s
        AND least(b.available, b.available + b.held - coalesce(good.points, 0)) > 0
    ORDER BY b.account_id
"""


def expire(sponsor: Sponsor, *, at: datetime) -> int:
    """Take back a sponsor's points that are over, in the caller's transaction; answers how many there were.

    The points that came first are used first, so what is left over is exactly what is too old. A second run at the
    same moment finds nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.expire', %s))", [sponsor.pk]
        )
        cursor.execute(_OVER, [sponsor.pk, at, sponsor.points_asset, int(Kind.RESIDENT_POINTS)])
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM ledger_batch WHERE key LIKE %s", [f"{REASON}:{sponsor.pk}:%"])
        (number,) = cursor.fetchone()
    return give_back(sponsor, rows, key=f"{REASON}:{sponsor.pk}:{number + 1}", reason=REASON, at=at)


def give_back(
    sponsor: Sponsor, rows: Sequence[tuple[int, int]], *, key: str, reason: str, at: datetime
) -> int:
    """Move points of accounts (account, points) back to their sponsor, and the money behind them to its budget."""
    if not rows:
        return 0
    accounts, amounts = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), np.int64)
    post_batch(
        connection,
        key=key,
        manifest=None,
        reason=reason,
        effective_on=at.date(),
        legs=Legs(accounts, nothing + sponsor.points_asset, -amounts, nothing, nothing),
        counter=liability_account(sponsor.pk),
        at=at,
    )
    points = int(amounts.sum())
    legs = move(
        source=reserve_account(sponsor.pk),
        target=budget_account(sponsor.pk),
        asset_id=sponsor.money_asset,
        amount=points * sponsor.point_value_minor,
    )
    transfer(connection, TransferOrder(f"{key}:money", reason, at.date(), legs), at=at).accepted()
    return points
