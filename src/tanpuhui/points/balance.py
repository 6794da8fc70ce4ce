"""Balance: what a resident has of each sponsor's points, what is held, and when how much of it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.asset import points_code
from tanpuhui.ledger.balance import balances
from tanpuhui.points.models import Earning, Sponsor
from tanpuhui.points.sponsor import resident_account


@dataclass(frozen=True)
class Batch:
    """Points that are good until the same moment."""

    points: int
    expires_at: datetime


@dataclass(frozen=True)
class Balance:
    """One resident's points of one sponsor; ``batches`` sum to all that is good, those that end first before others."""

    sponsor: Sponsor
    available: int
    held: int
    batches: tuple[Batch, ...]

    @property
    def points(self) -> int:
        """All of them, free or held."""
        return self.available + self.held


def balances_of(account: int, *, at: datetime) -> list[Balance]:
    """What a resident has of every sponsor whose points ever came to them, by the sponsor's code."""
    had = {one.asset: one for one in balances(connection, [resident_account(account)])}
    if not had:
        return []
    codes = [code.removeprefix(points_code("")) for code in had]
    sponsors = list(Sponsor.objects.filter(code__in=codes).select_related("organisation").order_by("code"))
    earned: dict[int, list[Batch]] = {}
    # By sponsor and account, as the index has them.
    for one in Earning.objects.filter(sponsor__in=sponsors, account=account).order_by("expires_at", "id"):
        earned.setdefault(one.sponsor_id, []).append(Batch(one.points, one.expires_at))
    found = []
    for sponsor in sponsors:
        has = had[points_code(sponsor.code)]
        batches = left_of(earned.get(sponsor.pk, []), has.available + has.held, at=at)
        found.append(Balance(sponsor, has.available, has.held, batches))
    return found


def left_of(earned: list[Batch], points: int, *, at: datetime) -> tuple[Batch, ...]:
    """What is left of what was earned, where the oldest are used first: the youngest that sum to ``points``.

    What is over by now is not among them: the next run of :func:`tanpuhui.points.expire.expire` takes it.
    """
    left: dict[datetime, int] = {}
    for one in sorted(earned, key=lambda one: one.expires_at, reverse=True):
        part = min(one.points, points)
        points -= part
        if part and one.expires_at > at:
            left[one.expires_at] = left.get(one.expires_at, 0) + part
    return tuple(Batch(part, until) for until, part in sorted(left.items()))


def expiring(sponsor: Sponsor, *, at: datetime, zone: str) -> list[tuple[str, int]]:
    """How many of a sponsor's points are over in which month (``2027-01``) if nobody spends any, soonest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT to_char(expires_at AT TIME ZONE %(zone)s, 'YYYY-MM'), sum(least(points, has - later))::bigint
            FROM (SELECT e.points, e.expires_at, b.available + b.held AS has,
                         sum(e.points) OVER (PARTITION BY e.account ORDER BY e.expires_at DESC, e.id DESC) - e.points
                         AS later
                  FROM points_earning e
                  JOIN ledger_balance b ON b.account_id = e.account * 16 + %(kind)s AND b.asset_id = %(asset)s
                  WHERE e.sponsor_id = %(sponsor)s) youngest_first
            WHERE has > later AND expires_at > %(at)s
            GROUP BY 1 ORDER BY 1
            """,
            {
                "zone": zone,
                "kind": int(Kind.RESIDENT_POINTS),
                "asset": sponsor.points_asset,
                "sponsor": sponsor.pk,
                "at": at,
            },
        )
        return [(str(month), int(points)) for month, points in cursor.fetchall()]
