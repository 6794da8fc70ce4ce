"""Rehearse: what a file would be answered if it were a provider's first one. Nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence import duplicates, lake, quarantine
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.envelope import examine
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.rows import Staging, sheet_of, stage
from tanpuhui.evidence.settle import Bench, Counts, Intake, count, read_rows, workbench

#: Refused rows that an answer lists.
MOST_LISTED = 1000


@dataclass(frozen=True)
class Rehearsal:
    """Counts, and the first refused rows with their codes."""

    digest: str
    counts: Counts
    refusals: list[dict[str, Any]]


def rehearse(provider: str, path: Path, *, stem: str, at: datetime, folder: Path, zone: str) -> Rehearsal:
    """Read a file as a taking would: same checks, same codes, same refusals of the file as a whole.

    Ids are compared within the file alone, and nothing of it is written, but for what the engine spills to ``folder``.
    """
    contract = contracts.in_force(provider, at.astimezone(ZoneInfo(zone)).date())
    form, terms = format_called(contract.format), contract.terms()
    envelope = examine(path, f"{stem}{path.suffix}")
    intake = Intake(1, envelope.digest, envelope.digest, stem, at)
    with workbench(folder) as (connection, _work):
        shape = stage(connection, envelope, form, terms, Staging(ROWS_PER_BATCH))
        sheet = sheet_of(connection, shape, stem)
        read = read_rows(connection, Bench(contract, terms, folder, 1, zone), [intake], form, sheet)
        _number_people(connection)
        duplicates.make_keyed(connection, read.measures, lake.place(1, zone))
        duplicates.make_verdicts(connection, [])
        quarantine.make_refused(connection, read, sheet, {intake.batch: stem})
        counts = count(connection, read, [intake])[intake.batch]
        checks = quarantine.checks_of(read)
        rows = connection.execute(
            f"SELECT row_number % {ROWS_PER_BATCH}, why FROM refused ORDER BY row_number LIMIT {MOST_LISTED}"
        ).fetchall()
    refusals = [
        {
            "row": row,
            "code": checks[why].code,
            "field": checks[why].field,
            "facts": dict(checks[why].facts),
        }
        for row, why in rows
    ]
    return Rehearsal(envelope.digest, counts, refusals)


def _number_people(connection: duckdb.DuckDBPyConnection) -> None:
    """Persons are told apart and looked up nowhere."""
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE people AS
        SELECT person, row_number() OVER (ORDER BY person) AS subject_id, CAST(0 AS BIGINT) AS account_id
        FROM (SELECT DISTINCT person FROM candidates WHERE failed IS NULL)""")
