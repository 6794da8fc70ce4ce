"""Evidence of a day: which providers report, which files of the lake a close reads, and who is known by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import connection
from django.db.models import Q

from tanpuhui.close.store import checked
from tanpuhui.evidence import lake
from tanpuhui.evidence.contract import must_balance
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.evidence.models import Contract, LakeFile, SubjectLink
from tanpuhui.evidence.record import ASSEMBLED, RAW_KINDS
from tanpuhui.quantify.rules import Reporter

#: Days around the closed one whose raw records may belong to its acts: a week of slots before, a day of taps after.
DAYS_BEFORE = timedelta(days=7)
DAYS_AFTER = timedelta(days=1)
_MOST_PARAMETERS = 10_000


@dataclass(frozen=True)
class EvidenceFile:
    """A file of the lake as a manifest names it."""

    day: date
    bucket: int
    path: str
    digest: str
    rows: int

    def body(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "bucket": self.bucket,
            "path": self.path,
            "digest": self.digest,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class RevisionFile:
    """A file of corrections and retractions."""

    path: str
    digest: str

    def body(self) -> dict[str, Any]:
        return {"path": self.path, "digest": self.digest}


def reporters(day: date) -> list[Reporter]:
    """Every provider that has or had a contract: what it may or might ever report, and how it ranks now.

    Whether its stations must balance is asked of the contract that had begun by the day. What was taken under an
    earlier version ends as well, when its day is closed again under a narrower one.
    """
    kinds: dict[str, set[str]] = {}
    precedence: dict[str, int] = {}
    balancing = must_balance([day])[day]
    for contract in Contract.objects.order_by("provider", "version"):
        named = kinds.setdefault(contract.provider, set())
        named.update(contract.kinds, (ASSEMBLED[kind] for kind in contract.kinds if kind in ASSEMBLED))
        precedence[contract.provider] = contract.precedence
    return [
        Reporter(provider, tuple(sorted(named)), precedence[provider], must_balance=provider in balancing)
        for provider, named in kinds.items()
    ]


def files_around(day: date) -> list[EvidenceFile]:
    """The files of the day, and of the days around it those of providers that send raw records."""
    raw = Q(
        batch__contract__kinds__overlap=sorted(RAW_KINDS), day__range=(day - DAYS_BEFORE, day + DAYS_AFTER)
    )
    files = LakeFile.objects.filter(Q(day=day) | raw, part=LakeFile.RECORDS).order_by(
        "day", "bucket", "digest"
    )
    return [_named(file) for file in files]


def _named(file: LakeFile) -> EvidenceFile:
    assert file.day is not None, "a file of records has its day"
    assert file.bucket is not None, "a file of records has its bucket"
    return EvidenceFile(file.day, file.bucket, file.path, file.digest, file.rows)


def revision_files(day: date) -> list[RevisionFile]:
    """The files of corrections and retractions that change a record which the close of a day reads."""
    files = lake.revision_files(day, DAYS_BEFORE, DAYS_AFTER)
    return [RevisionFile(file.path, file.digest) for file in files]


def resolve_unknown(files: Iterable[EvidenceFile], folder: Path, buckets: int) -> dict[int, pa.Table]:
    """Records whose person was unknown when they were taken, by the bucket of the account they are linked to now.

    Those whose person is unknown still are in bucket -1, with account 0.
    """
    paths = [checked(folder / file.path, file.digest) for file in files if file.bucket == UNLINKED]
    if not paths:
        return {}
    records = pa.concat_tables(
        [_with_gaps(pq.read_table(path)) for path in paths], promote_options="permissive"
    )
    accounts = _accounts(records["subject_id"])
    records = records.set_column(records.column_names.index("account_id"), "account_id", accounts)
    number = pc.subtract(accounts, pc.multiply(pc.divide(accounts, buckets), buckets))
    bucket = pc.if_else(pc.equal(accounts, 0), UNLINKED, number)
    return {value: records.filter(pc.equal(bucket, value)) for value in sorted(pc.unique(bucket).to_pylist())}


def subjects_in(unknown: Path) -> frozenset[int]:
    """Who was nobody in the frozen records of a close."""
    return frozenset(pc.unique(pq.read_table(unknown, columns=["subject_id"])["subject_id"]).to_pylist())


def linked_now(subjects: Iterable[int]) -> frozenset[int]:
    """Those subjects that are linked to an account; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject_id FROM vault.subject_link WHERE subject_id = ANY(%s)", [sorted(subjects)]
        )
        return frozenset(subject for (subject,) in cursor.fetchall())


def _with_gaps(records: pa.Table) -> pa.Table:
    """Records whose columns may be empty: files of other formats do not have all of them."""
    return records.cast(pa.schema([field.with_nullable(True) for field in records.schema]))


def _accounts(subject_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The account of each subject, 0 where there is none."""
    subjects = pc.unique(subject_ids)
    linked: dict[int, int] = {}
    wanted = subjects.to_pylist()
    for start in range(0, len(wanted), _MOST_PARAMETERS):
        links = SubjectLink.objects.filter(subject_id__in=wanted[start : start + _MOST_PARAMETERS])
        linked.update(links.values_list("subject_id", "account_id"))
    known = pa.array([linked.get(subject, 0) for subject in wanted], pa.int64())
    return known.take(pc.index_in(subject_ids, subjects))
