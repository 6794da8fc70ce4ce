"""Duplicates: an id and revision counts once, whoever's batch brought it first.

Same id, revision, person and content: a duplicate. Same id and revision with other content, or the same id with
another person: refused as reused. A retraction's content is only whom it concerns. Set-based: ids of earlier
batches are Parquet files beside the records, and only ids that a file repeats, or that are known, are looked into.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from tanpuhui.evidence.expressions import literal, name
from tanpuhui.evidence.format import Check
from tanpuhui.evidence.record import PLACES

#: What a row whose id is spent is refused with.
ID_REUSED = Check("evidence.id_reused", "source_id", "")
PERSON_CHANGED = Check("evidence.id_reused", "person", "")


#: Rows that count: all that were not refused, and that no verdict turned away.
COUNTED = "keyed ANTI JOIN verdicts USING (row_number)"


def make_keyed(connection: duckdb.DuckDBPyConnection, measures: Sequence[str], place: str) -> None:
    """Make ``keyed``: unrefused candidates with id, content and account.

    ``place`` is SQL for more columns: where a candidate's record lies.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS {_keyed(measures, place)}")


def make_verdicts(connection: duckdb.DuckDBPyConnection, earlier: Sequence[Path]) -> bool:
    """Make ``verdicts`` (row_number, verdict) of ``keyed``, beside the id files that may know one of its ids.

    A verdict is ``duplicate``, ``reused`` or ``person_changed``; a row without one is accepted. Answers whether there
    is any.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE known AS {_known(earlier)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE repeated AS {_REPEATED}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE verdicts AS {_VERDICTS}")
    return connection.execute("SELECT 1 FROM verdicts LIMIT 1").fetchone() is not None


def days_revised(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Local days of which the batch's own revisions change a record: where they are, and where what they replace is."""
    found = connection.execute("""
        WITH revised AS (SELECT DISTINCT id FROM accepted WHERE revision > 0)
        SELECT day FROM accepted WHERE id IN (SELECT id FROM revised)
        UNION SELECT day FROM known WHERE id IN (SELECT id FROM revised)
        ORDER BY day""").fetchall()
    return [day for (day,) in found]


def days_revised_before(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, date]]:
    """Days of records that come after their own revision, each with the earlier file of ids that has it."""
    found = connection.execute("""
        SELECT DISTINCT k.file, m.day FROM accepted m JOIN known k ON k.id = m.id AND k.revision > m.revision
        ORDER BY ALL""").fetchall()
    return [(file, day) for file, day in found]


def _keyed(measures: Sequence[str], place: str) -> str:
    # Every act has a kind; what is NULL takes its mark with it.
    columns = ("started_us", "ended_us", *measures, *PLACES)
    pairs = ", ".join(f"{literal(chr(31) + column + '=')} || {name(column)}" for column in columns)
    content = f"CASE WHEN action = 'retract' THEN 'retract' ELSE concat('kind=', kind, {pairs}) END"
    return f"""
        SELECT candidates.* EXCLUDE (person, failed) REPLACE (CAST(revision AS INTEGER) AS revision),
            {_half_digest("source_id")} AS id, hash(source_id) AS short_id, {_half_digest(content)} AS content,
            subject_id, account_id, {place}
        FROM candidates JOIN people USING (person)
        WHERE failed IS NULL"""


def _half_digest(text: str) -> str:
    return f"unhex(left(sha256({text}), 32))"


def _known(earlier: Sequence[Path]) -> str:
    if not earlier:
        return "SELECT id, revision, content, subject_id, DATE '2000-01-01' AS day, '' AS file FROM keyed WHERE false"
    paths = ", ".join(literal(str(path)) for path in earlier)
    return f"""
        SELECT id, revision, content, subject_id, day, filename AS file
        FROM read_parquet([{paths}], filename = true)
        WHERE id IN (SELECT id FROM keyed)"""


#: Ids that a file has more than once. Numbers find those that may be.
_REPEATED = """
    SELECT id FROM keyed
    WHERE short_id IN (SELECT short_id FROM keyed GROUP BY short_id HAVING count(*) > 1)
    GROUP BY id HAVING count(*) > 1"""

#: An id that occurs once in the file needs only a look at what is known of it. Where an id is repeated, the first
#: row says whose it is, and the first row of each revision says what it is, unless that is known already.
_VERDICTS = """
    WITH owners AS (SELECT id, min(subject_id) AS subject_id FROM known GROUP BY id),
    singles AS (SELECT * FROM keyed WHERE id IN (SELECT id FROM known) AND id NOT IN (SELECT id FROM repeated)),
    owned AS (
        SELECT d.*, coalesce(
            o.subject_id, first_value(d.subject_id) OVER (PARTITION BY d.id ORDER BY d.row_number)) AS owner
        FROM keyed d LEFT JOIN owners o ON o.id = d.id
        WHERE d.id IN (SELECT id FROM repeated)
    ),
    ranked AS (
        SELECT w.row_number, w.content,
            coalesce(k.content, first_value(w.content) OVER turns) AS first_content,
            k.content IS NULL AND row_number() OVER turns = 1 AS is_first
        FROM owned w LEFT JOIN known k ON k.id = w.id AND k.revision = w.revision
        WHERE w.subject_id = w.owner
        WINDOW turns AS (PARTITION BY w.id, w.revision ORDER BY w.row_number)
    )
    SELECT s.row_number, CASE WHEN o.subject_id <> s.subject_id THEN 'person_changed'
        WHEN k.content = s.content THEN 'duplicate' ELSE 'reused' END AS verdict
    FROM singles s JOIN owners o ON o.id = s.id LEFT JOIN known k ON k.id = s.id AND k.revision = s.revision
    WHERE o.subject_id <> s.subject_id OR k.content IS NOT NULL
    UNION ALL
    SELECT row_number, CASE WHEN content = first_content THEN 'duplicate' ELSE 'reused' END
    FROM ranked WHERE NOT is_first
    UNION ALL
    SELECT row_number, 'person_changed' FROM owned WHERE subject_id <> owner
"""
