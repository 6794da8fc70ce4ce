"""Book: what a bank's line does to a money account, in the ledger and with the row that ties the two together."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tanpuhui.ledger.capture import CaptureOrder, Take, capture
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import OUTSIDE, money_asset
from tanpuhui.money.models import BankLine, Booking

IN, OUT = "money.in", "money.out"


def book_in(line: BankLine, account: int, *, at: datetime) -> Booking:
    """Credit an account with the money of a line that came in, once."""
    assert not line.is_debit
    legs = move(source=OUTSIDE, target=account, asset_id=money_asset(line.currency), amount=line.amount_minor)
    order = TransferOrder(f"{IN}:{line.pk}", IN, line.booked_on, legs)
    return _book(line, account, line.amount_minor, transfer(connection, order, at=at).accepted(), at)


def book_out(line: BankLine, account: int, hold_id: int, *, at: datetime) -> Booking:
    """Take the money of a line that went out from what was held for it on an account, once."""
    assert line.is_debit
    takes = (Take(1, OUTSIDE, line.amount_minor),)
    order = CaptureOrder(f"{OUT}:{line.pk}", hold_id, OUT, line.booked_on, takes)
    return _book(line, account, -line.amount_minor, capture(connection, order, at=at).accepted(), at)


def _book(line: BankLine, account: int, amount_minor: int, tx: int, at: datetime) -> Booking:
    return Booking.objects.create(
        line=line, account_id=account, currency=line.currency, amount_minor=amount_minor, tx_id=tx, at=at
    )
