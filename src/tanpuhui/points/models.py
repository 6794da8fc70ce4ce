"""Tables of points. All rows are only added; what counts down (stock, a person's limits) is written by functions."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from tanpuhui.access.models import Organisation
from tanpuhui.money.models import KEPT, NO_TRUNCATE, BankLine, KeptAnswer

_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)


class StoredAnswer(KeptAnswer):
    """The answers of the verbs of points."""

    class Meta(KeptAnswer.Meta):
        db_table = "points_answer"
        triggers: ClassVar = KEPT


class Sponsor(models.Model):
    """An organisation that funds points and owes whoever holds them: one point is worth a whole minor unit or more."""

    organisation = models.OneToOneField(
        Organisation, models.PROTECT, primary_key=True, related_name="sponsor"
    )
    code = models.CharField(max_length=60, unique=True)
    currency = models.CharField(max_length=3)
    point_value_minor = models.BigIntegerField()
    #: The ledger's numbers of this sponsor's points and of the money behind them.
    points_asset = models.IntegerField(unique=True)
    money_asset = models.IntegerField(unique=True)
    opened_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="points_sponsor_value", condition=Q(point_value_minor__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"sponsor {self.code}"


class Funding(models.Model):
    """Money that came into a sponsor's budget, once under the reference by which its bank knows the payment."""

    id = models.BigAutoField(primary_key=True)
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, related_name="fundings")
    reference = models.TextField()
    amount_minor = models.BigIntegerField()
    tx_id = models.BigIntegerField(unique=True)
    #: The bank's line that says so; nothing where the operator stated the payment.
    line = models.OneToOneField(BankLine, models.PROTECT, null=True, related_name="funding")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sponsor", "reference"], name="points_funding_reference_once"),
            models.CheckConstraint(
                name="points_funding_says_what", condition=Q(amount_minor__gte=1) & ~Q(reference="")
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"funding {self.reference} of {self.sponsor_id}"


class Conversion(models.Model):
    """Reductions of one resident that became points, under which rule, once."""

    id = models.BigAutoField(primary_key=True)
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, related_name="+")
    account = models.BigIntegerField(db_index=True)
    points = models.BigIntegerField()
    amount_mg = models.BigIntegerField()
    mg_per_point = models.BigIntegerField()
    consumed = models.BooleanField()
    jurisdiction = models.TextField()
    rule: Any = models.JSONField()
    tx_id = models.BigIntegerField(unique=True)
    expires_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_conversion_is_its_rate",
                condition=Q(points__gte=1, mg_per_point__gte=1, amount_mg=F("points") * F("mg_per_point")),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"conversion {self.pk}: {self.amount_mg} mg, {self.points} points"


class ConversionLine(models.Model):
    """How much of which lot a conversion took; a trigger sees that no milligram converts twice."""

    id = models.BigAutoField(primary_key=True)
    conversion = models.ForeignKey(Conversion, models.PROTECT, related_name="lines")
    account = models.BigIntegerField()
    #: The ledger's number of the lot.
    asset = models.IntegerField()
    amount_mg = models.BigIntegerField()

    class Meta:
        db_table = "points_conversion_line"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversion", "asset"], name="points_conversion_lot_once"),
            models.CheckConstraint(name="points_conversion_line_amount", condition=Q(amount_mg__gte=1)),
        ]
        indexes: ClassVar = [models.Index(fields=["account", "asset"], name="points_converted")]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.amount_mg} mg of conversion {self.conversion_id}"


class Purchase(models.Model):
    """Points that an organisation bought of a sponsor for residents, with money, at what one of them is worth."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, related_name="+")
    buyer = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    points = models.BigIntegerField()
    point_value_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    residents = models.BigIntegerField()
    #: The transaction of the ledger that made the points.
    tx_id = models.BigIntegerField(unique=True)
    expires_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_purchase_is_its_worth",
                condition=Q(points__gte=1, amount_minor=F("points") * F("point_value_minor")),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"purchase {self.pk}: {self.points} points of {self.sponsor_id}"


class TakeBack(models.Model):
    """Points that went back because their reduction was clawed back, and spent ones: the sponsor's loss."""

    id = models.BigAutoField(primary_key=True)
    conversion = models.ForeignKey(Conversion, models.PROTECT, related_name="taken_back")
    account = models.BigIntegerField()
    #: What of the conversion's reductions was clawed back when this was written, in all.
    clawed_back_mg = models.BigIntegerField()
    points = models.BigIntegerField()
    lost_points = models.BigIntegerField()
    tx_id = models.BigIntegerField(null=True, unique=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "points_take_back"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversion", "clawed_back_mg"], name="points_taken_back_once"),
            models.CheckConstraint(
                name="points_take_back_amounts",
                condition=Q(points__gte=1, lost_points__gte=0, tx_id__isnull=False, clawed_back_mg__gte=1)
                | Q(points=0, lost_points__gte=1, tx_id__isnull=True, clawed_back_mg__gte=1),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.points} points of conversion {self.conversion_id} taken back, {self.lost_points} lost"


class Earning(models.Model):
    """Points that came to a resident, and until when they are good; the oldest are used first."""

    CONVERSION, TRANSFER, REFUND, PURCHASE = "conversion", "transfer", "refund", "purchase"

    id = models.BigAutoField(primary_key=True)
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, related_name="+", db_index=False)
    account = models.BigIntegerField()
    points = models.BigIntegerField()
    via = models.CharField(max_length=10)
    tx_id = models.BigIntegerField()
    expires_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_earning_via",
                condition=Q(via__in=["conversion", "transfer", "refund", "purchase"]),
            ),
            models.CheckConstraint(name="points_earning_points", condition=Q(points__gte=1)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["sponsor", "account", "expires_at"], name="points_earning_expiry")
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.points} points of account {self.account} until {self.expires_at:%Y-%m-%d}"


class Offer(models.Model):
    """Something that points are good for, as it was published; it ends by its date, or is stopped."""

    DISCOUNT, PUBLIC_SERVICE, FINANCIAL, DONATION = "discount", "public_service", "financial", "donation"
    KINDS: ClassVar = (DISCOUNT, PUBLIC_SERVICE, FINANCIAL, DONATION)

    id = models.BigAutoField(primary_key=True)
    code = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=20)
    #: Who gives what is offered, and is paid for it.
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="offers")
    #: Whose points are taken; a financial product may ask for none.
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, null=True, related_name="offers")
    title_zh = models.CharField(max_length=80)
    title_en = models.CharField(max_length=80)
    text_zh = models.TextField()
    text_en = models.TextField()
    price_points = models.BigIntegerField()
    stock = models.BigIntegerField(null=True)
    budget_points = models.BigIntegerField(null=True)
    per_person = models.BigIntegerField(null=True)
    per_person_day = models.BigIntegerField(null=True)
    per_day = models.BigIntegerField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    #: How long a code is good, how much longer what was accepted offline may arrive, and up to how many points.
    code_s = models.IntegerField()
    offline_s = models.IntegerField()
    offline_points = models.BigIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_offer_kind",
                condition=Q(kind__in=["discount", "public_service", "financial", "donation"]),
            ),
            models.CheckConstraint(
                name="points_offer_price",
                condition=Q(kind="financial", price_points__gte=0)
                | Q(price_points__gte=1, sponsor__isnull=False),
            ),
            models.CheckConstraint(
                name="points_offer_price_is_somebodys", condition=Q(price_points=0) | Q(sponsor__isnull=False)
            ),
            models.CheckConstraint(name="points_offer_dates", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="points_offer_limits",
                condition=(Q(stock__isnull=True) | Q(stock__gte=1))
                & (Q(budget_points__isnull=True) | Q(budget_points__gte=1))
                & (Q(per_person__isnull=True) | Q(per_person__gte=1))
                & (Q(per_person_day__isnull=True) | Q(per_person_day__gte=1))
                & (Q(per_day__isnull=True) | Q(per_day__gte=1)),
            ),
            models.CheckConstraint(
                name="points_offer_code",
                condition=Q(code_s__gte=30, code_s__lte=86_400 * 31, offline_s__gte=0, offline_points__gte=0),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"offer {self.code}"

    def title(self, language: str) -> str:
        return self.title_zh if language.startswith("zh") else self.title_en

    def text(self, language: str) -> str:
        return self.text_zh if language.startswith("zh") else self.text_en


class Terms(models.Model):
    """What a financial product gives to a tier. One row a tier: the same tier always gets the same terms."""

    id = models.BigAutoField(primary_key=True)
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="terms")
    least_kg = models.BigIntegerField()
    #: Off the yearly rate, in hundredths of a percentage point; nothing for a benefit of another sort.
    rate_discount_bp = models.IntegerField(null=True)
    text_zh = models.TextField()
    text_en = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["offer", "least_kg"], name="points_same_tier_same_terms"),
            models.CheckConstraint(name="points_terms_least", condition=Q(least_kg__gte=0)),
            models.CheckConstraint(
                name="points_terms_rate",
                condition=Q(rate_discount_bp__isnull=True)
                | Q(rate_discount_bp__gte=1, rate_discount_bp__lte=10_000),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"terms of {self.offer_id} from {self.least_kg} kg"


class Stop(models.Model):
    """An offer was stopped before its date, by whoever gives it."""

    offer = models.OneToOneField(Offer, models.PROTECT, primary_key=True, related_name="stop")
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"stop of offer {self.offer_id}"


class Stripe(models.Model):
    """A part of what is left of an offer, in all or of one day: many small counters, so that no row is everybody's."""

    pk = models.CompositePrimaryKey("offer_id", "day", "stripe")
    offer_id = models.BigIntegerField()
    #: The last day there is stands for all days together.
    day = models.DateField()
    stripe = models.SmallIntegerField()
    left = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="points_stripe_left", condition=Q(left__gte=0))]
        triggers: ClassVar = [_NO_DELETE, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.left} in stripe {self.stripe} of offer {self.offer_id}"


class Use(models.Model):
    """How many of an offer somebody has had, in all and on the last day they had one; for offers with such limits."""

    pk = models.CompositePrimaryKey("offer_id", "account")
    offer_id = models.BigIntegerField()
    account = models.BigIntegerField()
    total = models.BigIntegerField()
    day = models.DateField()
    day_total = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="points_use_counts", condition=Q(total__gte=0, day_total__gte=0))
        ]
        triggers: ClassVar = [_NO_DELETE, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.total} of offer {self.offer_id} to account {self.account}"


class Redemption(models.Model):
    """Somebody asked for an offer: points are held for it, or it was refused, for good. How it ended is a closing."""

    HELD, REFUSED = "held", "refused"

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    offer_id = models.BigIntegerField()
    organisation_id = models.BigIntegerField()
    sponsor_id = models.BigIntegerField(null=True)
    account = models.BigIntegerField(db_index=True)
    quantity = models.BigIntegerField()
    points = models.BigIntegerField()
    state = models.CharField(max_length=10)
    refusal: Any = models.JSONField(null=True)
    hold_id = models.BigIntegerField(null=True)
    terms_id = models.BigIntegerField(null=True)
    grant_id = models.BigIntegerField(null=True)
    #: The local day it counts for.
    day = models.DateField()
    opened_at = models.DateTimeField()
    #: Until when its code is good, and until when points are held for it.
    good_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_redemption_state", condition=Q(state__in=["held", "refused"])
            ),
            models.CheckConstraint(
                name="points_redemption_refusal",
                condition=Q(state="refused", refusal__isnull=False) | Q(state="held", refusal__isnull=True),
            ),
            models.CheckConstraint(
                name="points_redemption_hold",
                condition=Q(state="refused") | Q(points=0) | Q(hold_id__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="points_redemption_expiry"),
            models.Index(
                fields=["grant_id"], name="points_redemption_grant", condition=Q(grant_id__isnull=False)
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"redemption {self.pk}"


class Closing(models.Model):
    """How a redemption ended. One row a redemption: what was captured is never captured again, nor released."""

    CAPTURED, RELEASED, EXPIRED = "captured", "released", "expired"

    redemption = models.OneToOneField(
        Redemption, models.PROTECT, primary_key=True, related_name="closing", db_constraint=False
    )
    key = models.TextField()
    content_digest = models.TextField()
    state = models.CharField(max_length=10)
    organisation_id = models.BigIntegerField()
    sponsor_id = models.BigIntegerField(null=True)
    quantity = models.BigIntegerField()
    points = models.BigIntegerField()
    tx_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_closing_state", condition=Q(state__in=["captured", "released", "expired"])
            ),
            models.CheckConstraint(
                name="points_closing_takes",
                condition=Q(state="captured", quantity__gte=1) | Q(quantity=0, points=0, tx_id__isnull=True),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organisation_id", "at"], name="points_closing_merchant")]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"redemption {self.redemption_id} {self.state}"


class Refund(models.Model):
    """Points of a captured redemption that went back, all or a part; a trigger sees that it is never more."""

    id = models.BigAutoField(primary_key=True)
    redemption = models.ForeignKey(Redemption, models.PROTECT, related_name="refunds")
    organisation_id = models.BigIntegerField()
    sponsor_id = models.BigIntegerField()
    points = models.BigIntegerField()
    reason = models.TextField()
    tx_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="points_refund_points", condition=Q(points__gte=1))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"refund {self.pk} of redemption {self.redemption_id}"


class Settlement(models.Model):
    """What a sponsor owes a merchant for the points it took, through a moment: lines, points, money."""

    id = models.BigAutoField(primary_key=True)
    #: What the payment carries as its reference.
    reference = models.CharField(max_length=35, unique=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="settlements")
    sponsor = models.ForeignKey(Sponsor, models.PROTECT, related_name="settlements")
    points = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    lines_count = models.BigIntegerField()
    tx_id = models.BigIntegerField(unique=True)
    through_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="points_settlement_amounts",
                condition=Q(points__gte=1, amount_minor__gte=1, lines_count__gte=1),
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"settlement {self.reference}"


class SettlementLine(models.Model):
    """A capture or a refund that a settlement has; each is settled once."""

    id = models.BigAutoField(primary_key=True)
    settlement = models.ForeignKey(Settlement, models.PROTECT, related_name="lines")
    redemption_id = models.BigIntegerField()
    refund_id = models.BigIntegerField(null=True)
    #: What the merchant gets for it; negative for a refund.
    points = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    booked_at = models.DateTimeField()

    class Meta:
        db_table = "points_settlement_line"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["redemption_id"],
                condition=Q(refund_id__isnull=True),
                name="points_capture_settled_once",
            ),
            models.UniqueConstraint(fields=["refund_id"], name="points_refund_settled_once"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"line {self.pk} of settlement {self.settlement_id}"


class Payment(models.Model):
    """The line of a bank's statement that paid a settlement, once."""

    settlement = models.OneToOneField(Settlement, models.PROTECT, primary_key=True, related_name="payment")
    line = models.OneToOneField(BankLine, models.PROTECT, related_name="settlement_payment")
    tx_id = models.BigIntegerField(unique=True)

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"payment of settlement {self.settlement_id}"


class Outbox(models.Model):
    """What a bank must be told: a consent under which somebody has its product has ended."""

    id = models.BigAutoField(primary_key=True)
    organisation_id = models.BigIntegerField()
    redemption_id = models.BigIntegerField()
    grant_id = models.BigIntegerField()
    state = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["redemption_id", "grant_id", "state"], name="points_outbox_said_once"
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.state} to {self.organisation_id}"


class Callback(models.Model):
    """Where a bank takes its messages, or that it takes none any more; the last row counts."""

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    #: Empty where nothing is to be sent.
    url = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"callback of {self.organisation_id}"


class Attempt(models.Model):
    """A message was sent and not taken: what was answered, or why there was no answer."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Outbox, models.PROTECT, related_name="attempts")
    url = models.TextField()
    #: The HTTP status; nothing where there was no answer.
    status = models.IntegerField(null=True)
    why_not = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"attempt at {self.message_id}: {self.status or self.why_not}"


class Delivery(models.Model):
    """A message of the outbox was taken by whom it is for."""

    message = models.OneToOneField(Outbox, models.PROTECT, primary_key=True, related_name="delivery")
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"delivery of {self.message_id}"
