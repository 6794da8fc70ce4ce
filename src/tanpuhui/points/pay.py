"""Pay: a line of a bank's statement that pays a settlement; the money leaves what was owed to the merchant."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import OUTSIDE
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.models import BankLine
from tanpuhui.points.models import Payment, Settlement
from tanpuhui.points.sponsor import payable_account

REASON, PREFIX = "points.paid", "TPS-"


class Settlements:
    """The claimant of payments to merchants under settlements' references."""

    name = "points.settlement"

    def look(self, entry: Entry) -> Claim | None:
        if not entry.reference.startswith(PREFIX):
            return None
        settlement = Settlement.objects.filter(reference=entry.reference).first()
        is_paid = settlement is not None and Payment.objects.filter(pk=settlement.pk).exists()
        return Claim(entry.reference, why_not(entry, settlement, is_paid=is_paid))

    def take(self, line: BankLine, *, at: datetime) -> None:
        settlement = Settlement.objects.select_related("sponsor").get(reference=line.subject)
        legs = move(
            source=payable_account(settlement.organisation_id),
            target=OUTSIDE,
            asset_id=settlement.sponsor.money_asset,
            amount=settlement.amount_minor,
        )
        order = TransferOrder(f"{REASON}:{settlement.reference}", REASON, line.booked_on, legs)
        tx = transfer(connection, order, at=at).accepted()
        Payment.objects.create(settlement=settlement, line=line, tx_id=tx)


def why_not(entry: Entry, settlement: Settlement | None, *, is_paid: bool) -> str:
    """Why an entry is not the payment of a settlement; nothing where it is."""
    if not entry.is_debit:
        return "money_in"
    if settlement is None:
        return "no_such_settlement"
    if is_paid:
        return "paid_before"
    if entry.currency != settlement.currency:
        return "currency_differs"
    if entry.amount_minor != settlement.amount_minor:
        return "amount_differs"
    return ""
