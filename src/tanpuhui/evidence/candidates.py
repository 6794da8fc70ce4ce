"""Candidates: staged text read into record columns, each row with the first check that refuses it, if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from tanpuhui.evidence.expressions import name
from tanpuhui.evidence.format import Check, Note, Reading, Sheet, Terms
from tanpuhui.evidence.plausible import common_checks
from tanpuhui.evidence.rows import IDENTIFIERS

_FIRST_CHECKS = (
    Check("evidence.unknown_field", "", "unknown_field IS NOT NULL"),
    *(Check("evidence.identifier_not_text", key, f"not_text = '{key}'") for key in IDENTIFIERS),
    Check("evidence.row_unreadable", "", "unreadable IS NOT NULL"),
)


@dataclass(frozen=True)
class Read:
    """What the table ``candidates`` holds: its measures, and what its check and note numbers mean."""

    measures: tuple[str, ...]
    checks: tuple[Check, ...]
    notes: tuple[Note, ...]


def read_candidates(
    connection: duckdb.DuckDBPyConnection,
    terms: Terms,
    reading: Reading,
    sheet: Sheet,
    *,
    received_us: str,
    columns: Sequence[str],
) -> Read:
    """Make ``candidates`` from ``staged``: record columns, ``person``, ``failed`` and ``noted``.

    ``received_us`` is SQL over ``row_number``: when the row's file arrived. ``columns`` are the shape's text columns;
    those that the file does not have are read as absent values, and those that it has as values can be read as text.
    ``failed`` is the index of the first check that holds (NULL: none); ``noted`` has a bit for each note.
    """
    checks = (*_FIRST_CHECKS, *reading.checks, *common_checks(terms, reading, received_us))
    read = Read(tuple(reading.measures), checks, tuple(reading.notes))
    assert len(read.notes) < 63, "notes are bits of one integer"
    texts = {column: "CAST(NULL AS VARCHAR)" for column in columns if column not in sheet.columns}
    texts |= {f"t_{column}": sheet.text(column) for column in sorted(sheet.numbers | sheet.moments)}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE candidates AS {_select(reading, read, texts)}")
    return read


def _select(reading: Reading, read: Read, texts: Mapping[str, str]) -> str:
    columns = {
        "source_id": reading.source_id,
        "revision": reading.revision,
        "action": reading.action,
        "person": reading.person,
        "kind": reading.kind,
        "started_us": reading.started_us,
        "ended_us": reading.ended_us,
        **reading.measures,
        "station": reading.station,
        "line": reading.line,
        "vehicle": reading.vehicle,
    }
    parsed = ", ".join(f"{expression} AS {name(column)}" for column, expression in columns.items())
    made = "".join(f", {text} AS {name(column)}" for column, text in texts.items())
    extras = "".join(f", {expression} AS {name(extra)}" for extra, expression in reading.extras.items())
    failed = " ".join(f"WHEN {check.when} THEN {index}" for index, check in enumerate(read.checks))
    noted = " + ".join(
        f"CASE WHEN {note.when} THEN {1 << bit} ELSE 0 END" for bit, note in enumerate(read.notes)
    )
    return f"""
        WITH parsed AS (SELECT *, {parsed} FROM (SELECT *{made} FROM staged)),
        seen AS (SELECT *{extras} FROM parsed)
        SELECT row_number, {", ".join(map(name, columns))},
            CASE {failed} END AS failed, {noted or "0"} AS noted
        FROM seen"""
