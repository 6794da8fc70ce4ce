"""Redeemed: what was captured at merchants on some days, as columns for the patterns against fraud; no name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pyarrow as pa
from django.db import connection

#: What a merchant keeps of each captured redemption: its points less those that went back, at the sponsor's value.
_KEPT = """
    SELECT r.id, r.account, c.organisation_id,
        (c.points - coalesce((SELECT sum(f.points) FROM points_refund f WHERE f.redemption_id = r.id), 0))::bigint
            * s.point_value_minor
    FROM points_redemption r JOIN points_closing c ON c.redemption_id = r.id AND c.state = 'captured' AND c.points > 0
        JOIN points_sponsor s ON s.organisation_id = c.sponsor_id
    WHERE r.day = ANY(%s) ORDER BY r.id
"""


def redeemed(days: Iterable[date]) -> pa.Table | None:
    """The relation ``redemption`` of the patterns, a row for each captured redemption; ``None`` without any.

    A merchant is its organisation's number; amounts are minor units of the sponsor's currency.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [list(days)])
        rows = cursor.fetchall()
    if not rows:
        return None
    names = ("record_id", "account_id", "merchant", "amount_fen")
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(column, pa.int64()) for name, column in zip(names, columns, strict=True)})
