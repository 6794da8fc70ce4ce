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


_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Block(models.Model):
    """A range of a lot's serial numbers in one state and hand. Those that are not closed tile the lot.

    ``open`` numbers are with residents, pools and the buffer, whose milligrams are in the ledger; the others are whole
    tonnes of one organisation. See migration 0004: no overlap, no gap.
    """

    OPEN, HELD, LOCKED, RETIRED, CANCELLED = "open", "held", "locked", "retired", "cancelled"
    STATES: ClassVar = (OPEN, HELD, LOCKED, RETIRED, CANCELLED)

    id = models.BigAutoField(primary_key=True)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="blocks")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    state = models.TextField()
    #: The ledger's owner: an organisation's, or 0 of an open block and of what was annulled before it had one.
    owner = models.BigIntegerField(default=0)
    #: The ledger's hold of a locked block.
    hold = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_block_range", condition=models.Q(last__gte=models.F("first"))
            ),
            models.CheckConstraint(
                name="registry_block_state",
                condition=models.Q(state__in=["open", "held", "locked", "retired", "cancelled"]),
            ),
            models.CheckConstraint(
                name="registry_block_locked_has_hold",
                condition=models.Q(state="locked", hold__isnull=False)
                | (~models.Q(state="locked") & models.Q(hold__isnull=True)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lot", "first"],
                condition=models.Q(closed_at__isnull=True),
                name="registry_block_live",
            ),
            models.Index(
                fields=["owner"], condition=models.Q(closed_at__isnull=True), name="registry_block_owner"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            NO_TRUNCATE,
            pgtrigger.Trigger(
                name="closes_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.closed_at IS NOT NULL
                        OR (to_jsonb(NEW) - 'closed_at') IS DISTINCT FROM (to_jsonb(OLD) - 'closed_at')
                    THEN RAISE EXCEPTION 'a block changes once: when it closes'; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.first}-{self.last} {self.state}"

    @property
    def tonnes(self) -> int:
        return self.last - self.first + 1


class Movement(models.Model):
    """A range of serial numbers that a verb moved from one state and hand to another, once."""

    id = models.BigAutoField(primary_key=True)
    verb = models.TextField()
    #: The key of the order: its repeat is answered with the same ranges.
    key = models.TextField()
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="movements")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    from_state = models.TextField()
    from_owner = models.BigIntegerField()
    to_state = models.TextField()
    to_owner = models.BigIntegerField()
    #: Why: beneficiary and purpose of a retirement, the reason of a cancellation.
    said: Any = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["verb", "key", "lot", "first"], name="registry_movement_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["lot", "first"], name="registry_movement_serial")]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.verb} {self.lot_id} {self.first}-{self.last}"


class Annulment(models.Model):
    """A lot that turned out to be wrong: nothing of it can be used any more, and what was used is replaced."""

    lot = models.OneToOneField(Lot, models.PROTECT, primary_key=True, related_name="annulment")
    reason = models.TextField()
    annulled_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"annulment of {self.lot_id}"


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
