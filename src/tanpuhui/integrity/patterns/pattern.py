"""Pattern: one rule against fraud, with its id, its reason for people, and the columns that it reads."""

from __future__ import annotations

from dataclasses import dataclass

#: Microseconds.
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US


@dataclass(frozen=True)
class Pattern:
    """``sql`` selects the ``record_id`` of every row of ``relation`` that it holds against whoever reported it.

    ``needs`` are the columns of the relation that it reads; where one has no value in a row, the row is not judged.
    ``other`` is a second relation that must be there, with its columns, or nothing.
    """

    id: str
    version: int
    relation: str
    needs: tuple[str, ...]
    reason_zh: str
    reason_en: str
    sql: str
    other: tuple[str, tuple[str, ...]] | None = None

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"
