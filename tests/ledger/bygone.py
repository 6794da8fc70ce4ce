"""Months long past for tests of files: closes, certifications and transfers on both sides of every boundary."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from ledger.bookings import legs_of, moving, new_key, new_pool
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.balance import balance_at, owner_balances_at
from tanpuhui.ledger.movements import movements
from tanpuhui.ledger.post_batch import BatchAnswer, post_batch
from tanpuhui.ledger.statement import statement
from tanpuhui.ledger.transfer import transfer
from tanpuhui.notary.seals import seal
from tanpuhui.transparency.log import enter

JANUARY, FEBRUARY, MARCH, APRIL = (date(2025, month, 1) for month in (1, 2, 3, 4))
#: When months are detached: every one of 2025 is a year old.
NOW = datetime(2027, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
_owners = itertools.count(700_000)


class Bygone:
    """Two residents, an asset in which both are credited, and one that comes to nothing and begins again for one.

    They are named so that the judge of what is issued, who asks for closes and lots, does not know them.
    """

    def __init__(self) -> None:
        self.a, self.b = next(_owners), next(_owners)
        self.asset, self.other = (
            get_or_create_asset(connection, f"waits:test/{new_key()}@1:2025").id for _ in range(2)
        )
        self.lot = get_or_create_asset(connection, f"ton:{new_key()}").id

    def close(self, at: datetime, *legs: tuple[int, int, int]) -> BatchAnswer:
        """Credit (owner, asset, amount), as the close of the day before does."""
        rows = [(account_id(Kind.RESIDENT_PENDING, owner), asset, amount) for owner, asset, amount in legs]
        return post_batch(connection, key=new_key(), manifest=None, reason="close",
                          effective_on=at.date() - timedelta(days=1), legs=legs_of(rows), at=at)  # fmt: skip

    def certify(self, at: datetime, owner: int, amount: int) -> None:
        """An amount leaves pending and comes in as a lot's, each in a batch, as a certification does."""
        for kind, asset, signed in (
            (Kind.RESIDENT_PENDING, self.asset, -amount),
            (Kind.RESIDENT_CERTIFIED, self.lot, amount),
        ):
            legs = legs_of([(account_id(kind, owner), asset, signed)])
            post_batch(connection, key=new_key(), manifest=None, reason="certify", effective_on=at.date(),
                       legs=legs, at=at)  # fmt: skip

    def live(self) -> BatchAnswer:
        """What happens from January 2025 to May 2027; answers the first close."""
        first = self.close(
            at(2025, 1, 5), (self.a, self.asset, 100), (self.b, self.asset, 50), (self.b, self.other, 30)
        )
        self.close(at(2025, 1, 20), (self.b, self.other, -30))
        self.close(at(2025, 2, 1) - TICK, (self.a, self.asset, 7))
        self.close(at(2025, 2, 1), (self.a, self.asset, 11))
        self.certify(at(2025, 2, 10), self.a, 60)
        lot_of_a = account_id(Kind.RESIDENT_CERTIFIED, self.a)
        transfer(connection, moving(lot_of_a, new_pool(), self.lot, 9), at=at(2025, 2, 11)).accepted()
        self.close(at(2025, 3, 31), (self.a, self.asset, -8), (self.b, self.asset, 4))
        self.close(at(2025, 4, 1), (self.a, self.asset, 1))
        self.close(at(2026, 7, 1), (self.b, self.other, 5))
        self.close(at(2027, 5, 30), (self.a, self.asset, 2), (self.b, self.asset, 3))
        return first

    def said(self) -> list[Any]:
        """All that can be asked of both, at moments before, in, between and after the months, and on their edges."""
        starts = [at(2025, month, 1) for month in (1, 2, 3, 4)]
        moments = [
            *(start + step for start in starts for step in (-TICK, timedelta(0))),
            at(2025, 1, 5),
            at(2025, 1, 10),
            at(2025, 2, 10) - TICK,
            at(2025, 2, 28),
            at(2026, 6, 1),
            at(2026, 7, 1),
            NOW,
        ]
        return [
            answer for moment in moments for owner in (self.a, self.b) for answer in _all_of(owner, moment)
        ]


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def sealed() -> None:
    with transaction.atomic():
        enter(seal(at=NOW), at=NOW)


def _all_of(owner: int, moment: datetime) -> list[Any]:
    kinds = (Kind.RESIDENT_PENDING, Kind.RESIDENT_CERTIFIED)
    return [
        *(statement(connection, owner, at=moment, limit=most) for most in (None, 0, 1, 2, 4, 50)),
        owner_balances_at(connection, owner, moment),
        *(balance_at(connection, account_id(kind, owner), moment) for kind in kinds),
        movements(connection, owner, at=moment),
        movements(connection, owner, at=moment, after=at(2025, 1, 20)),
        movements(connection, owner, at=moment, after=at(2025, 4, 1)),
    ]
