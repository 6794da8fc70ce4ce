"""Yearly: what each person was credited on other days of the year, for caps that count by the year.

Each close leaves the credits that count in a file of their own (``yearly`` in its manifest), so that a day in December
reads one small file for each day before it and not everybody's credits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.quantify.rules import Rules

PRIOR_SCHEMA = pa.schema([("account_id", pa.int64()), ("methodology", pa.string()), ("year_mg", pa.int64())])


@dataclass(frozen=True)
class OtherDay:
    """The close that stands for another day of the year, as far as caps ask."""

    digest: str
    used: frozenset[str]
    yearly: Mapping[str, Any]


def capped_by_year(rules: Rules) -> list[str]:
    """Codes of the methodologies in use that have a yearly cap, in order."""
    return sorted(
        {
            applied.methodology.code
            for applied in rules.applied
            if any(cap.per == "person-year" for cap in applied.methodology.caps)
        }
    )


def counting(credits: pa.Table, codes: Sequence[str]) -> pa.Table:
    """Those credits whose methodology is one of the codes, in any version."""
    return credits.filter(pc.is_in(without_versions(credits)["methodology"], pa.array(codes, pa.string())))


def without_versions(credits: pa.Table) -> pa.Table:
    """Credits with the code of the methodology in place of ``code@version``: a cap goes on from version to version."""
    codes = pc.replace_substring_regex(credits["methodology"], "@[0-9]+$", "")
    return credits.set_column(credits.column_names.index("methodology"), "methodology", codes)


def other_days(day: date, rules: Rules) -> list[OtherDay]:
    """The closes that stand for the year's other days; none where no methodology in use has a yearly cap."""
    if not capped_by_year(rules):
        return []
    year = Manifest.objects.filter(day__gte=date(day.year, 1, 1), day__lt=date(day.year + 1, 1, 1))
    standing = year.exclude(day=day).order_by("day", "-sequence").distinct("day")
    return [
        OtherDay(digest, frozenset(item["code"] for item in used), yearly)
        for digest, used, yearly in standing.values_list(
            "digest", "body__inputs__methodologies", "body__yearly"
        )
    ]


def prior(days: Sequence[OtherDay], rules: Rules, places: Places) -> pa.Table:
    """What each person was credited on these days, of methodologies with a yearly cap now, in any version."""
    codes = capped_by_year(rules)
    tables = [table for day in days for table in _credits(day, codes, places)]
    if not tables:
        return PRIOR_SCHEMA.empty_table()
    credits = without_versions(counting(pa.concat_tables(tables), codes))
    summed = credits.group_by(["account_id", "methodology"]).aggregate([("credited_mg", "sum")])
    named = summed.rename_columns({"credited_mg_sum": "year_mg"}).select(PRIOR_SCHEMA.names)
    return named.cast(PRIOR_SCHEMA).sort_by([("account_id", "ascending"), ("methodology", "ascending")])


def _credits(day: OtherDay, codes: Sequence[str], places: Places) -> list[pa.Table]:
    """The day's credits that count: its own small file, or all of them where a cap is younger than the close."""
    if day.used & set(codes) <= set(day.yearly["codes"]):
        digest = day.yearly["credits"]
        return [pq.read_table(places.results.checked(digest))] if digest else []
    outputs = Manifest.objects.get(pk=day.digest).body["outputs"]
    return [pq.read_table(places.results.checked(output["credits"])) for output in outputs]
