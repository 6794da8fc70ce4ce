"""Held: which acts are held now: flagged, and not released. What a close freezes, and what it is compared with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TypeAlias

from django.db.models import Min, QuerySet

from tanpuhui.integrity.models import Flag, Verdict
from tanpuhui.kit.digest import digest_json

#: Account, record, and the rule that holds it: the first by name where there are several.
Row: TypeAlias = tuple[int, int, str]


def standing_flags() -> QuerySet[Flag]:
    """Flags that hold an act."""
    return Flag.objects.exclude(verdicts__decision=Verdict.RELEASED)


def rows_of(day: date) -> list[Row]:
    """The held acts of a local day, by record."""
    return _rows(standing_flags().filter(day=day))


def confirmed_acts() -> list[tuple[date, int]]:
    """Day and record of each held act of which somebody decided that it stays so, after an appeal or without one."""
    found = standing_flags().filter(verdicts__decision=Verdict.CONFIRMED)
    return sorted(set(found.values_list("day", "record_id")))


def once_confirmed(records: Collection[int]) -> list[tuple[date, int]]:
    """Day and record of those of these acts that somebody confirmed, also where they were released later."""
    found = Flag.objects.filter(record_id__in=list(records), verdicts__decision=Verdict.CONFIRMED)
    return sorted(set(found.values_list("day", "record_id")))


def digest_of(rows: Sequence[Row]) -> str:
    """One digest of what is held; empty where nothing is."""
    return digest_json([list(row) for row in rows]) if rows else ""


def digests() -> dict[date, str]:
    """The digest of what is held by day; days on which nothing is are left out. Flags are few beside acts."""
    by_day: dict[date, list[Row]] = {}
    found = standing_flags().values_list("day", "account", "record_id").annotate(rule=Min("pattern"))
    for day, account, record_id, rule in found.order_by("day", "record_id"):
        by_day.setdefault(day, []).append((account, record_id, rule))
    return {day: digest_of(rows) for day, rows in by_day.items()}


def _rows(flags: QuerySet[Flag]) -> list[Row]:
    found = flags.values_list("account", "record_id").annotate(rule=Min("pattern"))
    return [(account, record_id, rule) for account, record_id, rule in found.order_by("record_id")]
