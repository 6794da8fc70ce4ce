"""Tables of evidence. Every one is append-only: what changes is said by a new row that refers to the old one. But for
``IdRun``, which is derived."""

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
    #: Accepted rows whose act ended more than a day, and more than seven, before they were received.
    late_1_day = models.BigIntegerField(default=0)
    late_7_days = models.BigIntegerField(default=0)
    #: The first of the batches that were taken together: files of the lake name that one.
    taken_with = models.ForeignKey("self", models.PROTECT, null=True)

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


class IdRun(models.Model):
    """A file that says which id files of a provider may know an id: all of those from ``first`` to ``last``.

    Derived, and so the one table here whose rows go: see ``id_index.py``.
    """

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=60)
    #: Numbers of id files (LakeFile).
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    #: Relative to the lake's folder.
    path = models.CharField(max_length=200)
    rows = models.BigIntegerField()
    files = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "first"], name="evidence_id_run_first"),
            models.CheckConstraint(condition=Q(first__lte=models.F("last")), name="evidence_id_run_range"),
        ]


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


class Total(models.Model):
    """How many records of a kind there were on a local day, as the provider or somebody independent says."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=60)
    #: Who counted: the provider itself, or somebody else.
    source = models.CharField(max_length=60)
    day = models.DateField()
    kind = models.CharField(max_length=60)
    records = models.BigIntegerField()
    declared_at = models.DateTimeField()
    #: ``operator``, or the id of the key that signed the request.
    declared_by = models.CharField(max_length=90)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(records__gte=0), name="evidence_total_records"),
        ]
        indexes = [models.Index(fields=["day", "provider"], name="evidence_total_day")]
        triggers = _append_only()

    @property
    def is_own(self) -> bool:
        """Whether the provider says it of itself."""
        return self.source == self.provider


class Weighing(models.Model):
    """What a haulier weighed when it fetched a station's containers, of a stretch of local days.

    Of a source, station and stretch the newest counts; one without grams takes those before it back.
    """

    id = models.BigAutoField(primary_key=True)
    #: Of the station; who weighed is somebody else.
    provider = models.CharField(max_length=60)
    source = models.CharField(max_length=60)
    station = models.CharField(max_length=200)
    first_day = models.DateField()
    last_day = models.DateField()
    fetched_g = models.BigIntegerField(null=True)
    declared_at = models.DateTimeField()
    declared_by = models.CharField(max_length=90)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(fetched_g__gte=0), name="evidence_weighing_fetched"),
            models.CheckConstraint(
                condition=Q(last_day__gte=models.F("first_day")), name="evidence_weighing_days"
            ),
            models.CheckConstraint(condition=~Q(station=""), name="evidence_weighing_station"),
            models.CheckConstraint(
                condition=~Q(source=models.F("provider")) & ~Q(source=""), name="evidence_weighing_source"
            ),
        ]
        indexes = [models.Index(fields=["provider", "last_day"], name="evidence_weighing_day")]
        triggers = _append_only()

    def __str__(self) -> str:
        return f"{self.station} of {self.provider}, {self.first_day} to {self.last_day}: {self.fetched_g} g"


class ProviderKey(models.Model):
    """A public key with which a provider signs its requests. Two may be in force at once: that is rotation."""

    key_id = models.CharField(max_length=90, unique=True)
    provider = models.CharField(max_length=60, db_index=True)
    #: Ed25519, 32 bytes; nobody else may have the same.
    public_key = models.BinaryField(max_length=32, unique=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    #: ``operator``, or the id of the key that signed the request.
    made_by = models.CharField(max_length=90)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=models.F("valid_from")),
                name="evidence_providerkey_range",
            ),
        ]
        triggers = _append_only()


class ProviderKeyStatus(models.Model):
    """What became of a key: revoked, once and for good."""

    REVOKED = "revoked"

    key = models.ForeignKey(ProviderKey, models.PROTECT, related_name="statuses")
    status = models.CharField(max_length=10, choices=[(REVOKED, REVOKED)])
    at = models.DateTimeField()
    by = models.CharField(max_length=90)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "status"], name="evidence_providerkeystatus_once"),
        ]
        triggers = _append_only()


class UsedNonce(models.Model):
    """A nonce that a key has used; forgotten when the clock alone would refuse the request. Mutable."""

    key = models.ForeignKey(ProviderKey, models.PROTECT, db_index=False)
    nonce = models.CharField(max_length=128)
    used_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="evidence_usednonce_once")]


class RequestCount(models.Model):
    """Requests of a key or an address in one minute. Mutable, and lost in a crash of the server: it may be."""

    subject = models.CharField(max_length=200)
    minute = models.BigIntegerField()
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "minute"], name="evidence_requestcount_minute"),
        ]


class IdempotentAnswer(models.Model):
    """What a request with an idempotency key was answered: the same request again gets the same."""

    provider = models.CharField(max_length=60)
    operation = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=71)
    status = models.PositiveSmallIntegerField()
    answer: Any = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "operation", "key"], name="evidence_answer_key"),
        ]
        triggers = _append_only()


class InboxBatch(models.Model):
    """A batch that arrived over the network: durable before it was answered, taken into the lake afterwards.

    Its id is that of the batch it becomes.
    """

    id = models.BigIntegerField(primary_key=True)
    provider = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=71)
    media = models.CharField(max_length=10)
    #: The provider's name of the file, without its ending.
    stem = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    #: Relative to the inbox's folder.
    path = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    signed_by = models.CharField(max_length=90)
    #: Inbox receipt as it was given (JWS compact).
    receipt = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "key"], name="evidence_inboxbatch_key")]
        triggers = _append_only()


class InboxWaiting(models.Model):
    """The queue: batches of the inbox that were not taken yet. Mutable: a batch leaves it when it is taken."""

    batch = models.OneToOneField(InboxBatch, models.PROTECT, primary_key=True, related_name="waiting")
    provider = models.CharField(max_length=60)
    size_bytes = models.BigIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    #: Where taking it failed through our fault, it is tried again after this.
    not_before = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["provider", "batch"], name="evidence_waiting_provider")]


class InboxRefusal(models.Model):
    """Why a batch of the inbox was refused as a whole when its turn came."""

    batch = models.OneToOneField(InboxBatch, models.PROTECT, primary_key=True, related_name="refusal")
    code = models.CharField(max_length=60)
    message = models.TextField()
    facts: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        triggers = _append_only()


class ActClaim(models.Model):
    """A provider's record that claims an act by its tags; of the record a digest is kept."""

    provider = models.CharField(max_length=60)
    record = models.BinaryField(max_length=32)
    #: Tags of different epochs never meet.
    epoch = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "evidence_act_claim"
        constraints = [
            models.UniqueConstraint(fields=["provider", "record", "epoch"], name="evidence_act_claim_once"),
        ]
        triggers = _append_only()


class ActTag(models.Model):
    """One of the tags of a claimed act: in an epoch nobody else has it."""

    claim = models.ForeignKey(ActClaim, models.PROTECT, related_name="tags")
    tag = models.BinaryField(max_length=32)
    epoch = models.PositiveIntegerField()

    class Meta:
        db_table = "evidence_act_tag"
        constraints = [models.UniqueConstraint(fields=["tag", "epoch"], name="evidence_act_tag_once")]
        triggers = _append_only()
