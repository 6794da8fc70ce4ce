"""What a close leaves behind: its manifest, the days that a lot has frozen, and what was erased. All append-only."""

from __future__ import annotations

import uuid
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


class Erasure(models.Model):
    """A person's rows were taken out of the lake; which files, is in :class:`ErasedFile`. It says of nobody whose."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    files = models.BigIntegerField()
    rows = models.BigIntegerField()
    #: Of every path with its digests before and after, in order of the paths.
    digest = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}: {self.rows} rows of {self.files} files"


class ErasedFile(models.Model):
    """A file of the lake that one erasure has written anew, with the signed note that stands in its place."""

    erasure = models.ForeignKey(Erasure, models.PROTECT, related_name="rewritten")
    #: Of the first file, relative to the lake; the digest that manifests name it by.
    path = models.TextField()
    file = models.TextField()
    before = models.TextField()
    after = models.TextField()
    rows = models.BigIntegerField()
    note = models.TextField()

    class Meta:
        db_table = "close_erased_file"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path", "before"], name="close_erased_file_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.path}: {self.rows} rows"


class ErasedCredit(models.Model):
    """What a day's standing close had credited to somebody who was erased: it stays in the ledger as nobody's.

    A later close of the day no longer counts it; reconciling adds it.
    """

    erasure = models.ForeignKey(Erasure, models.PROTECT, related_name="credits")
    day = models.DateField()
    sequence = models.IntegerField()
    credited_mg = models.BigIntegerField()

    class Meta:
        db_table = "close_erased_credit"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["erasure", "day"], name="close_erased_credit_once"),
            models.CheckConstraint(
                name="close_erased_credit_is_some", condition=models.Q(credited_mg__gte=1)
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.credited_mg} mg of {self.day}"
