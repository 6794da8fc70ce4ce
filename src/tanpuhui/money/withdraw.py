"""Withdraw: an organisation asks for money out; it is held until the bank says that it was paid, or is let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.money.account import available_minor, get_organisation, lock_money, money_account, money_asset
from tanpuhui.money.amounts import to_minor, to_text
from tanpuhui.money.answer import Answer, once
from tanpuhui.money.book import book_out
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.money.models import BankLine, Withdrawal, WithdrawalEnding
from tanpuhui.money.refusals import NotEnoughMoney, UnknownWithdrawal, WithdrawalEnded

REASON, PREFIX = "money.withdraw", "TPW-"


@dataclass(frozen=True)
class WithdrawOrder:
    """An amount of an organisation's money that is to be paid to its own account with a bank, once under its key."""

    key: str
    organisation: str
    amount: str
    currency: str


def withdraw(order: WithdrawOrder, *, at: datetime) -> Answer:
    """Hold money for a payment out, in the caller's transaction; the operator pays it under the reference answered."""
    content = [order.organisation, order.amount, order.currency]
    return once("withdraw", order.key, content, lambda: _withdraw(order, at), at=at)


def cancel_withdrawal(reference: str, *, key: str, at: datetime) -> Answer:
    """Let a withdrawal go that no bank has paid; its money is free again."""
    return once("cancel_withdrawal", key, [reference], lambda: _cancel(reference, at), at=at)


def _withdraw(order: WithdrawOrder, at: datetime) -> dict[str, Any]:
    amount_minor = to_minor(order.amount, order.currency)
    found = get_organisation(order.organisation)
    account, asset = money_account(found.pk), money_asset(order.currency)
    held = hold(
        connection,
        HoldOrder(f"{REASON}:{order.key}", REASON, (HoldLine(account, asset, amount_minor),)),
        at=at,
    )
    if held.refusal is not None:
        raise NotEnoughMoney(
            organisation=found.code,
            currency=order.currency,
            available=to_text(available_minor(account, order.currency), order.currency),
            wanted=to_text(amount_minor, order.currency),
            reference=deposit_reference(found),
        )
    made = Withdrawal.objects.create(
        organisation=found, amount_minor=amount_minor, currency=order.currency, hold_id=held.id, at=at
    )
    return describe(made)


def _cancel(reference: str, at: datetime) -> dict[str, Any]:
    lock_money()
    found = find_withdrawal(reference)
    if found is None:
        raise UnknownWithdrawal(withdrawal=reference)
    ended = WithdrawalEnding.objects.filter(pk=found.pk).first()
    if ended is not None:
        raise WithdrawalEnded(withdrawal=reference, outcome=ended.outcome, day=ended.at.date().isoformat())
    release(connection, found.hold_id, at=at)
    WithdrawalEnding.objects.create(withdrawal=found, outcome=WithdrawalEnding.CANCELLED, at=at)
    return describe(found)


def find_withdrawal(reference: str) -> Withdrawal | None:
    """A withdrawal by its reference."""
    number = reference[4:]
    if reference[:4].upper() != PREFIX or not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    return Withdrawal.objects.filter(pk=int(number)).select_related("organisation").first()


def describe(withdrawal: Withdrawal) -> dict[str, Any]:
    """A withdrawal as JSON-ready values."""
    ended = WithdrawalEnding.objects.filter(pk=withdrawal.pk).first()
    return {
        "withdrawal": withdrawal.reference,
        "organisation": withdrawal.organisation.code,
        "amount": to_text(withdrawal.amount_minor, withdrawal.currency),
        "amount_minor": withdrawal.amount_minor,
        "currency": withdrawal.currency,
        "state": ended.outcome if ended else "open",
        "asked_at": withdrawal.at.isoformat(),
        "ended_at": ended.at.isoformat() if ended else None,
    }


class Withdrawals:
    """The claimant of payments out under withdrawals' references."""

    name = "money.withdrawal"

    def look(self, entry: Entry) -> Claim | None:
        if entry.reference[:4].upper() != PREFIX:
            return None
        found = find_withdrawal(entry.reference)
        subject = found.reference if found else entry.reference
        return Claim(subject, why_not(entry, found))

    def take(self, line: BankLine, *, at: datetime) -> None:
        found = find_withdrawal(line.subject)
        assert found is not None, "it was found a moment ago, and withdrawals are never removed"
        book_out(line, money_account(found.organisation_id), found.hold_id, at=at)
        WithdrawalEnding.objects.create(withdrawal=found, outcome=WithdrawalEnding.PAID, line=line, at=at)


def why_not(entry: Entry, found: Withdrawal | None) -> str:
    """Why an entry does not pay a withdrawal; nothing where it does."""
    if found is None:
        return "no_such_withdrawal"
    if not entry.is_debit:
        return "money_in"
    ended = WithdrawalEnding.objects.filter(pk=found.pk).first()
    if ended is not None:
        return "paid_before" if ended.outcome == WithdrawalEnding.PAID else "cancelled_before"
    if entry.currency != found.currency:
        return "currency_differs"
    return "" if entry.amount_minor == found.amount_minor else "amount_differs"
