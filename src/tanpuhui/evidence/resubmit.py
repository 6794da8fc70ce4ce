"""Resubmit: send quarantined rows again, corrected or as they were; they become a batch of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence import quarantine
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.expressions import name
from tanpuhui.evidence.format import Format, Shape, Sheet, Terms
from tanpuhui.evidence.models import QuarantinedRow, Resolution
from tanpuhui.evidence.quarantine import FILE, LINE
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.rows import choose_shape, make_table
from tanpuhui.evidence.settle import Bench, Intake, next_batch_id, settle, workbench
from tanpuhui.evidence.take import BUCKETS, begin
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal

Content = Mapping[str, str | None]


class RowsDiffer(Refusal):
    code = "evidence.rows_differ"
    message = "The rows come from {count} providers or files. Send those of one provider and file at a time."


class NoRows(Refusal):
    code = "evidence.no_rows"
    message = "No quarantined row was named. List them with 'tanpuhui evidence quarantine list'."


class RowResolved(Refusal):
    code = "evidence.row_resolved"
    message = "Row {row} was sent again in batch {batch} already. Look at that batch's receipt."


def resubmit(
    corrections: Mapping[int, Content],
    *,
    at: datetime,
    lake: Path,
    buckets: int = BUCKETS,
    zone: str = "Asia/Shanghai",
) -> Receipt:
    """Send quarantined rows (by id) again with some columns corrected, inside the caller's transaction.

    Every row named is answered by the new batch, also when it is refused once more. The same corrections again
    give the same receipt.
    """
    rows = [quarantine.row(row_id) for row_id in sorted(corrections)]
    contents = [_corrected(row, corrections[row.pk]) for row in rows]
    provider, stem = _one_origin(rows, contents)
    contract = contracts.in_force(provider, at.astimezone(ZoneInfo(zone)).date())
    digest = digest_json({"rows": {str(row.pk): dict(new) for row, new in zip(rows, contents, strict=True)}})
    before = begin(provider, key=f"resubmit:{digest}", digest=digest, buckets=buckets)
    if before is not None:
        return before
    _refuse_resolved(rows)
    form, terms = format_called(contract.format), contract.terms()
    intake = Intake(next_batch_id(), f"resubmit:{digest}", digest, stem, at)
    bench = Bench(contract, terms, lake, buckets, zone)
    with workbench(lake) as (connection, work):
        sheet = stage_contents(connection, form, terms, contents, intake)
        (answer,) = settle(connection, work, bench, [intake], form=form, sheet=sheet)
    Resolution.objects.bulk_create([Resolution(row=row, batch_id=answer.batch) for row in rows])
    return answer


def _corrected(row: QuarantinedRow, correction: Content) -> dict[str, str | None]:
    return {**quarantine.content(row), **correction}


def _one_origin(rows: list[QuarantinedRow], contents: list[dict[str, str | None]]) -> tuple[str, str]:
    origins = {
        (row.batch.provider, content.pop(FILE, "") or "") for row, content in zip(rows, contents, strict=True)
    }
    if not origins:
        raise NoRows
    if len(origins) > 1:
        raise RowsDiffer(count=len(origins))
    return origins.pop()


def _refuse_resolved(rows: list[QuarantinedRow]) -> None:
    for resolution in Resolution.objects.filter(row__in=rows).order_by("row_id"):
        raise RowResolved(row=resolution.row_id, batch=resolution.batch_id)


def stage_contents(
    connection: duckdb.DuckDBPyConnection,
    form: Format,
    terms: Terms,
    contents: list[dict[str, str | None]],
    intake: Intake,
) -> Sheet:
    """Make ``staged`` from rows; a line that is still no row stays unreadable."""
    lines = [content.pop(LINE, None) if set(content) == {LINE} else None for content in contents]
    for content in contents:
        content.pop(LINE, None)
    keys = sorted({key for content in contents for key in content})
    index = _shape_of(form, form.shapes(terms), keys)
    columns = [f"t_{key}" for key in keys]
    make_table(connection, columns)
    first = intake.batch * ROWS_PER_BATCH + 1
    table = pa.table(
        {
            "row_number": pa.array(range(first, first + len(contents)), pa.int64()),
            "unreadable": pa.array(lines, pa.string()),
            **{f"t_{key}": pa.array([content.get(key) for content in contents], pa.string()) for key in keys},
        }
    )
    connection.register("piece", table.to_reader())
    listed = ", ".join(map(name, table.column_names))
    connection.execute(f"INSERT INTO staged ({listed}) SELECT {listed} FROM piece")
    connection.unregister("piece")
    return Sheet(index, intake.stem, frozenset(columns))


def _shape_of(form: Format, shapes: Sequence[Shape], keys: Sequence[str]) -> int:
    """The first shape whose staged columns the rows fit; rows that are only lines fit the first."""
    if not keys:
        return 0
    staged = [
        Shape(
            required=tuple(map(shape.staged, shape.required)),
            optional=tuple(map(shape.staged, shape.optional)),
        )
        for shape in shapes
    ]
    return choose_shape("the corrected row", form, staged, keys)
