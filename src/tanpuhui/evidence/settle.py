"""Settle: staged rows become batches: records in the lake, refused rows in quarantine, counts in receipts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from django.db import connection as database

from tanpuhui.evidence import duplicates, lake, quarantine, receipt
from tanpuhui.evidence.candidates import Read, read_candidates
from tanpuhui.evidence.expressions import keyed_id, macros
from tanpuhui.evidence.format import Format, Sheet, Terms
from tanpuhui.evidence.id_index import files_that_may_know
from tanpuhui.evidence.models import Batch, Contract, LakeFile, RevisionDay
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH, by_batch
from tanpuhui.evidence.rows import text_columns
from tanpuhui.evidence.subjects import make_people, row_id_key
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.erased import standing
from tanpuhui.kit.moment import to_us

#: Beyond it DuckDB spills to the lake's disk.
MEMORY_LIMIT = "1GB"


@dataclass(frozen=True)
class Intake:
    """One batch as it is taken: its number, its provider's key, what its file is called, and when it arrived."""

    batch: int
    key: str
    digest: str
    stem: str
    at: datetime


@dataclass(frozen=True)
class Bench:
    """What batches that are taken together have in common: contract, lake, buckets, zone."""

    contract: Contract
    terms: Terms
    lake: Path
    buckets: int
    zone: str


@dataclass(frozen=True)
class Counts:
    """What became of a batch's rows, and why; whoever makes one has counted all of them."""

    rows: int
    accepted: int
    duplicate: int
    reasons: Mapping[str, int]
    notes: Mapping[str, int]
    late_1_day: int = 0
    late_7_days: int = 0

    def __post_init__(self) -> None:
        assert self.rows < ROWS_PER_BATCH
        assert self.rows == self.accepted + self.duplicate + self.refused, "a row got lost"

    @property
    def refused(self) -> int:
        return sum(self.reasons.values())


@contextmanager
def workbench(folder: Path, threads: int | None = None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """An engine that spills into an unfinished folder of the lake; both go away afterwards.

    It has a thread for each core, unless fewer are asked for.
    """
    with (
        lake.workshop(folder) as work,
        duckdb.connect(config={"threads": threads} if threads else {}) as connection,
    ):
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute(f"SET temp_directory = '{work / 'spill'}'")
        connection.execute("SET TimeZone = 'UTC'")
        # A bar after two seconds, on the output that scripts read.
        connection.execute("SET enable_progress_bar = false")
        yield connection, work


def settle(
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    bench: Bench,
    intakes: Sequence[Intake],
    *,
    form: Format,
    sheet: Sheet,
) -> list[Receipt]:
    """Turn the table ``staged`` into stored batches, in order, inside the caller's transaction.

    Each batch has the counts, refused rows and receipt that it would have alone, after those before it. Files of the
    lake are shared by all of them.
    """
    batches = [intake.batch for intake in intakes]
    assert batches == sorted(set(batches)), "batches are taken in the order of their numbers"
    read = read_rows(connection, bench, intakes, form, sheet)
    make_people(connection, bench.contract)
    duplicates.make_keyed(connection, read.measures, lake.place(bench.buckets, bench.zone))
    earlier = {
        standing(bench.lake / file.path): file
        for file in files_that_may_know(connection, bench.lake, bench.terms.provider)
    }
    some_turned_away = duplicates.make_verdicts(connection, list(earlier))
    lake.make_accepted(
        connection, provider=bench.terms.provider, counted=duplicates.COUNTED, copied=some_turned_away
    )
    quarantine.make_refused(connection, read, sheet, {intake.batch: intake.stem for intake in intakes})
    counts = count(connection, read, intakes)
    files = lake.write(connection, bench.lake, work, read.measures)
    crash_point("evidence.take.files_written")
    stored = sum(file.rows for file in files if file.part == LakeFile.RECORDS)
    assert stored == sum(each.accepted for each in counts.values()), "a record got lost"
    refusals_digests = quarantine.store(connection, batches, read)
    answers = [
        _receipt(bench, intake, counts[intake.batch], refusals_digests[intake.batch]) for intake in intakes
    ]
    _store(bench, intakes, counts, answers, files)
    _store_days_revised(connection, earlier, files)
    crash_point("evidence.take.before_commit")
    return answers


def read_rows(
    connection: duckdb.DuckDBPyConnection,
    bench: Bench,
    intakes: Sequence[Intake],
    form: Format,
    sheet: Sheet,
) -> Read:
    """Make ``candidates`` of ``staged``: what each row means, and the first check that refuses it."""
    connection.execute(macros(bench.terms.zone))
    connection.execute(keyed_id(row_id_key(bench.contract)))
    for statement in form.prepare():
        connection.execute(statement)
    reading = form.read(bench.terms, sheet)
    columns = text_columns(form.shapes(bench.terms)[sheet.shape])
    received_us = by_batch({intake.batch: str(to_us(intake.at)) for intake in intakes})
    return read_candidates(connection, bench.terms, reading, sheet, received_us=received_us, columns=columns)


def next_batch_id() -> int:
    """The number of a new batch; a number that is not used after all stays free."""
    with database.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('evidence_batch', 'id'))")
        return int(cursor.fetchone()[0])


_DAY_US = 86_400_000_000


def count(connection: duckdb.DuckDBPyConnection, read: Read, intakes: Sequence[Intake]) -> dict[int, Counts]:
    """Count every row of every batch once, from the tables that were made of them."""
    (rows,) = _by_batch(connection, "staged", ["count(*)"])
    (duplicate,) = _by_batch(connection, "verdicts WHERE verdict = 'duplicate'", ["count(*)"])
    late_us = by_batch({intake.batch: str(to_us(intake.at)) for intake in intakes}) + " - ended_us"
    numbers = [
        "count(*)",
        *(f"count(*) FILTER ({late_us} > {days * _DAY_US})" for days in (1, 7)),
        *(f"count(*) FILTER (noted & {1 << bit} <> 0)" for bit in range(len(read.notes))),
    ]
    accepted, late_1_day, late_7_days, *noted = _by_batch(connection, duplicates.COUNTED, numbers)
    reasons = _reasons(connection, read)
    return {
        batch: Counts(
            rows[batch],
            accepted[batch],
            duplicate[batch],
            dict(sorted(reasons[batch].items())),
            {note.code: count[batch] for note, count in zip(read.notes, noted, strict=True) if count[batch]},
            late_1_day[batch],
            late_7_days[batch],
        )
        for batch in (intake.batch for intake in intakes)
    }


def _by_batch(
    connection: duckdb.DuckDBPyConnection, source: str, numbers: Sequence[str]
) -> list[Counter[int]]:
    """For each of some aggregates over rows: its value in each batch, 0 where there is no row."""
    found = connection.execute(
        f"SELECT row_number // {ROWS_PER_BATCH} AS batch, {', '.join(numbers)} FROM {source} GROUP BY batch"
    ).fetchall()
    return [Counter({batch: values[index] for batch, *values in found}) for index in range(len(numbers))]


def _reasons(connection: duckdb.DuckDBPyConnection, read: Read) -> defaultdict[int, Counter[str]]:
    checks = quarantine.checks_of(read)
    found = connection.execute(
        f"SELECT row_number // {ROWS_PER_BATCH} AS batch, why, count(*) FROM refused GROUP BY batch, why"
    ).fetchall()
    reasons: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for batch, why, count in found:
        reasons[batch][checks[why].code] += count
    return reasons


def _receipt(bench: Bench, intake: Intake, counts: Counts, refusals_digest: str) -> Receipt:
    return receipt.signed(
        {
            "batch": intake.batch,
            "provider": bench.terms.provider,
            "key": intake.key,
            "digest": intake.digest,
            "rows": counts.rows,
            "accepted": counts.accepted,
            "duplicate": counts.duplicate,
            "refused": counts.refused,
            "reasons": dict(counts.reasons),
            "notes": dict(counts.notes),
            "received_at": intake.at.isoformat(),
            "refusals_digest": refusals_digest,
        }
    )


def _store(
    bench: Bench,
    intakes: Sequence[Intake],
    counts: Mapping[int, Counts],
    answers: Sequence[Receipt],
    files: Sequence[LakeFile],
) -> None:
    first = intakes[0].batch
    batches = [
        Batch(
            id=answer.batch,
            provider=answer.provider,
            key=answer.key,
            digest=answer.digest,
            contract=bench.contract,
            rows=answer.rows,
            accepted=answer.accepted,
            duplicate=answer.duplicate,
            refused=answer.refused,
            reasons=dict(answer.reasons),
            notes=dict(answer.notes),
            buckets=bench.buckets,
            received_at=intake.at,
            receipt=receipt.stored_form(answer),
            late_1_day=counts[answer.batch].late_1_day,
            late_7_days=counts[answer.batch].late_7_days,
            taken_with_id=first if len(intakes) > 1 else None,
        )
        for intake, answer in zip(intakes, answers, strict=True)
    ]
    Batch.objects.bulk_create(batches, batch_size=1000)
    for file in files:
        file.batch_id = first
    LakeFile.objects.bulk_create(files, batch_size=1000)


def _store_days_revised(
    connection: duckdb.DuckDBPyConnection, earlier: Mapping[Path, LakeFile], files: Sequence[LakeFile]
) -> None:
    """Say of which days these batches' revisions, or earlier ones that they come after, change a record."""
    mine = [file for file in files if file.part == LakeFile.REVISIONS]
    changed = [(file, day) for file in mine for day in duplicates.days_revised(connection)]
    for path, day in duplicates.days_revised_before(connection):
        known = earlier[Path(path)]
        changed.append((LakeFile.objects.get(batch=known.batch_id, part=LakeFile.REVISIONS), day))
    RevisionDay.objects.bulk_create(
        [RevisionDay(file=file, day=day) for file, day in changed], ignore_conflicts=True
    )
