"""Lapse: the points of somebody who is erased go back to their sponsors, and so does the money behind them."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.points.expire import give_back
from tanpuhui.points.models import Sponsor

REASON = "points.lapse"


def lapse(account: int, *, at: datetime) -> int:
    """Take back all points of an account, in the caller's transaction; answers how many there were.

    Nobody can spend them any more: left where they are, a sponsor would owe for ever what no one can ask for.
    """
    of = account_id(Kind.RESIDENT_POINTS, account)
    return sum(
        give_back(sponsor, _has(sponsor, of), key=f"{REASON}:{sponsor.pk}:{account}", reason=REASON, at=at)
        for sponsor in Sponsor.objects.order_by("pk")
    )


def _has(sponsor: Sponsor, of: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, available FROM ledger_balance WHERE account_id = %s AND asset_id = %s "
            "AND available > 0 FOR UPDATE",
            [of, sponsor.points_asset],
        )
        return list(cursor.fetchall())
