"""Acts: what one person did and how each act ended, from the closes that stand and the records in the lake.

Only acts that passed the gate are here: of any other record a result names nobody, and neither does this. A record
that waits for its close is not an act yet. Files are found by the person's bucket and read with filters, so that a
month of one person touches a few pages of each file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from tanpuhui.close.places import Places
from tanpuhui.close.refusals import UnknownAct
from tanpuhui.close.store import checked
from tanpuhui.evidence.models import Batch, LakeFile
from tanpuhui.evidence.record import ASSEMBLED, CORE, PLACES, ROWS_PER_BATCH
from tanpuhui.kit.digest import PREFIX
from tanpuhui.quantify.outcome import Outcome

#: Closed days of which a process remembers the files of a bucket.
MOST_KNOWN = 20_000
#: Days of a page, and how many pages are looked through for one that has an act.
DAYS_A_PAGE, MOST_LOOKS = 10, 6
_NOT_MEASURES = frozenset({*CORE, *PLACES, "day", "bucket"})
_LARGEST_RECORD_ID = 2**63 - 1


@dataclass(frozen=True)
class DayFiles:
    """The close that stands for a day, and what of it concerns one bucket; ``results`` is ``None`` of an empty one."""

    day: date
    sequence: int
    manifest: str
    bucket: int
    results: str | None
    resolved: str | None
    methodologies: tuple[str, ...]


@dataclass(frozen=True)
class Act:
    """One act of one person as its day's close left it.

    ``methodology`` is ``code@version`` or ``None``. ``measures`` are as the provider reported them; those of an act
    that is put together from raw records (a trip from its taps) come with :func:`tanpuhui.close.trace.trace`.
    """

    record_id: int
    account: int
    day: date
    outcome: Outcome
    methodology: str | None
    avoided_mg: int
    credited_mg: int
    rival_id: int | None
    clause: str | None
    provider: str
    kind: str
    started_us: int
    ended_us: int
    measures: Mapping[str, int] = field(compare=False)
    is_assembled: bool
    manifest: str
    sequence: int
    #: Where it was reported, empty where the record does not say.
    station: str = ""

    @property
    def above_cap_mg(self) -> int:
        """What was avoided and not credited, because a cap was reached."""
        held = self.outcome is Outcome.held
        return 0 if held else max(self.avoided_mg, 0) - self.credited_mg


def acts_of(account: int, days: Iterable[date], places: Places) -> list[Act]:
    """The acts of a person on some days, newest day and act first; days that are not closed have none."""
    files = [one for one in files_of(account, days, places) if one.results]
    ends = _ends(account, files, places)
    if not ends:
        return []
    records = _records(account, ends, {one.day: one for one in files}, places)
    found = [_act(end, records[end["record_id"]]) for end in ends]
    return sorted(found, key=lambda act: (act.day, act.ended_us, act.record_id), reverse=True)


def act_of(account: int, record_id: int, places: Places) -> Act:
    """One act; another person's is refused as unknown, as is a record that names nobody."""
    if not 0 < record_id <= _LARGEST_RECORD_ID:
        raise UnknownAct(record=record_id)
    days = (
        lake_files([record_id]).filter(part=LakeFile.RECORDS, day__isnull=False).values_list("day", flat=True)
    )
    files = [
        one for one in files_of(account, {day for day in days if day is not None}, places) if one.results
    ]
    ends = _ends(account, files, places, record_id)
    if not ends:
        raise UnknownAct(record=record_id)
    records = _records(account, ends, {one.day: one for one in files}, places)
    (end,) = ends
    return _act(end, records[record_id])


def act_in(manifest: str, account: int, record_id: int, places: Places) -> Act:
    """One act as one close left it, whether that close still stands or not."""
    bucket = account % places.buckets
    if (manifest, bucket) not in _known:
        _learn([manifest], bucket)
    file = _known[manifest, bucket]
    ends = _ends(account, [file], places, record_id)
    if not ends:
        raise UnknownAct(record=record_id)
    (end,) = ends
    return _act(end, _records(account, ends, {file.day: file}, places)[record_id])


@dataclass(frozen=True)
class Page:
    """Acts of some days, newest first. ``earlier`` is the day before which there is more to look at, if there is."""

    acts: tuple[Act, ...]
    earlier: date | None


def page_of(
    account: int,
    places: Places,
    *,
    before: date | None = None,
    first: date | None = None,
    keep: Callable[[Act], bool] | None = None,
) -> Page:
    """The acts of the next days before a day, but none before the first.

    Days on which nothing is kept do not fill a page, and after sixty of them the reader decides whether to go on.
    """
    found: list[Act] = []
    for _ in range(MOST_LOOKS):
        days = closed_days(first, before, DAYS_A_PAGE + 1)
        looked = days[:DAYS_A_PAGE]
        found += [act for act in acts_of(account, looked, places) if keep is None or keep(act)]
        before = looked[-1] if len(days) > DAYS_A_PAGE else None
        if found or before is None:
            break
    return Page(tuple(found), before)


def closed_days(first: date | None, before: date | None, most: int) -> list[date]:
    """The last closed days before a day, newest first, but none before the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT day FROM close_manifest WHERE day < coalesce(%s, 'infinity'::date) "
            "AND day >= coalesce(%s, '-infinity'::date) ORDER BY day DESC LIMIT %s",
            [before, first, most],
        )
        return [day for (day,) in cursor.fetchall()]


def closed_months() -> list[date]:
    """The first day of every month that has a closed day, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('month', day)::date AS m FROM close_manifest ORDER BY m DESC"
        )
        return [month for (month,) in cursor.fetchall()]


def files_of(account: int, days: Iterable[date], places: Places) -> list[DayFiles]:
    """For each of the days that is closed: its standing close's files of the account's bucket."""
    wanted = sorted(set(days))
    if not wanted:
        return []
    bucket = account % places.buckets
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (day) day, sequence, digest FROM close_manifest WHERE day = ANY(%s) "
            "ORDER BY day, sequence DESC",
            [wanted],
        )
        standing = cursor.fetchall()
    missing = [digest for _, _, digest in standing if (digest, bucket) not in _known]
    if missing:
        _learn(missing, bucket)
    return [_known[digest, bucket] for _, _, digest in standing]


#: A manifest never changes, so what was read of it once holds.
_known: dict[tuple[str, int], DayFiles] = {}

#: Of a manifest, only what one bucket needs leaves the database.
_OF_BUCKET = """
    SELECT digest, day, sequence, body #> '{inputs,resolved}' ->> %(bucket)s,
        jsonb_path_query_first(body, '$.outputs[*] ? (@.bucket == $bucket && @.rows > 0).results',
            jsonb_build_object('bucket', %(bucket)s::int)) #>> '{}',
        ARRAY(SELECT (m ->> 'code') || '@' || (m ->> 'version')
            FROM jsonb_array_elements(body #> '{inputs,methodologies}') WITH ORDINALITY AS listed (m, place)
            ORDER BY place)
    FROM close_manifest WHERE digest = ANY(%(digests)s)
"""


def _learn(digests: Sequence[str], bucket: int) -> None:
    if len(_known) + len(digests) > MOST_KNOWN:
        _known.clear()
    with connection.cursor() as cursor:
        cursor.execute(_OF_BUCKET, {"bucket": str(bucket), "digests": list(digests)})
        for digest, day, sequence, resolved, results, methodologies in cursor.fetchall():
            _known[digest, bucket] = DayFiles(
                day, sequence, digest, bucket, results, resolved, tuple(methodologies)
            )


def _ends(
    account: int, files: Sequence[DayFiles], places: Places, record_id: int | None = None
) -> list[dict[str, Any]]:
    """The results that name this account, each with the close that gave it."""
    of_path = {
        str(_present(places.results.path(one.results), one.results)): one for one in files if one.results
    }
    if not of_path:
        return []
    query = (
        "SELECT *, filename FROM read_parquet(?, filename = true) WHERE account_id = ?"
        f"{'' if record_id is None else ' AND record_id = ?'}"
    )
    given: list[Any] = [list(of_path), account, *([] if record_id is None else [record_id])]
    return [row | {"close": of_path[row.pop("filename")]} for row in rows(query, given)]


def _records(
    account: int, ends: Sequence[Mapping[str, Any]], files: Mapping[date, DayFiles], places: Places
) -> dict[int, dict[str, Any]]:
    """The records behind some results: from the person's bucket, else from among people who were linked late."""
    ids = [end["record_id"] for end in ends]
    bucket = account % places.buckets
    linked = (
        lake_files(ids)
        .filter(
            part=LakeFile.RECORDS,
            day__in={end["close"].day for end in ends},
            bucket=bucket,
        )
        .order_by("digest")
    )
    found = _read_records(
        account,
        ids,
        [_present(places.lake / path, digest) for path, digest in linked.values_list("path", "digest")],
    )
    late = sorted(
        {
            one.resolved
            for end in ends
            if end["record_id"] not in found
            if (one := files[end["close"].day]).resolved
        }
    )
    rest = [record_id for record_id in ids if record_id not in found]
    if late:
        paths = [_present(places.frozen.path(digest), digest) for digest in late]
        found |= _read_records(account, rest, paths)
    missing = set(ids) - set(found)
    assert not missing, f"{len(missing)} results without their record"
    return found


def lake_files(record_ids: Iterable[int]) -> QuerySet[LakeFile]:
    """The files in which these records are: of batches that were taken together, those of the first."""
    batches = {record_id // ROWS_PER_BATCH for record_id in record_ids}
    first = Batch.objects.filter(pk__in=batches).values_list(Coalesce("taken_with_id", "pk"))
    return LakeFile.objects.filter(batch_id__in=first)


def _read_records(account: int, ids: Sequence[int], paths: Sequence[Path]) -> dict[int, dict[str, Any]]:
    if not ids or not paths:
        return {}
    query = (
        "SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = false) "
        "WHERE account_id = ? AND record_id IN (SELECT unnest(?))"
    )
    return {row["record_id"]: row for row in rows(query, [[str(path) for path in paths], account, list(ids)])}


def _act(end: Mapping[str, Any], record: Mapping[str, Any]) -> Act:
    close: DayFiles = end["close"]
    number = end["methodology_no"]
    return Act(
        record_id=end["record_id"],
        account=end["account_id"],
        day=close.day,
        outcome=Outcome(end["outcome"]),
        methodology=close.methodologies[number] if number >= 0 else None,
        avoided_mg=end["avoided_mg"],
        credited_mg=end["credited_mg"],
        rival_id=end["rival_id"] or None,
        clause=end["clause"],
        provider=record["provider"],
        kind=ASSEMBLED.get(record["kind"], record["kind"]),
        started_us=record["started_us"],
        ended_us=record["ended_us"],
        measures=measures_in(record),
        is_assembled=record["kind"] in ASSEMBLED,
        manifest=close.manifest,
        sequence=close.sequence,
        station=record.get("station") or "",
    )


def measures_in(record: Mapping[str, Any]) -> dict[str, int]:
    """The measures of a record that are there, by name."""
    return {name: value for name, value in record.items() if name not in _NOT_MEASURES and value is not None}


def _present(path: Path, digest: str) -> Path:
    """A file that is named by its digest; its bytes are looked at when one act is traced, not for a list."""
    assert path.stem == digest.removeprefix(PREFIX), "files of the lake are named by their digest"
    return path if path.exists() else checked(path, digest)


def rows(query: str, given: list[Any]) -> list[dict[str, Any]]:
    """What DuckDB answers to a query over files, by column."""
    with _cursor() as cursor:
        answer = cursor.execute(query, given)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


_turn = threading.Lock()


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    """One small engine for each process: it holds nothing but the footers of files that it has read."""
    return duckdb.connect(
        config={
            "memory_limit": "256MB",
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def _cursor() -> duckdb.DuckDBPyConnection:
    with _turn:
        return _engine().cursor()
