"""Tables of money. All rows are only added: a bank's lines, what they did to money accounts, and withdrawals."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from tanpuhui.access.models import Organisation

NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)
#: What keeps the rows of a table as they are; for this stage and those above it.
KEPT: list[pgtrigger.Trigger] = [
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    NO_TRUNCATE,
]


class KeptAnswer(models.Model):
    """What was answered to a key: a repeat with the same content gets it again, whatever has changed since."""

    key = models.TextField(primary_key=True)
    verb = models.TextField()
    content_digest = models.TextField()
    result: Any = models.JSONField(null=True)
    refusal: Any = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(app_label)s_answer_is_one_of_two",
                condition=Q(result__isnull=True, refusal__isnull=False)
                | Q(result__isnull=False, refusal__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.verb} {self.key}"


class StoredAnswer(KeptAnswer):
    """The answers of money's own verbs."""

    class Meta(KeptAnswer.Meta):
        db_table = "money_answer"
        triggers: ClassVar = KEPT


class BankFile(models.Model):
    """A bank's statement as it was imported, once."""

    id = models.BigAutoField(primary_key=True)
    digest = models.TextField(unique=True)
    statement = models.TextField()
    lines_count = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "money_bank_file"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"bank file {self.statement}"


class BankLine(models.Model):
    """A line of a bank's statement: somebody's payment, or kept with the reason why it is nobody's."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(BankFile, models.PROTECT, related_name="lines")
    number = models.IntegerField()
    #: The bank's own reference of the entry.
    entry = models.TextField()
    reference = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    is_debit = models.BooleanField()
    booked_on = models.DateField()
    #: What tells this entry of the account from every other one, so that it counts once if two statements have it.
    fingerprint = models.TextField()
    #: The account and the bank's own reference of the entry, as a digest; empty where the bank gives none.
    identity = models.TextField(default="")
    #: Whose payment it is (a claimant's name), and of what.
    claimant = models.CharField(max_length=40)
    subject = models.TextField()
    why_not = models.CharField(max_length=40)

    class Meta:
        db_table = "money_bank_line"
        indexes: ClassVar = [
            models.Index(fields=["claimant", "subject"], name="money_bank_line_subject"),
            models.Index(fields=["identity"], condition=~Q(identity=""), name="money_bank_line_identity"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "number"], name="money_bank_line_number"),
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=~Q(why_not="seen_before"),
                name="money_bank_line_counts_once",
            ),
            models.UniqueConstraint(
                fields=["identity"],
                condition=~Q(identity="") & Q(why_not=""),
                name="money_bank_line_pays_once",
            ),
            models.CheckConstraint(
                name="money_bank_line_is_claimed_or_says_why",
                condition=Q(why_not="") & ~Q(claimant="") & ~Q(subject="")
                | ~Q(why_not="") & Q(claimant="", subject=""),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"line {self.number} of {self.file_id}"


class Booking(models.Model):
    """What a bank's line did to a money account here: it came in, or it went out. Money is made in no other way."""

    line = models.OneToOneField(BankLine, models.PROTECT, primary_key=True, related_name="booking")
    #: The ledger's account: an organisation's or a resident's.
    account_id = models.BigIntegerField(db_index=True)
    currency = models.CharField(max_length=3)
    #: Positive came in, negative went out.
    amount_minor = models.BigIntegerField()
    tx_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="money_booking_amount", condition=~Q(amount_minor=0))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"booking of line {self.line_id}"


class Withdrawal(models.Model):
    """Money that an organisation wants out: held until the bank says that it was paid, or until it is cancelled."""

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="withdrawals")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    hold_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="money_withdrawal_amount", condition=Q(amount_minor__gte=1))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the payment out carries as its end-to-end reference."""
        return f"TPW-{self.pk:09d}"


class WithdrawalEnding(models.Model):
    """How a withdrawal ended, once."""

    PAID, CANCELLED = "paid", "cancelled"

    withdrawal = models.OneToOneField(Withdrawal, models.PROTECT, primary_key=True, related_name="ending")
    outcome = models.CharField(max_length=10)
    #: The bank's line that paid it.
    line = models.OneToOneField(BankLine, models.PROTECT, null=True, related_name="withdrawal_ending")
    at = models.DateTimeField()

    class Meta:
        db_table = "money_withdrawal_ending"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="money_withdrawal_paid_by_a_line",
                condition=Q(outcome="paid", line__isnull=False) | Q(outcome="cancelled", line__isnull=True),
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.outcome}: {self.withdrawal_id}"
