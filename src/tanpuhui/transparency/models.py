"""Tables of transparency: the log's leaves, what opens them, and the checkpoints that were signed. Append-only.

An opening alone can be removed (never changed): a leaf without one proves nothing about any record any more.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from tanpuhui.transparency.merkle import HASH_BYTES

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)
#: Leaves are numbered from 0 without a gap, whoever adds them.
_WITHOUT_GAP = pgtrigger.Trigger(
    name="without_gap",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    declare=[("lowest", "bigint"), ("highest", "bigint"), ("count", "bigint")],
    func="""
        SELECT min(index), max(index), count(*) INTO lowest, highest, count FROM added;
        IF count > 0 AND (highest - lowest + 1 <> count
            OR lowest > 0 AND NOT EXISTS (SELECT FROM transparency_leaf WHERE index = lowest - 1))
        THEN RAISE EXCEPTION 'leaves of the log have no gap: % to % in % rows', lowest, highest, count; END IF;
        RETURN NULL;
    """,
)


class Leaf(models.Model):
    """An entry of the log: the salted hash of one record, at its place. ``kind`` and ``key`` name the record."""

    index = models.BigIntegerField(primary_key=True)
    kind = models.TextField()
    key = models.TextField()
    entry = models.BinaryField(max_length=HASH_BYTES)
    entered_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key"], name="transparency_record_once"),
            models.CheckConstraint(name="transparency_leaf_number", condition=Q(index__gte=0)),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE, _WITHOUT_GAP]

    def __str__(self) -> str:
        return f"leaf {self.index}: {self.kind} {self.key}"


class Opening(models.Model):
    """The salt and the record behind a leaf, until they are destroyed."""

    leaf = models.OneToOneField(Leaf, models.PROTECT, primary_key=True, related_name="opening")
    salt = models.BinaryField(max_length=HASH_BYTES)
    record: Any = models.JSONField()

    class Meta:
        triggers: ClassVar = [pgtrigger.Protect(name="no_update", operation=pgtrigger.Update), _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"opening of leaf {self.leaf_id}"


class SignedCheckpoint(models.Model):
    """A checkpoint that the log signed: for one size there is one root, for ever."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=HASH_BYTES)
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        db_table = "transparency_checkpoint"
        constraints: ClassVar = [
            models.CheckConstraint(name="transparency_checkpoint_size", condition=Q(size__gte=0)),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} leaves"


class WitnessCosignature(models.Model):
    """What a witness answered to a checkpoint: its signature line, which was verified before it was kept."""

    id = models.BigAutoField(primary_key=True)
    checkpoint = models.ForeignKey(SignedCheckpoint, models.PROTECT, related_name="cosignatures")
    witness = models.TextField()
    line = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "transparency_cosignature"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["checkpoint", "witness"], name="transparency_cosigned_once"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.witness} on {self.checkpoint_id} leaves"


class DestroyedSalt(models.Model):
    """The hash that stands in a smaller tree for a record whose salt is destroyed, so that its root still comes out."""

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    key = models.TextField()
    leaf = models.BinaryField(max_length=HASH_BYTES)

    class Meta:
        db_table = "transparency_destroyed_salt"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key"], name="transparency_salt_destroyed_once"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
