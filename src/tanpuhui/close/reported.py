"""Reported: who reported some records and of what kind they are, for a list over many people; one look at the lake."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from tanpuhui.close.acts import lake_files, rows
from tanpuhui.close.places import Places
from tanpuhui.evidence.models import Batch, LakeFile
from tanpuhui.evidence.record import ASSEMBLED, ROWS_PER_BATCH

#: The bucket of records whose person was not linked when they came.
UNLINKED = -1


@dataclass(frozen=True)
class Wanted:
    """A record by number, with the account and the day that its file is found by."""

    record_id: int
    account: int
    day: date


@dataclass(frozen=True)
class Reported:
    """Who reported a record, and its kind; ``kind`` is empty where the lake has no such record."""

    provider: str
    kind: str


def reported(wanted: Collection[Wanted], places: Places) -> dict[int, Reported]:
    """By record; a record of a batch that does not exist is left out. Two queries and one look at files."""
    ids = sorted({one.record_id for one in wanted})
    providers = dict(
        Batch.objects.filter(pk__in={number // ROWS_PER_BATCH for number in ids}).values_list(
            "pk", "provider"
        )
    )
    kinds = _kinds(ids, wanted, places)
    return {
        number: Reported(providers[batch], kinds.get(number, ""))
        for number in ids
        if (batch := number // ROWS_PER_BATCH) in providers
    }


def _kinds(ids: list[int], wanted: Collection[Wanted], places: Places) -> dict[int, str]:
    files = lake_files(ids).filter(
        part=LakeFile.RECORDS,
        day__in={one.day for one in wanted},
        bucket__in={UNLINKED, *(one.account % places.buckets for one in wanted)},
    )
    paths = [str(places.lake / path) for path in files.order_by("digest").values_list("path", flat=True)]
    if not paths:
        return {}
    query = (
        "SELECT record_id, kind FROM read_parquet(?, union_by_name = true, hive_partitioning = false) "
        "WHERE record_id IN (SELECT unnest(?))"
    )
    return {row["record_id"]: ASSEMBLED.get(row["kind"], row["kind"]) for row in rows(query, [paths, ids])}
