"""Detach: decide which month of the ledger may go to its file, and let it go.

What is in the table can be compared with the log row by row; so can a file, since every leg was sealed before it went.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import numpy as np
import pyarrow.parquet as pq
from django.db import connection, transaction

from tanpuhui.kit.progress import Report, nobody
from tanpuhui.ledger import detach as ledger
from tanpuhui.ledger.detached import after, months
from tanpuhui.ledger.month_file import Month
from tanpuhui.notary.refusals import (
    EarlierMonthFirst,
    MonthIsDetached,
    MonthNotSealed,
    MonthTooYoung,
    NoSuchMonth,
    TooFewMonths,
)
from tanpuhui.notary.sealed_tables import CERTIFIED
from tanpuhui.notary.seals import pages, store

#: A month goes a year after its end, unless the operator says otherwise.
USUAL_MONTHS = 12
#: Never sooner: what is asked most is of the last two months, and late numbers are looked for among what was sealed.
LEAST_MONTHS = 2
_POSTINGS = next(one for one in CERTIFIED if one.table == "ledger_posting")


def may_go(*, at: datetime, older_than: int = USUAL_MONTHS) -> list[date]:
    """The months that are old enough and not detached, in the order in which they go."""
    _refuse_few(older_than)
    return [month for month in ledger.in_table(connection) if _goes_on(month, older_than) <= at]


def detach(month: date, *, at: datetime, older_than: int = USUAL_MONTHS, report: Report = nobody) -> Month:
    """Let one month go, in the caller's transaction, as the owner of the tables."""
    assert connection.in_atomic_block, "the file is compared and the legs go in one transaction"
    _refuse_few(older_than)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.ledger.detach', 0))")
    decide(
        month,
        kept=ledger.in_table(connection),
        gone=[one.month for one in months(connection)],
        at=at,
        older_than=older_than,
    )
    _refuse_unsealed(month, report)
    return ledger.detach_month(connection, month, at=at, report=report)


def decide(month: date, *, kept: Sequence[date], gone: Sequence[date], at: datetime, older_than: int) -> None:
    """Refuse a month that is gone, unknown or too young, or that an older one comes before."""
    named = f"{month:%Y-%m}"
    if month in gone:
        raise MonthIsDetached(month=named)
    if month not in kept:
        raise NoSuchMonth(month=named)
    if at < _goes_on(month, older_than):
        raise MonthTooYoung(
            month=named, older_than=older_than, least=LEAST_MONTHS, goes_on=_goes_on(month, older_than).date()
        )
    first = min(kept)
    if first != month:
        raise EarlierMonthFirst(month=named, first=f"{first:%Y-%m}")


def detach_and_give_back(
    month: date, *, at: datetime, older_than: int = USUAL_MONTHS, report: Report = nobody
) -> tuple[Month, bool]:
    """Let one month go and commit; then have its room given back, and say whether it was."""
    with transaction.atomic():
        detached = detach(month, at=at, older_than=older_than, report=report)
    return detached, ledger.give_back_room(connection, month)


def _goes_on(month: date, older_than: int) -> datetime:
    """From when on a month may go: so many whole months after its end."""
    last = month
    for _ in range(older_than + 1):
        last = after(last)
    return datetime.combine(last, time(), UTC)


def _refuse_few(older_than: int) -> None:
    if older_than < LEAST_MONTHS:
        raise TooFewMonths(given=older_than, least=LEAST_MONTHS)


def _refuse_unsealed(month: date, report: Report) -> None:
    """Every leg of every transaction that has legs in the month is in a page of the log's seals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tx_id, count(*) FROM ledger_posting WHERE posted_on >= %s AND posted_on < %s AND stream = 1 "
            "GROUP BY tx_id ORDER BY tx_id",
            [month, after(month)],
        )
        found = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    wanted, legs = found[:, 0], found[:, 1]
    sealed = np.zeros(len(wanted), np.int64)
    for done, leaf in enumerate(pages(_POSTINGS)):
        report(f"Looking into seals: {month:%Y-%m}", done, 0)
        record = leaf.opening.record
        if len(wanted) and record["first"] <= wanted[-1] and wanted[0] <= record["last"]:
            read = pq.read_table(store().checked(record["digest"]), columns=["number"])
            numbers, counts = np.unique(read["number"].to_numpy(), return_counts=True)
            at = np.searchsorted(numbers, wanted)
            is_there = (at < len(numbers)) & (numbers[np.minimum(at, len(numbers) - 1)] == wanted)
            sealed[is_there] += counts[at[is_there]]
    missing = np.flatnonzero(sealed < legs)
    if len(missing):
        raise MonthNotSealed(month=f"{month:%Y-%m}", tx_id=int(wanted[missing[0]]), count=len(missing))
