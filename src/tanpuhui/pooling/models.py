"""Tables of pooling: pools, on which terms residents are in, rounds with who lent what, sales, and what came back.

Rows are only added. What sums to what is judged by triggers (``sql/rules.sql``), for every client.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from tanpuhui.access.models import Organisation
from tanpuhui.consent.models import Grant
from tanpuhui.market.models import Listing
from tanpuhui.money.models import KEPT, BankLine
from tanpuhui.points.models import Sponsor

MONEY, POINTS = "money", "points"
DIRECT, MARKET = "direct", "market"


class Pool(models.Model):
    """An organisation that sells residents' tonnes for them, in one currency, and what it pays with, for good."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="pool")
    code = models.CharField(max_length=60, unique=True)
    jurisdiction = models.TextField()
    currency = models.CharField(max_length=3)
    pays = models.CharField(max_length=6)
    #: Whose points it pays with, at what one of them is worth; what is below a point is paid in money.
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_pool_pays",
                condition=Q(pays=MONEY, sponsor__isnull=True) | Q(pays=POINTS, sponsor__isnull=False),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"pool {self.code}"


class Terms(models.Model):
    """On which terms somebody is in a pool; the newest under the consent in force counts."""

    id = models.BigAutoField(primary_key=True)
    pool = models.ForeignKey(Pool, models.PROTECT, related_name="+", db_index=False)
    account = models.BigIntegerField()
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="+")
    #: Minor units of the pool's currency for a tonne.
    min_price_minor = models.BigIntegerField()
    #: Years of acts; without them, all.
    vintages = ArrayField(models.IntegerField(), null=True)
    said_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_terms_price",
                condition=Q(min_price_minor__gte=0, min_price_minor__lte=100_000_000),
            ),
            models.CheckConstraint(
                name="pooling_terms_vintages", condition=Q(vintages__isnull=True) | Q(vintages__len__gte=1)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["pool", "account", "-id"], name="pooling_terms_newest"),
            models.Index(fields=["account"], name="pooling_terms_account"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"terms of account {self.account} in {self.pool_id}"


class Round(models.Model):
    """Whole tonnes of one lot that residents lent to be sold at a price or more."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    pool = models.ForeignKey(Pool, models.PROTECT, related_name="rounds")
    lot = models.TextField()
    vintage = models.IntegerField()
    tonnes = models.BigIntegerField()
    #: The least that a tonne is sold for, in minor units.
    price_minor = models.BigIntegerField()
    residents = models.BigIntegerField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_round_amounts",
                condition=Q(tonnes__gte=1, price_minor__gte=1, residents__gte=1),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"round {self.pk} of {self.pool_id}: {self.tonnes} t of {self.lot}"


class Share(models.Model):
    """What one resident lent to a round, under which consent."""

    id = models.BigAutoField(primary_key=True)
    round = models.ForeignKey(Round, models.PROTECT, related_name="shares", db_index=False)
    account = models.BigIntegerField(db_index=True)
    grant_number = models.BigIntegerField()
    amount_mg = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "account"], name="pooling_share_once"),
            models.CheckConstraint(name="pooling_share_amount", condition=Q(amount_mg__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.amount_mg} mg of account {self.account} in round {self.round_id}"


class Keeping(models.Model):
    """The ledger's hold under which what a round has not sold is locked; the newest counts."""

    id = models.BigAutoField(primary_key=True)
    round = models.ForeignKey(Round, models.PROTECT, related_name="keepings")
    hold = models.BigIntegerField(unique=True)
    tonnes = models.BigIntegerField()
    kept_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="pooling_keeping_tonnes", condition=Q(tonnes__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.tonnes} t of round {self.round_id} under hold {self.hold}"


class Offering(models.Model):
    """Tonnes of a round that are, or were, listed on the market: what is traded of the listing is sold of the round."""

    listing = models.OneToOneField(Listing, models.PROTECT, primary_key=True, related_name="+")
    round = models.ForeignKey(Round, models.PROTECT, related_name="offerings")
    key = models.TextField()
    tonnes = models.BigIntegerField()
    listed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="pooling_offering_tonnes", condition=Q(tonnes__gte=1)),
            models.UniqueConstraint(fields=["round", "key"], name="pooling_offering_once"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.tonnes} t of round {self.round_id} in listing {self.listing_id}"


class Sale(models.Model):
    """Tonnes of a round that a company bought, for how much, and the serial numbers that went."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    round = models.ForeignKey(Round, models.PROTECT, related_name="sales")
    via = models.CharField(max_length=6)
    #: The trade, of what went over the market.
    reference = models.TextField()
    #: The ledger's owner.
    buyer = models.BigIntegerField()
    tonnes = models.BigIntegerField()
    #: The round's, so that the database sees that no tonne goes for less.
    price_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    ranges: Any = models.JSONField()
    sold_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="pooling_sale_via", condition=Q(via__in=[DIRECT, MARKET])),
            models.CheckConstraint(
                name="pooling_sale_price",
                condition=Q(tonnes__gte=1, amount_minor__gte=F("tonnes") * F("price_minor")),
            ),
            models.UniqueConstraint(fields=["via", "reference", "round"], name="pooling_sale_once"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"sale {self.pk}: {self.tonnes} t of round {self.round_id}"


class SaleShare(models.Model):
    """What of somebody's share a sale took, and what is due for it: points at their value, and the rest in money."""

    id = models.BigAutoField(primary_key=True)
    sale = models.ForeignKey(Sale, models.PROTECT, related_name="shares", db_index=False)
    account = models.BigIntegerField(db_index=True)
    amount_mg = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    points = models.BigIntegerField(default=0)
    point_value_minor = models.BigIntegerField(default=0)
    #: What of the amount is money.
    money_minor = models.BigIntegerField()

    class Meta:
        db_table = "pooling_sale_share"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sale", "account"], name="pooling_sale_share_once"),
            models.CheckConstraint(
                name="pooling_sale_share_amounts",
                condition=Q(amount_mg__gte=1, points__gte=0, point_value_minor__gte=0, money_minor__gte=0)
                & Q(amount_minor=F("points") * F("point_value_minor") + F("money_minor")),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.amount_minor} of sale {self.sale_id} for account {self.account}"


class PayOut(models.Model):
    """A sale was paid out, once."""

    sale = models.OneToOneField(Sale, models.PROTECT, primary_key=True, related_name="pay_out")
    key = models.TextField(unique=True)
    money_minor = models.BigIntegerField()
    points = models.BigIntegerField()
    points_minor = models.BigIntegerField()
    residents = models.BigIntegerField()
    paid_at = models.DateTimeField()

    class Meta:
        db_table = "pooling_pay_out"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_pay_out_amounts",
                condition=Q(money_minor__gte=0, points__gte=0, points_minor__gte=0, residents__gte=0),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"pay-out of sale {self.sale_id}"


class Closing(models.Model):
    """A round ended, once: what was not sold went back. Of a lot that was annulled nothing is left to go back."""

    round = models.OneToOneField(Round, models.PROTECT, primary_key=True, related_name="closing")
    tonnes_back = models.BigIntegerField()
    annulled = models.BooleanField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_closing_tonnes",
                condition=Q(tonnes_back__gte=0) & (Q(annulled=False) | Q(tonnes_back=0)),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"round {self.round_id} closed, {self.tonnes_back} t went back"


class Returned(models.Model):
    """What somebody got back of their share when a round closed."""

    id = models.BigAutoField(primary_key=True)
    closing = models.ForeignKey(Closing, models.PROTECT, related_name="returned", db_index=False)
    account = models.BigIntegerField(db_index=True)
    amount_mg = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["closing", "account"], name="pooling_returned_once"),
            models.CheckConstraint(name="pooling_returned_amount", condition=Q(amount_mg__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.amount_mg} mg back to account {self.account}"


class Payee(models.Model):
    """Where a resident's bank pays them: a token it gave them, which says nothing to anybody else. In the vault."""

    account = models.BigIntegerField(primary_key=True)
    token = models.TextField()
    said_at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."payee'
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_payee_token", condition=Q(token__regex=r"^[A-Za-z0-9-]{8,64}$")
            ),
        ]

    def __str__(self) -> str:
        return f"payee of account {self.account}"


class Withdrawal(models.Model):
    """A resident's money that is to be paid to them: held until the bank says that it was paid, or let go."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    account = models.BigIntegerField(db_index=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    hold_id = models.BigIntegerField(unique=True)
    asked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="pooling_withdrawal_amount", condition=Q(amount_minor__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the payment out carries as its end-to-end reference."""
        return f"TPR-{self.pk:09d}"


class WithdrawalEnding(models.Model):
    """How a resident's withdrawal ended, once."""

    PAID, CANCELLED = "paid", "cancelled"

    withdrawal = models.OneToOneField(Withdrawal, models.PROTECT, primary_key=True, related_name="ending")
    outcome = models.CharField(max_length=10)
    #: The bank's line that paid it.
    line = models.OneToOneField(BankLine, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "pooling_withdrawal_ending"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="pooling_withdrawal_paid_by_a_line",
                condition=Q(outcome="paid", line__isnull=False) | Q(outcome="cancelled", line__isnull=True),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.outcome}: {self.withdrawal_id}"
