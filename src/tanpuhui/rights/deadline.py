"""Deadline: until when a request is answered, as a city would have it by law; the numbers are marked in the docs.

Thirty days for what is asked, fifteen working days for an erasure (GB/T 35273-2020, from memory and not verified).
Working days are Monday to Friday; public holidays are not known here, so a deadline is never later than by law.
"""

from __future__ import annotations

from datetime import date, timedelta

DAYS = 30
WORKING_DAYS = 15
FRIDAY = 4


def due_on(kind: str, made_on: date) -> date:
    """The last day on which a request is answered.

    >>> due_on("correction", date(2026, 3, 2)), due_on("erasure", date(2026, 3, 2))
    (datetime.date(2026, 4, 1), datetime.date(2026, 3, 23))
    """
    return after_working_days(made_on, WORKING_DAYS) if kind == "erasure" else made_on + timedelta(days=DAYS)


def after_working_days(day: date, count: int) -> date:
    """The working day that is this many after a day."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() <= FRIDAY
    return day
