"""Figures: what an installation has done so far, for its public page; looked up once a minute in each worker."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import caches
from django.db import connection

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.tonnes import TONNE_MG

KEPT_S = 60
_SQL = """
    WITH standing AS (SELECT DISTINCT ON (day) * FROM close_manifest ORDER BY day, sequence DESC)
    SELECT
        (SELECT count(*) FROM consent_resident WHERE closed_at IS NULL),
        (SELECT count(DISTINCT provider) FROM evidence_batch),
        coalesce((SELECT sum(activities) FROM standing), 0),
        coalesce((SELECT sum(credited_mg) FROM standing), 0),
        coalesce((SELECT sum(tonnes) FROM registry_lot), 0),
        (SELECT count(*) FROM registry_lot),
        (SELECT max(day) FROM standing)
"""


@dataclass(frozen=True)
class Figures:
    """Totals over everybody, which say nothing about anybody."""

    accounts: int
    providers: int
    records: int
    credited_mg: int
    certified_t: int
    lots: int
    through: object

    @property
    def is_told(self) -> bool:
        """Whether there are persons enough for a sum over all of them to say nothing about one."""
        return self.accounts >= jurisdiction().least_persons

    @property
    def certified_mg(self) -> int:
        return self.certified_t * TONNE_MG


def figures() -> Figures:
    """The figures, at most a minute old."""
    known: Figures | None = caches["worker"].get("public-figures")
    if known is None:
        with connection.cursor() as cursor:
            cursor.execute(_SQL)
            row = cursor.fetchone()
        known = Figures(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), row[5], row[6])
        caches["worker"].set("public-figures", known, KEPT_S)
    return known
