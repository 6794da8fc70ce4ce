"""Expressions: SQL that turns a provider's text into whole numbers and moments, exactly, in DuckDB.

Everything here is for intake, which runs on DuckDB alone; what the close runs is in :mod:`.assemble`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from tanpuhui.kit.moment import MICROSECONDS, to_us

FIRST_YEAR = 2000
LAST_YEAR = 2100

#: ``whole(t)``: an int64 from digits (18 at most), else NULL. ``wall_us(t)``: microseconds of an ISO text as the
#: clock on the wall shows them, else NULL. ``thousandths(t)``: a plain decimal times 1,000, rounded half to even by
#: integers alone, else NULL. DuckDB's own casts are not used for numbers: they round, trim and read exponents.
#: ``of_18_digits(n)`` and ``instant_us(m)``: the same limits for what a file itself has as a number or a moment, whose
#: text has 18 digits at most, or a year of four.
_MACROS = r"""
CREATE OR REPLACE TEMP MACRO is_empty(t) AS (t IS NULL OR t = '');
CREATE OR REPLACE TEMP MACRO whole(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]{1,18}') THEN TRY_CAST(t AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO of_18_digits(n) AS
    CASE WHEN n BETWEEN -999999999999999999 AND 999999999999999999 THEN n END;
CREATE OR REPLACE TEMP MACRO instant_us(m) AS
    CASE WHEN m BETWEEN make_timestamptz(-62135596800000000) AND make_timestamptz(253402300799999999)
    THEN epoch_us(m) END;
CREATE OR REPLACE TEMP MACRO flag(t) AS
    CASE lower(t) WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE t END;
CREATE OR REPLACE TEMP MACRO is_iso(t) AS
    substr(t, 5, 1) = '-' AND substr(t, 8, 1) = '-' AND substr(t, 11, 1) IN (' ', 'T') AND substr(t, 14, 1) = ':'
    AND regexp_full_match(substr(t, 17), '(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)?');
CREATE OR REPLACE TEMP MACRO written_offset(t) AS regexp_extract(substr(t, 17), '(Z|[-+][0-9:]+)$');
CREATE OR REPLACE TEMP MACRO wall_us(t) AS
    CASE WHEN is_iso(t) THEN epoch_us(TRY_CAST(left(t, length(t) - length(written_offset(t))) AS TIMESTAMP)) END;
CREATE OR REPLACE TEMP MACRO minutes_of(o) AS
    TRY_CAST(o[2:3] AS BIGINT) * 60 + CASE WHEN length(o) > 3 THEN TRY_CAST(o[-2:] AS BIGINT) ELSE 0 END;
CREATE OR REPLACE TEMP MACRO offset_minutes(o) AS
    CASE WHEN o = 'Z' THEN 0 WHEN o[1] = '-' THEN -minutes_of(o) ELSE minutes_of(o) END;
CREATE OR REPLACE TEMP MACRO decimal_atto(t) AS
    CASE WHEN regexp_full_match(t, '[0-9]{1,9}(\.[0-9]{1,18})?')
    THEN TRY_CAST(split_part(t, '.', 1) AS HUGEINT) * 1000000000000000000
        + TRY_CAST(rpad(split_part(t, '.', 2), 18, '0') AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO half_even_milli(a) AS
    CAST(a // 1000000000000000 AS BIGINT)
    + CASE WHEN a % 1000000000000000 > 500000000000000 THEN 1
           WHEN a % 1000000000000000 = 500000000000000 THEN CAST((a // 1000000000000000) % 2 AS BIGINT)
           ELSE 0 END;
CREATE OR REPLACE TEMP MACRO thousandths(t) AS half_even_milli(decimal_atto(t));
CREATE OR REPLACE TEMP MACRO below_thousandths(t) AS decimal_atto(t) % 1000000000000000 <> 0;
"""


def macros(zone: str) -> str:
    """The macros above, and two of a zone.

    ``moment_us(t)``: an ISO text as microseconds, local in ``zone`` where it has no offset.
    ``local_hour(at_us)``: the hour of the day, 0 to 23, in ``zone``.
    """
    local = offset_us("wall_us(t)", zone, local=True)
    offset = (
        f"CASE WHEN written_offset(t) = '' THEN {local} ELSE offset_minutes(written_offset(t)) * 60000000 END"
    )
    hour = f"((at_us + {offset_us('at_us', zone, local=False)}) // 3600000000) % 24"
    return (
        f"{_MACROS}CREATE OR REPLACE TEMP MACRO moment_us(t) AS (wall_us(t) - {offset});"
        f"CREATE OR REPLACE TEMP MACRO local_hour(at_us) AS ({hour});"
    )


def keyed_id(key: bytes) -> str:
    """``keyed_id(t)``: an id for a row that has none, of which nobody without the key can test a guess."""
    secret = literal(key.hex())
    return f"CREATE OR REPLACE TEMP MACRO keyed_id(t) AS left(sha256({secret} || t || {secret}), 32);"


def offset_us(expression: str, zone: str, *, local: bool) -> str:
    """The zone's offset from UTC at a moment, as SQL over its microseconds (of local time, or of UTC).

    A local time that exists twice is the earlier one; one that does not exist has the offset before the gap.
    """
    steps = _offset_steps(zone, local=local)
    last = steps[-1][1]
    if len(steps) == 1:
        return str(last)
    cases = " ".join(
        f"WHEN {expression} < {until_us} THEN {offset}" for (_, offset), (until_us, _) in pairwise(steps)
    )
    return f"CASE {cases} ELSE {last} END"


def local_day(expression: str, zone: str) -> str:
    """The local calendar day, as a DATE, of microseconds since 1970."""
    return f"CAST(make_timestamp({expression} + {offset_us(expression, zone, local=False)}) AS DATE)"


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A column's or table's name as an SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


@cache
def _offset_steps(zone: str, *, local: bool) -> list[tuple[int, int]]:
    """Pairs (from microsecond, offset in microseconds) over the years that evidence may have."""
    place = ZoneInfo(zone)
    moment = datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC)
    end = datetime(LAST_YEAR + 1, 1, 2, tzinfo=UTC)
    steps = [(to_us(moment), _offset(moment, place))]
    while moment < end:
        later = moment + timedelta(days=14)
        if _offset(later, place) != steps[-1][1]:
            change = _change(moment, later, place)
            before, after = steps[-1][1], _offset(change, place)
            steps.append((to_us(change) + (max(before, after) if local else 0), after))
        moment = later
    return steps


def _change(low: datetime, high: datetime, place: ZoneInfo) -> datetime:
    """The minute, found by halving, from which the offset is that of ``high``."""
    old = _offset(low, place)
    minutes = (high - low) // timedelta(minutes=1)
    first, last = 0, minutes
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(low + timedelta(minutes=middle), place) == old:
            first = middle
        else:
            last = middle
    return low + timedelta(minutes=last)


def _offset(moment: datetime, place: ZoneInfo) -> int:
    offset = moment.astimezone(place).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * MICROSECONDS
