"""Figures: what an installation has done so far, for its public page; looked up once a minute in each worker."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import caches
from django.db import connection

from tanpuhui.kit.tonnes import TONNE_MG

KEPT_S = 60
_SQL = """
    SELECT
        (SELECT count(DISTINCT provider) FROM evidence_batch),
        coalesce((SELECT sum(tonnes) FROM registry_lot), 0),
        (SELECT count(*) FROM registry_lot),
        (SELECT max(day) FROM close_manifest)
"""


@dataclass(frozen=True)
class Figures:
    """What is public at any moment: who reports and what was certified. What persons did is in a month's statistics."""

    providers: int
    certified_t: int
    lots: int
    through: object

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
        known = Figures(row[0], int(row[1]), row[2], row[3])
        caches["worker"].set("public-figures", known, KEPT_S)
    return known
