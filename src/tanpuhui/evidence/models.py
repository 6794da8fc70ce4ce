"""Tables of evidence. Every one is append-only: what changes is said by a new row that refers to the old one."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from tanpuhui.evidence.format import Terms


def _append_only() -> list[pgtrigger.Trigger]:
    return [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class Contract(models.Model):
    """What is agreed with a provider. The highest version of a provider's contract is in force."""

    provider = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    format = models.CharField(max_length=60)
    kinds = ArrayField(models.CharField(max_length=60))
    schema_version = models.PositiveIntegerField(default=1)
    pseudonym_key = models.CharField(max_length=60, default="pseudonyms-1")
    #: 1 is best: decides which of two providers' reports of one act counts.
    precedence = models.PositiveIntegerField(default=100)
    valid_from = models.DateField()
    #: The last day on which files are taken.
    valid_to = models.DateField(null=True)
    #: Reference of the privacy impact assessment.
    pia_reference = models.TextField()
    enabled = models.BooleanField(default=True)
    repairs = ArrayField(models.CharField(max_length=60), default=list)
    options: Any = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "version"], name="evidence_contract_version"),
            models.CheckConstraint(condition=~Q(pia_reference__regex=r"^\s*$"), name="evidence_contract_pia"),
            models.CheckConstraint(condition=Q(precedence__gte=1), name="evidence_contract_precedence"),
        ]
        triggers = _append_only()

    def terms(self) -> Terms:
        """The contract as plain values."""
        return Terms(
            provider=self.provider,
            format=self.format,
            kinds=frozenset(self.kinds),
            zone=self.options.get("zone", "Asia/Shanghai"),
            repairs=frozenset(self.repairs),
            options=self.options,
        )


class Subject(models.Model):
    """A person as one provider knows them: a keyed digest of the provider's pseudonym, in the vault."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32)

    class Meta:
        db_table = 'vault"."subject'
        constraints = [
            models.UniqueConstraint(fields=["provider", "digest"], name="evidence_subject_digest"),
        ]
        triggers = _append_only()


class SubjectLink(models.Model):
    """Whose account a subject is: written once, never changed."""

    subject = models.OneToOneField(Subject, models.PROTECT, primary_key=True, related_name="link")
    account_id = models.BigIntegerField(db_index=True)
    linked_at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."subject_link'
        constraints = [models.CheckConstraint(condition=Q(account_id__gte=1), name="evidence_link_account")]
        triggers = _append_only()


class Batch(models.Model):
    """One file as it was taken, with its signed receipt."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=71)
    contract = models.ForeignKey(Contract, models.PROTECT)
    rows = models.BigIntegerField()
    accepted = models.BigIntegerField()
    duplicate = models.BigIntegerField()
    refused = models.BigIntegerField()
    #: Refused rows by code, and accepted rows remarked on by code.
    reasons: Any = models.JSONField()
    notes: Any = models.JSONField()
    buckets = models.PositiveIntegerField()
    received_at = models.DateTimeField()
    receipt: Any = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "key"], name="evidence_batch_key"),
            models.CheckConstraint(
                condition=Q(rows=models.F("accepted") + models.F("duplicate") + models.F("refused")),
                name="evidence_batch_adds_up",
            ),
        ]
        triggers = _append_only()


class LakeFile(models.Model):
    """A Parquet file of the lake that a batch wrote: records of a day and bucket, revisions, or ids."""

    RECORDS, REVISIONS, IDS = "records", "revisions", "ids"

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="files")
    part = models.CharField(max_length=10, choices=[(part, part) for part in (RECORDS, REVISIONS, IDS)])
    #: Local day on which the acts ended, and account bucket (-1: persons not yet linked); records only.
    day = models.DateField(null=True)
    bucket = models.IntegerField(null=True)
    digest = models.CharField(max_length=71)
    #: Relative to the lake's folder.
    path = models.CharField(max_length=200)
    rows = models.BigIntegerField()
    size_bytes = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(part="records", day__isnull=False, bucket__isnull=False)
                | (~Q(part="records") & Q(day__isnull=True, bucket__isnull=True)),
                name="evidence_lake_file_place",
            ),
        ]
        indexes = [models.Index(fields=["part", "day", "bucket"], name="evidence_lake_file_day")]
        triggers = _append_only()


class RevisionDay(models.Model):
    """A local day of which a file of revisions changes a record: the closes of that day read it."""

    file = models.ForeignKey(LakeFile, models.PROTECT, related_name="days")
    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "file"], name="evidence_revision_day_once"),
        ]
        triggers = _append_only()


class QuarantinedRow(models.Model):
    """A refused row: why, and its content, encrypted with AES-256-GCM (its batch and row number bound to it)."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="quarantined")
    row_number = models.BigIntegerField()
    code = models.CharField(max_length=60)
    field = models.CharField(max_length=60)
    facts: Any = models.JSONField()
    ciphertext = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "row_number"], name="evidence_quarantined_row"),
        ]
        triggers = _append_only()


class Resolution(models.Model):
    """The batch in which a quarantined row was sent again, corrected."""

    row = models.OneToOneField(QuarantinedRow, models.PROTECT, primary_key=True, related_name="resolution")
    batch = models.ForeignKey(Batch, models.PROTECT)

    class Meta:
        triggers = _append_only()
