"""Summary: what an account was credited, by day, month and methodology, and what became of it, from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.post import REASON
from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.movements import Holdings, Movement, holdings, movements
from tanpuhui.methodology.refusals import NotInForce

#: Assets are named after what they hold, and then after where it comes from.
PENDING, OWED, LOT = "pending:", "owed:", "lot:"
ILLUSTRATIVE = "illustrative"


@dataclass(frozen=True)
class Credit:
    """What a day's closes credited to an account by one methodology (``code@version``), after every adjustment."""

    day: date
    methodology: str
    amount_mg: int


@dataclass(frozen=True)
class Summary:
    """An account in a few numbers. ``last_day`` is the last day of which anything was credited."""

    holdings: Holdings
    credits: tuple[Credit, ...]
    today: date

    @property
    def day_mg(self) -> int:
        """Of today: always 0 until the day is closed."""
        return self._sum(self.today, self.today)

    @property
    def month_mg(self) -> int:
        return self._sum(self.today.replace(day=1), self.today)

    @property
    def year_mg(self) -> int:
        return self._sum(self.today.replace(month=1, day=1), self.today)

    @property
    def all_mg(self) -> int:
        return sum(credit.amount_mg for credit in self.credits)

    @property
    def last_day(self) -> date | None:
        return max((credit.day for credit in self.credits if credit.amount_mg), default=None)

    @property
    def last_day_mg(self) -> int:
        return self._sum(self.last_day, self.last_day) if self.last_day else 0

    def by_month(self) -> dict[date, Counter[str]]:
        """Milligrams by the first day of the month, then by methodology; months in order."""
        found: dict[date, Counter[str]] = {}
        for credit in self.credits:
            found.setdefault(credit.day.replace(day=1), Counter())[credit.methodology] += credit.amount_mg
        return found

    def statuses(self) -> dict[str, str]:
        """The weakest status behind each methodology's credits."""
        last = {credit.methodology: credit.day for credit in self.credits}
        return {key: status_of(key, day) for key, day in last.items()}

    def _sum(self, first: date, last: date) -> int:
        return sum(credit.amount_mg for credit in self.credits if first <= credit.day <= last)


def summary(account: int, *, at: datetime, today: date) -> Summary:
    """An account's summary as of a moment."""
    found = credits_in(movements(connection, account, at=at))
    return Summary(holdings(connection, account), tuple(found), today)


def credits_in(moved: Iterable[Movement]) -> list[Credit]:
    """What closes credited: what became pending, and what made good what was owed; days in order."""
    sums: Counter[tuple[date, str]] = Counter()
    for one in moved:
        if one.reason != REASON:
            continue
        if one.kind is Kind.RESIDENT_PENDING:
            sums[one.effective_on, methodology_in(one.asset)] += one.amount
        elif one.kind is Kind.RESIDENT_OWED:
            sums[one.effective_on, methodology_in(one.asset)] -= one.amount
    return [Credit(day, key, amount) for (day, key), amount in sorted(sums.items()) if amount]


def methodology_in(asset: str) -> str:
    """The methodology that the code of a pending or owed asset names.

    >>> methodology_in("pending:shenzhen/metro@1:2026")
    'shenzhen/metro@1'
    """
    return asset.partition(":")[2].rpartition(":")[0]


def status_of(key: str, day: date) -> str:
    """The weakest status behind a methodology's numbers on a day; before its first day they are illustrative."""
    methodology = find_methodology(key)
    if methodology is None:
        return ILLUSTRATIVE
    try:
        return methodology.weakest_status(day)
    except NotInForce:
        return ILLUSTRATIVE
