"""Settle: staged rows become a batch: records in the lake, refused rows in quarantine, counts in a receipt."""

from __future__ import annotations

from collections import Counter
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
from tanpuhui.evidence.models import Batch, Contract, LakeFile, RevisionDay
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.rows import text_columns
from tanpuhui.evidence.subjects import make_people, row_id_key
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.moment import to_us

#: Beyond it DuckDB spills to the lake's disk.
MEMORY_LIMIT = "1GB"


@dataclass(frozen=True)
class Intake:
    """One taking: under which contract, what, when, and where to."""

    contract: Contract
    terms: Terms
    key: str
    digest: str
    at: datetime
    lake: Path
    buckets: int
    zone: str


@dataclass(frozen=True)
class Counts:
    """What became of the rows, and why; whoever makes one has counted all of them."""

    rows: int
    accepted: int
    duplicate: int
    reasons: Mapping[str, int]
    notes: Mapping[str, int]

    @property
    def refused(self) -> int:
        return sum(self.reasons.values())


@contextmanager
def workbench(folder: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """An engine that spills into an unfinished folder of the lake; both go away afterwards."""
    with lake.workshop(folder) as work, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute(f"SET temp_directory = '{work / 'spill'}'")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection, work


def settle(
    connection: duckdb.DuckDBPyConnection, work: Path, intake: Intake, form: Format, sheet: Sheet
) -> Receipt:
    """Turn the table ``staged`` into a stored batch, inside the caller's transaction."""
    read = _read(connection, intake, form, sheet)
    batch_id = _next_batch_id()
    accepted = lake.make_accepted(
        connection,
        batch_id=batch_id,
        provider=intake.terms.provider,
        measures=read.measures,
        buckets=intake.buckets,
        zone=intake.zone,
    )
    quarantine.make_refused(connection, read, sheet)
    counts = _count(connection, read, accepted)
    ids = duplicates.ids_of_accepted(batch_id)
    files = lake.write(connection, intake.lake, work, read.measures, ids)
    crash_point("evidence.take.files_written")
    refusals_digest = quarantine.store(connection, batch_id, read)
    answer = _receipt(intake, batch_id, counts, refusals_digest)
    _store(intake, answer, files)
    _store_days_revised(connection, ids, intake, files)
    crash_point("evidence.take.before_commit")
    return answer


def _read(connection: duckdb.DuckDBPyConnection, intake: Intake, form: Format, sheet: Sheet) -> Read:
    connection.execute(macros(intake.terms.zone))
    connection.execute(keyed_id(row_id_key(intake.contract)))
    for statement in form.prepare():
        connection.execute(statement)
    reading = form.read(intake.terms, sheet)
    columns = text_columns(form.shapes(intake.terms)[sheet.shape])
    read = read_candidates(connection, intake.terms, reading, to_us(intake.at), columns)
    make_people(connection, intake.contract)
    earlier = [intake.lake / file.path for file in lake.id_files(intake.terms.provider)]
    duplicates.make_verdicts(connection, read.measures, earlier)
    return read


def _count(connection: duckdb.DuckDBPyConnection, read: Read, accepted: int) -> Counts:
    """Count every row once, from the tables that were made of them."""
    (rows,) = _one(connection, "SELECT count(*) FROM staged")
    (duplicate,) = _one(connection, "SELECT count(*) FROM verdicts WHERE verdict = 'duplicate'")
    checks = quarantine.checks_of(read)
    reasons: Counter[str] = Counter()
    for why, count in connection.execute("SELECT why, count(*) FROM refused GROUP BY why").fetchall():
        reasons[checks[why].code] += count
    counts = Counts(rows, accepted, duplicate, dict(sorted(reasons.items())), _count_notes(connection, read))
    assert rows < ROWS_PER_BATCH
    assert counts.rows == counts.accepted + counts.duplicate + counts.refused, "a row got lost"
    return counts


def _count_notes(connection: duckdb.DuckDBPyConnection, read: Read) -> dict[str, int]:
    if not read.notes:
        return {}
    sums = ", ".join(f"count(*) FILTER (noted & {1 << bit} <> 0)" for bit in range(len(read.notes)))
    found = _one(
        connection,
        f"SELECT {sums} FROM candidates JOIN verdicts USING (row_number) WHERE verdict = 'accepted'",
    )
    return {note.code: count for note, count in zip(read.notes, found, strict=True) if count}


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Sequence[int]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _next_batch_id() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('evidence_batch', 'id'))")
        return int(cursor.fetchone()[0])


def _receipt(intake: Intake, batch_id: int, counts: Counts, refusals_digest: str) -> Receipt:
    return receipt.signed(
        {
            "batch": batch_id,
            "provider": intake.terms.provider,
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


def _store(intake: Intake, answer: Receipt, files: Sequence[LakeFile]) -> None:
    batch = Batch.objects.create(
        id=answer.batch,
        provider=answer.provider,
        key=answer.key,
        digest=answer.digest,
        contract=intake.contract,
        rows=answer.rows,
        accepted=answer.accepted,
        duplicate=answer.duplicate,
        refused=answer.refused,
        reasons=dict(answer.reasons),
        notes=dict(answer.notes),
        buckets=intake.buckets,
        received_at=intake.at,
        receipt=receipt.stored_form(answer),
    )
    for file in files:
        file.batch = batch
    LakeFile.objects.bulk_create(files, batch_size=1000)


def _store_days_revised(
    connection: duckdb.DuckDBPyConnection, ids: str, intake: Intake, files: Sequence[LakeFile]
) -> None:
    """Say of which days this batch's revisions, or earlier ones that this batch comes after, change a record."""
    mine = [file for file in files if file.part == LakeFile.REVISIONS]
    changed = [(file, day) for file in mine for day in duplicates.days_revised(connection, ids)]
    for path, day in duplicates.days_revised_before(connection, ids):
        known = LakeFile.objects.get(path=str(Path(path).relative_to(intake.lake)), part=LakeFile.IDS)
        changed.append((LakeFile.objects.get(batch=known.batch_id, part=LakeFile.REVISIONS), day))
    RevisionDay.objects.bulk_create(
        [RevisionDay(file=file, day=day) for file, day in changed], ignore_conflicts=True
    )
