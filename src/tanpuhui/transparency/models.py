"""Tables of transparency: the log's leaves, what opens them, signed checkpoints; and credentials with their status.

Append-only. Openings alone can be removed (never changed): a leaf or a credential without one says nothing any more.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from tanpuhui.transparency.credentials.status_list import LEAST_ENTRIES
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


#: Another credential about the same comes after the one before it was revoked, which is for good.
_ONE_LIVES = pgtrigger.Trigger(
    name="one_lives",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func="""
        IF NEW.sequence > 1 AND NOT EXISTS (
            SELECT FROM transparency_credential c JOIN transparency_status_step s ON s.credential_id = c.id
            WHERE c.subject = NEW.subject AND c.sequence = NEW.sequence - 1 AND s.state = 'revoked')
        THEN RAISE EXCEPTION 'a credential about % is not revoked', NEW.subject; END IF;
        RETURN NEW;
    """,
)
_FOLLOWS = pgtrigger.Trigger(
    name="follows",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("before", "text"), ("whose", "text")],
    func="""
        SELECT state, "by" INTO before, whose FROM transparency_status_step
        WHERE credential_id = NEW.credential_id AND sequence = NEW.sequence - 1;
        IF before = 'suspended' AND (
            NEW.state = 'suspended' AND NEW."by" = 'operator' AND whose <> 'operator'
            OR NEW.state = 'valid' AND NEW."by" = whose
        ) THEN RETURN NEW; END IF;
        IF NEW.sequence > 1 AND before IS NULL OR before = 'revoked' OR coalesce(before, 'valid') = NEW.state
            OR NEW.state = 'valid'
        THEN RAISE EXCEPTION 'a credential that is % does not become %', coalesce(before, 'valid'), NEW.state; END IF;
        RETURN NEW;
    """,
)


class Credential(models.Model):
    """A credential as it was signed: digests of what its holder may show. ``subject`` names what it is about."""

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    subject = models.TextField()
    #: 1, and one more after the one before was revoked.
    sequence = models.IntegerField(default=1)
    #: Its place in the status lists: drawn at random, never used again.
    status_list = models.IntegerField()
    status_index = models.IntegerField()
    jwt = models.TextField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject", "sequence"], name="transparency_credential_once"),
            models.UniqueConstraint(
                fields=["status_list", "status_index"], name="transparency_status_place_once"
            ),
            models.CheckConstraint(
                name="transparency_credential_place",
                condition=Q(
                    sequence__gte=1, status_list__gte=1, status_index__gte=0, status_index__lt=LEAST_ENTRIES
                ),
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE, _ONE_LIVES]

    def __str__(self) -> str:
        return f"credential {self.pk}: {self.subject}"


class CredentialOpening(models.Model):
    """The disclosures of a credential, until they are destroyed: without them nobody can show a claim of it again."""

    credential = models.OneToOneField(Credential, models.PROTECT, primary_key=True, related_name="opening")
    disclosures: Any = models.JSONField()

    class Meta:
        db_table = "transparency_credential_opening"
        triggers: ClassVar = [pgtrigger.Protect(name="no_update", operation=pgtrigger.Update), _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"opening of credential {self.credential_id}"


class StatusStep(models.Model):
    """What became of a credential after it was issued, who did it and why; revoked is the end.

    An operator's suspension may stand over one of the platform's own, and is restored by an operator alone.
    """

    VALID, SUSPENDED, REVOKED = "valid", "suspended", "revoked"

    id = models.BigAutoField(primary_key=True)
    credential = models.ForeignKey(Credential, models.PROTECT, related_name="steps")
    sequence = models.IntegerField()
    state = models.TextField()
    reason = models.TextField()
    by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "transparency_status_step"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["credential", "sequence"], name="transparency_step_once"),
            models.CheckConstraint(
                name="transparency_step_says_why",
                condition=Q(state__in=["valid", "suspended", "revoked"], sequence__gte=1)
                & ~Q(reason="")
                & ~Q(by=""),
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE, _FOLLOWS]

    def __str__(self) -> str:
        return f"credential {self.credential_id} {self.state}"


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
