"""Tables of the market. All rows are only added: an order, what locks its units, its trades, and how each ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from tanpuhui.access.models import Organisation
from tanpuhui.money.models import KEPT, BankLine, KeptAnswer
from tanpuhui.registry.models import Lot


class StoredAnswer(KeptAnswer):
    """The answers of the market's verbs."""

    class Meta(KeptAnswer.Meta):
        db_table = "market_answer"
        triggers: ClassVar = KEPT


class Membership(models.Model):
    """From a moment on an organisation may trade, or may not, and why; the newest row counts."""

    ADMITTED, SUSPENDED = "admitted", "suspended"

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="market_memberships")
    state = models.CharField(max_length=10)
    #: Organisations of one group do not trade with each other; empty for one that is its own.
    group = models.CharField(max_length=60)
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="market_membership_state", condition=Q(state__in=["admitted", "suspended"])
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.state}"


class Offered(models.Model):
    """What a seller offers: whole tonnes of a lot. ``rule`` names the rule that it was ordered under."""

    id = models.BigAutoField(primary_key=True)
    seller = models.ForeignKey(Organisation, models.PROTECT, related_name="%(class)ss")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="%(class)ss")
    tonnes = models.BigIntegerField()
    #: Minor units a tonne: the price asked, and of an auction the least.
    price_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    rule = models.TextField()
    #: From here on nobody takes it, accepts it, or bids.
    expires_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_sound",
                condition=Q(tonnes__gte=1, price_minor__gte=1, expires_at__gt=F("at")),
            )
        ]

    @property
    def product(self) -> str:
        """What prices are compared with: units of one place."""
        return self.lot.jurisdiction


class Listing(Offered):
    """Tonnes at a price, for whoever takes them, all or a part."""

    class Meta(Offered.Meta):
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"listing {self.pk}"


class Proposal(Offered):
    """Tonnes at a price, for one buyer."""

    buyer = models.ForeignKey(Organisation, models.PROTECT, related_name="proposals_for")

    class Meta(Offered.Meta):
        constraints: ClassVar = [
            *Offered.Meta.constraints,
            models.CheckConstraint(name="market_proposal_two_sides", condition=~Q(buyer=F("seller"))),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"proposal {self.pk}"


class Auction(Offered):
    """Tonnes for sealed bids at one price, which is the reserve price at least."""

    class Meta(Offered.Meta):
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"auction {self.pk}"


class Ending(models.Model):
    """How something ended, once. ``lost`` says that its lot was annulled meanwhile."""

    outcome = models.CharField(max_length=10)
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        abstract = True


class ListingEnding(Ending):
    """A listing is taken, cancelled, expired or lost."""

    TAKEN, CANCELLED, EXPIRED, LOST = "taken", "cancelled", "expired", "lost"

    listing = models.OneToOneField(Listing, models.PROTECT, primary_key=True, related_name="ending")

    class Meta:
        db_table = "market_listing_ending"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"listing {self.listing_id} {self.outcome}"


class ProposalEnding(Ending):
    """A proposal is accepted, declined, cancelled, expired or lost."""

    ACCEPTED, DECLINED, CANCELLED, EXPIRED, LOST = "accepted", "declined", "cancelled", "expired", "lost"

    proposal = models.OneToOneField(Proposal, models.PROTECT, primary_key=True, related_name="ending")

    class Meta:
        db_table = "market_proposal_ending"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"proposal {self.proposal_id} {self.outcome}"


class AuctionEnding(Ending):
    """An auction is cleared, cancelled or lost; a cleared one has its price and how it came about."""

    CLEARED, CANCELLED, LOST = "cleared", "cancelled", "lost"

    auction = models.OneToOneField(Auction, models.PROTECT, primary_key=True, related_name="ending")
    price_minor = models.BigIntegerField(null=True)
    sold_t = models.BigIntegerField()
    above_t = models.BigIntegerField()
    at_price_t = models.BigIntegerField()

    class Meta:
        db_table = "market_auction_ending"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="market_auction_cleared_has_a_price",
                condition=Q(outcome="cleared", price_minor__isnull=False)
                | ~Q(outcome="cleared") & Q(price_minor__isnull=True, sold_t=0),
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"auction {self.auction_id} {self.outcome}"


class Bid(models.Model):
    """A sealed bid, with its money held: nothing of it is shown before the auction is cleared."""

    id = models.BigAutoField(primary_key=True)
    auction = models.ForeignKey(Auction, models.PROTECT, related_name="bids")
    buyer = models.ForeignKey(Organisation, models.PROTECT, related_name="bids")
    price_minor = models.BigIntegerField()
    tonnes = models.BigIntegerField()
    hold_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="market_bid_sound", condition=Q(price_minor__gte=1, tonnes__gte=1))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"bid {self.pk}"


class BidEnding(models.Model):
    """What a bid got, and why."""

    bid = models.OneToOneField(Bid, models.PROTECT, primary_key=True, related_name="ending")
    tonnes = models.BigIntegerField()
    why: Any = models.JSONField()

    class Meta:
        db_table = "market_bid_ending"
        constraints: ClassVar = [
            models.CheckConstraint(name="market_bid_ending_sound", condition=Q(tonnes__gte=0))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"bid {self.bid_id} got {self.tonnes} t"


class Trade(models.Model):
    """Tonnes of a lot for money, between two members. It is made once; its ending says whether both sides moved.

    One of ``listing``, ``proposal`` and ``auction`` is where it came from. Without money at once it waits: its units
    stay locked until the money comes under its reference, or ``pay_by`` is over.
    """

    LISTING, NEGOTIATED, AUCTION = "listing", "negotiated", "auction"

    id = models.BigAutoField(primary_key=True)
    way = models.CharField(max_length=10)
    seller = models.ForeignKey(Organisation, models.PROTECT, related_name="sales")
    buyer = models.ForeignKey(Organisation, models.PROTECT, related_name="purchases")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="trades")
    product = models.TextField()
    tonnes = models.BigIntegerField()
    price_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    listing = models.ForeignKey(Listing, models.PROTECT, null=True, related_name="trades")
    proposal = models.OneToOneField(Proposal, models.PROTECT, null=True, related_name="trade")
    auction = models.ForeignKey(Auction, models.PROTECT, null=True, related_name="trades")
    bid = models.OneToOneField(Bid, models.PROTECT, null=True, related_name="trade")
    pay_by = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="market_trade_sound",
                condition=Q(tonnes__gte=1, price_minor__gte=1, amount_minor=F("price_minor") * F("tonnes"))
                & ~Q(buyer=F("seller")),
            ),
            models.CheckConstraint(
                name="market_trade_way",
                condition=Q(way="listing", listing__isnull=False, proposal__isnull=True, auction__isnull=True)
                | Q(way="negotiated", listing__isnull=True, proposal__isnull=False, auction__isnull=True)
                | Q(
                    way="auction",
                    listing__isnull=True,
                    proposal__isnull=True,
                    auction__isnull=False,
                    bid__isnull=False,
                ),
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the buyer's payment carries as its end-to-end reference."""
        return f"TPM-{self.pk:09d}"

    @property
    def settled_at(self) -> datetime | None:
        """When both sides moved; ``None`` for a trade that waits or ended otherwise."""
        ending: TradeEnding | None = getattr(self, "ending", None)
        return ending.at if ending is not None and ending.outcome == TradeEnding.SETTLED else None


class TradeEnding(models.Model):
    """How a trade ended, once: settled with both transactions of the ledger, or expired or lost, with none."""

    SETTLED, EXPIRED, LOST = "settled", "expired", "lost"

    trade = models.OneToOneField(Trade, models.PROTECT, primary_key=True, related_name="ending")
    outcome = models.CharField(max_length=10)
    #: The local day under which the price history has it.
    day = models.DateField(db_index=True)
    units_tx = models.BigIntegerField(null=True)
    money_tx = models.BigIntegerField(null=True)
    ranges: Any = models.JSONField()
    #: The line of a bank's statement that brought the money, where it was waited for.
    line = models.OneToOneField(BankLine, models.PROTECT, null=True, related_name="trade_ending")
    at = models.DateTimeField()

    class Meta:
        db_table = "market_trade_ending"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="market_trade_settled_moved_both",
                condition=Q(outcome="settled", units_tx__isnull=False, money_tx__isnull=False)
                | Q(outcome__in=["expired", "lost"], units_tx__isnull=True, money_tx__isnull=True),
            )
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"trade {self.trade_id} {self.outcome}"


class UnitLock(models.Model):
    """A hold of the registry for something on the market; the newest of each is the one that counts."""

    hold_id = models.BigIntegerField(primary_key=True)
    seller = models.ForeignKey(Organisation, models.PROTECT, related_name="unit_locks")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="unit_locks")
    tonnes = models.BigIntegerField()
    listing = models.ForeignKey(Listing, models.PROTECT, null=True, related_name="locks")
    proposal = models.ForeignKey(Proposal, models.PROTECT, null=True, related_name="locks")
    auction = models.ForeignKey(Auction, models.PROTECT, null=True, related_name="locks")
    trade = models.OneToOneField(Trade, models.PROTECT, null=True, related_name="lock")
    at = models.DateTimeField()

    class Meta:
        db_table = "market_unit_lock"
        constraints: ClassVar = [
            models.CheckConstraint(name="market_unit_lock_tonnes", condition=Q(tonnes__gte=1))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.tonnes} t of {self.lot_id} under hold {self.hold_id}"
