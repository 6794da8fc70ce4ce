"""Lots: reductions certified together, each with one serial range in whole tonnes. Rows are append-only."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models

NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


class Lot(models.Model):
    """A certified lot: one methodology version, one vintage, one place, through one day.

    ``serial_first`` to ``serial_last`` number its tonnes; no two lots share a number (see migration 0002).
    """

    code = models.TextField(primary_key=True)
    jurisdiction = models.TextField()
    methodology = models.TextField()
    vintage = models.IntegerField()
    through = models.DateField()
    tonnes = models.BigIntegerField()
    serial_first = models.BigIntegerField()
    serial_last = models.BigIntegerField()
    residents = models.BigIntegerField()
    status = models.TextField()
    operator = models.TextField()
    verifier = models.TextField()
    manifests = models.JSONField()
    certified_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_lot_serials_are_its_tonnes",
                condition=models.Q(serial_last=models.F("serial_first") + models.F("tonnes") - 1),
            ),
            models.CheckConstraint(name="registry_lot_has_tonnes", condition=models.Q(tonnes__gte=1)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.tonnes} t of {self.methodology}, {self.vintage}"


class StatisticsRelease(models.Model):
    """Statistics as they were published; the last one stands. Earlier ones stay what they were."""

    id = models.BigAutoField(primary_key=True)
    digest = models.TextField()
    body: Any = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        db_table = "registry_statistics_release"
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"statistics {self.pk} {self.digest}"
