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


#: Releases of statistics are made one after the other, whoever makes them and of whichever way.
_RELEASED_ONCE = """
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a release is made where those of other connections are seen, at read committed'
            USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.statistics.release', 0));
    IF NEW.month IS NULL OR NEW.body->>'month' IS DISTINCT FROM NEW.month THEN
        RAISE EXCEPTION 'a release is of the month that its body says, and not of %', NEW.month
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM {other} WHERE month = NEW.month) THEN
        RAISE EXCEPTION '% was released already: exactly or with noise, never both', NEW.month
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


def _never_both(other: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="never_both",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=_RELEASED_ONCE.format(other=other),
    )


class StatisticsRelease(models.Model):
    """A month's statistics as they were published: once. Those without a month are of all months of their day."""

    id = models.BigAutoField(primary_key=True)
    month = models.CharField(max_length=7, unique=True, null=True)
    digest = models.TextField()
    body: Any = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        db_table = "registry_statistics_release"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_statistics_month",
                condition=models.Q(month__regex=r"^[0-9]{4}-(0[1-9]|1[0-2])$"),
            )
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
            _never_both("registry_private_release"),
        ]

    def __str__(self) -> str:
        return f"statistics of {self.month or self.pk} {self.digest}"


class PrivateRelease(models.Model):
    """A month's figures of districts and of kinds of act, with noise: once, and within what the year may tell
    (millionths).
    """

    id = models.BigAutoField(primary_key=True)
    month = models.CharField(max_length=7, unique=True)
    year = models.IntegerField()
    epsilon = models.BigIntegerField()
    #: What the year may tell in all, by the rule of that day; the least of a year's rows counts.
    limit_epsilon = models.BigIntegerField()
    digest = models.TextField()
    body: Any = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        db_table = "registry_private_release"
        constraints: ClassVar = [
            models.CheckConstraint(name="registry_private_epsilon", condition=models.Q(epsilon__gte=1)),
            models.CheckConstraint(
                name="registry_private_month", condition=models.Q(month__regex=r"^[0-9]{4}-(0[1-9]|1[0-2])$")
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
            pgtrigger.Trigger(
                name="within_budget",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("spent", "bigint"), ("most", "bigint")],
                func="""
                    PERFORM pg_advisory_xact_lock(hashtextextended('tanpuhui.private.release', NEW.year));
                    SELECT coalesce(sum(epsilon), 0), least(NEW.limit_epsilon, min(limit_epsilon)) INTO spent, most
                    FROM registry_private_release WHERE year = NEW.year;
                    IF NEW.year::text <> left(NEW.month, 4) OR spent + NEW.epsilon > most THEN
                        RAISE EXCEPTION 'the year % may tell % and told % already', NEW.year, most, spent
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.body->>'epsilon_millionths' IS DISTINCT FROM NEW.epsilon::text THEN
                        RAISE EXCEPTION 'a release of % costs what its body says, and not %', NEW.month, NEW.epsilon
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            _never_both("registry_statistics_release"),
        ]

    def __str__(self) -> str:
        return f"statistics of {self.month}, with noise"


class LeftOut(models.Model):
    """Accounts whose pending reductions a lot did not take, because another market covers their meters; and by which
    entry of the register. It says how many, and never who.
    """

    id = models.BigAutoField(primary_key=True)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="left_out")
    market = models.TextField()
    clause = models.TextField()
    source = models.TextField()
    accounts = models.BigIntegerField()
    amount_mg = models.BigIntegerField()

    class Meta:
        db_table = "registry_left_out"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lot", "market", "clause", "source"], name="registry_left_out_once"
            ),
            models.CheckConstraint(
                name="registry_left_out_amounts", condition=models.Q(accounts__gte=1, amount_mg__gte=1)
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.accounts} accounts left out of {self.lot_id}"


class Exclusion(models.Model):
    """What another market covers, as its authority said: nothing of it is certified here. The newest row counts.

    A meter is there by its provider's keyed digest, as evidence knows it, and never by its number.
    """

    SCOPE, PROJECT, PLACE, ORGANISATION, METER = "scope", "project", "place", "organisation", "meter"
    KINDS: ClassVar = (SCOPE, PROJECT, PLACE, ORGANISATION, METER)
    MARKETS: ClassVar = ("ets", "ccer", "green_certificate")

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    key = models.TextField()
    #: The provider whose meter it is; empty for all others.
    provider = models.TextField(default="")
    market = models.TextField()
    first_day = models.DateField()
    last_day = models.DateField(null=True)
    clause = models.TextField()
    source = models.TextField()
    #: The file it came in, by digest, and the line there.
    file = models.TextField()
    line = models.IntegerField()
    imported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_exclusion_kind",
                condition=models.Q(kind__in=["scope", "project", "place", "organisation", "meter"]),
            ),
            models.CheckConstraint(
                name="registry_exclusion_market",
                condition=models.Q(market__in=["ets", "ccer", "green_certificate"]),
            ),
            models.CheckConstraint(
                name="registry_exclusion_days",
                condition=models.Q(last_day__isnull=True) | models.Q(last_day__gte=models.F("first_day")),
            ),
            models.UniqueConstraint(fields=["file", "line"], name="registry_exclusion_line_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "key"], name="registry_exclusion_key")]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.market} covers {self.kind} {self.key}"


class ForeignUnit(models.Model):
    """Units or a project of another registry, as a row of its file says: what ours must not count again."""

    id = models.BigAutoField(primary_key=True)
    registry = models.TextField()
    project = models.TextField()
    name = models.TextField(default="")
    country = models.TextField()
    place = models.TextField(default="")
    sector = models.TextField()
    methodology = models.TextField(default="")
    serials = models.TextField(default="")
    first_day = models.DateField()
    last_day = models.DateField()
    units = models.BigIntegerField(null=True)
    #: The digest of what the row says: a row that is imported again is the same one.
    digest = models.TextField(unique=True)
    file = models.TextField()
    line = models.IntegerField()
    imported_at = models.DateTimeField()

    class Meta:
        db_table = "registry_foreign_unit"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_foreign_unit_days", condition=models.Q(last_day__gte=models.F("first_day"))
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.registry} {self.project}"


class ConflictReview(models.Model):
    """Somebody looked at a conflict and said why it is none; once, and for exactly these two sides."""

    id = models.BigAutoField(primary_key=True)
    conflict = models.TextField(unique=True)
    foreign = models.ForeignKey(ForeignUnit, models.PROTECT, related_name="reviews")
    ours = models.TextField()
    reason = models.TextField()
    reviewer = models.TextField()
    reviewed_at = models.DateTimeField()

    class Meta:
        db_table = "registry_conflict_review"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_conflict_review_says_why",
                condition=~models.Q(reason="") & ~models.Q(reviewer=""),
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"review of {self.conflict}"


class Reported(models.Model):
    """What another platform credited, as it reported it to us: of one of its closed days, or of tonnes we recognise.

    The newest row of a district, day and subject stands. Rows come with their batch in the ledger (migration 0010).
    """

    id = models.BigAutoField(primary_key=True)
    #: The message it came in, by its digest: the key of the batch as well.
    key = models.TextField(unique=True)
    #: The ledger's number of who reported.
    district = models.BigIntegerField()
    day = models.DateField()
    #: Empty of a close; of tonnes that we recognise, their serial numbers at home.
    subject = models.TextField(blank=True, default="")
    manifest = models.TextField()
    credited_mg = models.BigIntegerField()
    below_mg = models.BigIntegerField()
    activities = models.BigIntegerField()
    #: For each methodology its version, digest, status, milligrams, number of accounts, and the root over its shares.
    lines: Any = models.JSONField()
    reported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_reported_amounts",
                condition=models.Q(credited_mg__gte=0, below_mg__gte=0, activities__gte=0),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["district", "day", "subject", "-id"], name="registry_reported_day"),
            models.Index(fields=["manifest"], name="registry_reported_manifest"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.day} of {self.district}: {self.credited_mg} mg"


class FarLot(models.Model):
    """A lot of which another platform has a part: we certified what it reported, or it certified what we reported."""

    REPORTED, ELSEWHERE = "reported", "elsewhere"

    lot = models.OneToOneField(Lot, models.PROTECT, primary_key=True, related_name="far")
    home = models.TextField()
    #: The other platform's code, and for a reported lot its number in the ledger.
    party = models.TextField()
    owner = models.BigIntegerField(null=True)

    class Meta:
        db_table = "registry_far_lot"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_far_lot_home",
                condition=models.Q(home="reported", owner__isnull=False)
                | models.Q(home="elsewhere", owner__isnull=True),
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.home} {self.party}"


class Certifier(models.Model):
    """Who certifies what this installation credits, from when on; the newest row stands, empty for ourselves."""

    id = models.BigAutoField(primary_key=True)
    registry = models.TextField(blank=True)
    since = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [_APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.registry or 'ourselves'} from {self.since}"
