"""What a close leaves behind: its manifest, and the days that a lot has frozen. Both are append-only."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models

NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


class Manifest(models.Model):
    """One close of one day: everything that decided it, by digest, and what came of it.

    ``sequence`` counts the closes of a day from 1; the largest is the one that stands.
    """

    digest = models.TextField(primary_key=True)
    day = models.DateField()
    sequence = models.IntegerField()
    as_of = models.DateTimeField()
    body = models.JSONField()
    activities = models.BigIntegerField()
    credited_mg = models.BigIntegerField()
    posted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "sequence"], name="close_one_sequence_a_day"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.day} close {self.sequence} {self.digest}"


class FrozenDay(models.Model):
    """A day of one methodology that a lot has certified: it is not closed again, corrections go to the registry."""

    day = models.DateField()
    methodology = models.TextField()
    lot = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "methodology", "lot"], name="close_frozen_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.methodology} by {self.lot}"
