"""Tables of offsetting: what a company has to answer for, reserves, surrenders, releases and replaces, and its proof.

Rows are append-only: what was declared wrongly is declared again, and a reservation ends with a row of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.money.models import KEPT, KeptAnswer


class StoredAnswer(KeptAnswer):
    """What was answered to filings and voluntary retirements by their keys, a no included."""

    class Meta(KeptAnswer.Meta):
        db_table = "offsetting_answer"
        triggers: ClassVar = KEPT


class Obligation(models.Model):
    """What a company (the ledger's owner) emitted in a year, verified, and was allotted; the newest counts."""

    id = models.BigAutoField(primary_key=True)
    company = models.BigIntegerField()
    jurisdiction = models.TextField()
    year = models.IntegerField()
    sequence = models.IntegerField()
    verified_emissions_mg = models.BigIntegerField()
    allowances_mg = models.BigIntegerField(null=True)
    #: Who says so: the verification report or the authority's notice.
    source = models.TextField()
    declared_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["company", "jurisdiction", "year", "sequence"], name="offsetting_obligation_sequence"
            ),
            models.CheckConstraint(
                name="offsetting_obligation_amounts",
                condition=Q(verified_emissions_mg__gte=0)
                & (Q(allowances_mg__isnull=True) | Q(allowances_mg__gte=0)),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"obligation of {self.company} in {self.jurisdiction}, {self.year}"


class YearRules(models.Model):
    """The rules by which a compliance year was first filed for: they are those of all of its filings."""

    id = models.BigAutoField(primary_key=True)
    jurisdiction = models.TextField()
    year = models.IntegerField()
    cap: Any = models.JSONField()
    pool: Any = models.JSONField(null=True)
    digest = models.TextField()
    fixed_at = models.DateTimeField()

    class Meta:
        db_table = "offsetting_year_rules"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["jurisdiction", "year"], name="offsetting_one_set_of_rules_a_year"
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"rules of {self.jurisdiction}, {self.year}"


class Reservation(models.Model):
    """Whole tonnes set aside for a company's year, under the cap and the pool as they stood then."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    company = models.BigIntegerField()
    jurisdiction = models.TextField()
    year = models.IntegerField()
    amount_mg = models.BigIntegerField()
    #: What the company had reserved or surrendered for the year before, and the most that it may.
    used_before_mg = models.BigIntegerField()
    cap_mg = models.BigIntegerField()
    rule = models.TextField()
    pool_used_before_mg = models.BigIntegerField(null=True)
    pool_mg = models.BigIntegerField(null=True)
    #: The ledger's hold, and the serial ranges under it.
    hold = models.BigIntegerField(unique=True)
    ranges: Any = models.JSONField()
    reserved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="offsetting_reservation_amount", condition=Q(amount_mg__gte=TONNE_MG)
            ),
            models.CheckConstraint(
                name="offsetting_reservation_under_cap",
                condition=Q(used_before_mg__gte=0, cap_mg__gte=F("used_before_mg") + F("amount_mg")),
            ),
            models.CheckConstraint(
                name="offsetting_reservation_under_pool",
                condition=Q(pool_mg__isnull=True)
                | Q(pool_used_before_mg__gte=0, pool_mg__gte=F("pool_used_before_mg") + F("amount_mg")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["jurisdiction", "year", "company"], name="offsetting_reservation_year"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"reservation {self.pk} of {self.company} in {self.jurisdiction}, {self.year}"


class Ending(models.Model):
    """How a reservation ended, once: its tonnes were surrendered, or released."""

    SURRENDERED, RELEASED = "surrendered", "released"

    reservation = models.OneToOneField(Reservation, models.PROTECT, primary_key=True, related_name="ending")
    outcome = models.TextField()
    key = models.TextField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="offsetting_ending_outcome", condition=Q(outcome__in=["surrendered", "released"])
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"reservation {self.reservation_id} {self.outcome}"


class Replacement(models.Model):
    """Tonnes that stand in the place of surrendered ones whose lot was annulled later."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="replacements")
    #: The annulled lot.
    lot = models.TextField()
    amount_mg = models.BigIntegerField()
    ranges: Any = models.JSONField()
    replaced_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reservation", "lot"], name="offsetting_replaced_once"),
            models.CheckConstraint(
                name="offsetting_replacement_amount", condition=Q(amount_mg__gte=TONNE_MG)
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"replacement of {self.lot} in reservation {self.reservation_id}"


class VoluntaryRetirement(models.Model):
    """Whole tonnes that a company retired of its own will: for whom and for what is public, and no cap counts them."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    company = models.BigIntegerField()
    #: Whose tonnes they are: its rules let them be used so.
    jurisdiction = models.TextField()
    amount_mg = models.BigIntegerField()
    beneficiary = models.TextField()
    purpose = models.TextField()
    #: The rule that allowed it, as it was in force on that day.
    rule: Any = models.JSONField()
    ranges: Any = models.JSONField()
    retired_at = models.DateTimeField()

    class Meta:
        db_table = "offsetting_voluntary_retirement"
        constraints: ClassVar = [
            models.CheckConstraint(name="offsetting_voluntary_amount", condition=Q(amount_mg__gte=TONNE_MG)),
            models.CheckConstraint(
                name="offsetting_voluntary_says_why", condition=~Q(beneficiary="") & ~Q(purpose="")
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["company"], name="offsetting_voluntary_company")]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"voluntary retirement {self.pk} of {self.company}"


class Certificate(models.Model):
    """What was surrendered or retired, said once; numbered without a gap, and public. Its credential is signed."""

    number = models.TextField(primary_key=True)
    sequence = models.BigIntegerField(unique=True)
    company = models.BigIntegerField()
    reservation = models.OneToOneField(Reservation, models.PROTECT, null=True, related_name="certificate")
    retirement = models.OneToOneField(
        VoluntaryRetirement, models.PROTECT, null=True, related_name="certificate"
    )
    content: Any = models.JSONField()
    digest = models.TextField()
    #: What certificates had before credentials: a compact JWS without its payload. None is made any more.
    jws = models.TextField(null=True)
    issued_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="offsetting_certificate_sequence", condition=Q(sequence__gte=1)),
            models.CheckConstraint(
                name="offsetting_certificate_of_one_thing",
                condition=Q(reservation__isnull=True, retirement__isnull=False)
                | Q(reservation__isnull=False, retirement__isnull=True),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["company"], name="offsetting_certificate_company")]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"certificate {self.number}"


class CertificateRange(models.Model):
    """Serial numbers of a certificate. No serial is in two certificates (exclusion, see migration 0003)."""

    id = models.BigAutoField(primary_key=True)
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="serial_ranges")
    first = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        db_table = "offsetting_certificate_range"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="offsetting_certificate_range_is_one", condition=Q(first__gte=1, last__gte=F("first"))
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.certificate_id}: {self.first}-{self.last}"
