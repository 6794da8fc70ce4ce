"""Month: calendar months as their first days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from tanpuhui.programme.refusals import BadMonth

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def parse_month(text: str, option: str) -> date:
    """The first day of a month that is written as 2025-03."""
    if not _MONTH.fullmatch(text) or text.startswith("0000"):
        raise BadMonth(option=option, given=text)
    return date.fromisoformat(f"{text}-01")


def later(month: date, months: int) -> date:
    """The first day of the month so many months later, or earlier.

    >>> later(date(2025, 11, 1), 2), later(date(2025, 1, 1), -1)
    (datetime.date(2026, 1, 1), datetime.date(2024, 12, 1))
    """
    years, place = divmod(month.month - 1 + months, 12)
    return date(month.year + years, place + 1, 1)


def last_day(month: date) -> date:
    """The last day of a month.

    >>> last_day(date(2024, 2, 1))
    datetime.date(2024, 2, 29)
    """
    return later(month, 1) - timedelta(days=1)


def months_between(first: date, last: date) -> Iterator[date]:
    """The months from one through another, as their first days."""
    while first <= last:
        yield first
        first = later(first, 1)


def same_month(month: date, baseline_from: date) -> date:
    """The month of the same name among the twelve from ``baseline_from`` on.

    >>> same_month(date(2025, 3, 1), date(2023, 7, 1))
    datetime.date(2024, 3, 1)
    """
    year = baseline_from.year + (month.month < baseline_from.month)
    return date(year, month.month, 1)
