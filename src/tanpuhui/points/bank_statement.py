"""Bank statement: import what a bank says was paid; a line that matches no settlement is kept and listed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tanpuhui.kit.digest import digest_bytes
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points import camt
from tanpuhui.points.models import BankFile, BankLine, Settlement
from tanpuhui.points.money import to_text
from tanpuhui.points.sponsor import OUTSIDE, payable_account

REASON = "points.paid"


def import_statement(body: bytes, *, at: datetime) -> dict[str, Any]:
    """Take a camt.053 file once, in the caller's transaction: money out matches settlements by reference and amount.

    The same file again gives the same answer. Nothing is guessed: what does not match exactly is kept with the reason.
    """
    digest = digest_bytes(body)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.bank', 0))")
    known = BankFile.objects.filter(digest=digest).first()
    if known is not None:
        return describe(known)
    found = camt.read(body)
    with transaction.atomic():
        file = BankFile.objects.create(
            digest=digest, statement=found.id, lines_count=len(found.entries), at=at
        )
        for entry in found.entries:
            _take(file, entry, at)
    return describe(file)


def unmatched() -> list[BankLine]:
    """Every line that is nobody's payment, with why, oldest first."""
    return list(BankLine.objects.filter(settlement__isnull=True).select_related("file").order_by("id"))


def describe(file: BankFile) -> dict[str, Any]:
    """A file with how many of its lines are payments, and those that are none."""
    lines = list(file.lines.select_related("settlement").order_by("number"))
    return {
        "statement": file.statement,
        "digest": file.digest,
        "lines": len(lines),
        "matched": [line.settlement.reference for line in lines if line.settlement],
        "unmatched": [describe_line(line) for line in lines if not line.settlement],
    }


def describe_line(line: BankLine) -> dict[str, Any]:
    """A line as JSON-ready values."""
    return {
        "line": line.number,
        "entry": line.entry,
        "reference": line.reference,
        "amount": to_text(-line.amount_minor if line.is_debit else line.amount_minor, line.currency),
        "currency": line.currency,
        "booked_on": line.booked_on.isoformat(),
        "why": line.why_not,
    }


def why_not(entry: camt.Entry, settlement: Settlement | None, *, is_paid: bool) -> str:
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


def _take(file: BankFile, entry: camt.Entry, at: datetime) -> None:
    settlement = Settlement.objects.filter(reference=entry.reference).select_related("sponsor").first()
    is_paid = settlement is not None and BankLine.objects.filter(settlement=settlement).exists()
    reason = why_not(entry, settlement, is_paid=is_paid)
    tx = None
    if not reason:
        assert settlement is not None
        legs = move(
            source=payable_account(settlement.organisation_id),
            target=OUTSIDE,
            asset_id=settlement.sponsor.money_asset,
            amount=settlement.amount_minor,
        )
        order = TransferOrder(f"{REASON}:{settlement.reference}", REASON, entry.booked_on, legs)
        tx = transfer(connection, order, at=at).accepted()
    BankLine.objects.create(
        file=file,
        **vars(entry),
        settlement=None if reason else settlement,
        tx_id=tx,
        why_not=reason,
    )
