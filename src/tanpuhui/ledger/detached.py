"""Detached: which months' credits are in files, and the legs of accounts from them, as the SQL of reading takes them.

The table keeps everything but what closes put on residents' pending accounts. So files are looked into for residents
alone, and only where the table does not have the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa

from tanpuhui.ledger.account import FIRST_ORGANISATION, KIND_BITS, LEDGER_ITSELF, Kind, kind_of
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.month_file import SCHEMA, Month, legs_between

#: A call of the lines of some accounts with legs from files among them; see ``with_legs``.
LINES = (
    "ledger_lines_with(%s, %s, %s, %s, %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[],"
    " %s::date[], %s::integer[], %s::smallint[])"
)
_IN_SQL = ("tx_id", "account_id", "amount", "ref", "asset_id", "posted_on", "leg", "code")


def months(connection: Connection) -> tuple[Month, ...]:
    """Every month that was detached, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT month, legs, amount_mg, bytes, digest, detached_at FROM ledger_detached_month ORDER BY month"
        )
        return tuple(Month(*row) for row in cursor.fetchall())


def months_of(connection: Connection, first: int, last: int) -> tuple[Month, ...]:
    """The months whose files may have legs of these accounts: none of accounts that closes credit nothing to."""
    owners = range(first >> KIND_BITS, (last >> KIND_BITS) + 1)
    is_resident = owners[-1] > LEDGER_ITSELF and owners[0] < FIRST_ORGANISATION
    is_other_kind = first == last and kind_of(first) is not Kind.RESIDENT_PENDING
    return months(connection) if is_resident and not is_other_kind else ()


def kept_from(found: Sequence[Month]) -> datetime:
    """The moment from which the table has every leg."""
    return _begins(after(found[-1].month))


def after(month: date) -> date:
    """The first day of the next month.

    >>> after(date(2026, 12, 1)).isoformat()
    '2027-01-01'
    """
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def legs_of(found: Sequence[Month], first: int, last: int) -> pa.Table:
    """The legs of accounts in these months' files."""
    read = [legs_between(month, first, last) for month in found]
    return pa.concat_tables(read) if read else SCHEMA.empty_table()


def with_legs(
    found: Sequence[Month], first: int, last: int, at: datetime, *, since: datetime | None = None
) -> list[Any]:
    """The parameters of ``LINES``: the legs are from files of months in which something was posted by then.

    Files of months that ended by ``since`` are left out, for whoever leaves their lines out.
    """
    wanted = [
        month
        for month in found
        if _begins(month.month) <= at and (since is None or _begins(after(month.month)) > since)
    ]
    legs = legs_of(wanted, first, last)
    whole_from = after(found[-1].month) if found else None
    return [first, last, at, whole_from, *(legs[name].to_pylist() for name in _IN_SQL)]


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
