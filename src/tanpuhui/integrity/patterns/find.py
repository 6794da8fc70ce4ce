"""Find: the rows that each pattern holds, from columns. What a pattern needs and does not get is said, not guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from tanpuhui.integrity.patterns import movement, supply, value
from tanpuhui.integrity.patterns.pattern import Pattern

PATTERNS: tuple[Pattern, ...] = (
    movement.SPEED,
    movement.TRANSFER,
    movement.OPEN_TRIP,
    movement.IDENTICAL_TELEMETRY,
    movement.THERE_AND_BACK,
    value.REFUND_CYCLING,
    value.FEEDER_RING,
    value.MERCHANT_WASH,
    value.CANCEL_RACE,
    supply.WEIGHT_TAMPERING,
    supply.OVER_REPORTING,
)


@dataclass(frozen=True)
class Found:
    """What one pattern holds, in order. ``missing`` names what it could not be applied for; then nothing is held."""

    pattern: Pattern
    records: tuple[int, ...]
    missing: tuple[str, ...] = ()


def pattern_named(name: str) -> Pattern | None:
    """The pattern of a name such as ``fraud.speed@1``; ``None`` for a version that is no longer here."""
    return next((pattern for pattern in PATTERNS if pattern.name == name), None)


def find(relations: Mapping[str, pa.Table], patterns: Iterable[Pattern] = PATTERNS) -> list[Found]:
    """Apply each pattern to the relations; the order of rows is no matter."""
    with duckdb.connect() as connection:
        for name, table in relations.items():
            connection.register(name, table)
        return [_found(connection, pattern, relations) for pattern in patterns]


def _found(
    connection: duckdb.DuckDBPyConnection, pattern: Pattern, relations: Mapping[str, pa.Table]
) -> Found:
    wanted = [(pattern.relation, ("record_id", *pattern.needs)), *([pattern.other] if pattern.other else [])]
    missing = [
        f"{relation}.{column}"
        for relation, columns in wanted
        for column in columns
        if relation not in relations or column not in relations[relation].column_names
    ]
    if missing:
        return Found(pattern, (), tuple(missing))
    rows = connection.execute(f"SELECT DISTINCT record_id FROM ({pattern.sql}) ORDER BY record_id").fetchall()
    return Found(pattern, tuple(record for (record,) in rows))
