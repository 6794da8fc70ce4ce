"""Withdraw: a resident asks for money out; it is held until the bank says that it was paid, or is let go.

Where to pay is a token that the resident's own bank gave them. It is in the vault, one for an account, and goes when
they say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.money.account import available_minor, lock_money, money_asset, resident_money_account
from tanpuhui.money.amounts import to_minor, to_text
from tanpuhui.money.book import book_out
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.models import BankLine
from tanpuhui.pooling.models import Payee, Withdrawal, WithdrawalEnding
from tanpuhui.pooling.refusals import (
    BadToken,
    KeyReused,
    NoPayee,
    NotSoMuchMoney,
    PayeeInUse,
    UnknownWithdrawal,
    WithdrawalEnded,
)

REASON, PREFIX = "pool_withdraw", "TPR-"
_TOKEN = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True)
class WithdrawOrder:
    """An amount of a resident's money that is to be paid to them, once under its key."""

    key: str
    account: int
    amount: str
    currency: str


def say_payee(account: int, token: str, *, at: datetime) -> Payee:
    """Say, or say anew, where to pay. Refused while something is on its way to the present one."""
    if not _TOKEN.fullmatch(token):
        raise BadToken
    _lock(account)
    known = Payee.objects.filter(pk=account).first()
    if known is not None and known.token == token:
        return known
    _refuse_in_use(account)
    found, _ = Payee.objects.update_or_create(account=account, defaults={"token": token, "said_at": at})
    return found


def forget_payee(account: int) -> bool:
    """Take the token out of the vault; answers whether there was one."""
    _lock(account)
    _refuse_in_use(account)
    deleted, _ = Payee.objects.filter(pk=account).delete()
    return deleted > 0


def withdraw(order: WithdrawOrder, *, at: datetime) -> Withdrawal:
    """Hold money for a payment to a resident, in the caller's transaction; the operator pays it under its reference."""
    amount_minor = to_minor(order.amount, order.currency)
    _lock(order.account)
    known = Withdrawal.objects.filter(key=order.key).first()
    if known is not None:
        if (known.account, known.amount_minor, known.currency) != (
            order.account,
            amount_minor,
            order.currency,
        ):
            raise KeyReused(key=order.key)
        return known
    if not Payee.objects.filter(pk=order.account).exists():
        raise NoPayee
    account = resident_money_account(order.account)
    lines = (HoldLine(account, money_asset(order.currency), amount_minor),)
    held = hold(connection, HoldOrder(f"{REASON}:{order.key}", REASON, lines), at=at)
    if held.refusal is not None:
        raise NotSoMuchMoney(
            available=to_text(available_minor(account, order.currency), order.currency),
            currency=order.currency,
            wanted=to_text(amount_minor, order.currency),
        )
    return Withdrawal.objects.create(
        key=order.key,
        account=order.account,
        amount_minor=amount_minor,
        currency=order.currency,
        hold_id=held.id,
        asked_at=at,
    )


def cancel_withdrawal(account: int, number: int, *, at: datetime) -> WithdrawalEnding:
    """Let a withdrawal of one's own go that no bank has paid; cancelled again, it is answered as before."""
    lock_money()
    found = Withdrawal.objects.filter(pk=number, account=account).first()
    if found is None:
        raise UnknownWithdrawal(withdrawal=f"{PREFIX}{number:09d}")
    ended = WithdrawalEnding.objects.filter(pk=found.pk).first()
    if ended is not None and ended.outcome == WithdrawalEnding.CANCELLED:
        return ended
    if ended is not None:
        raise WithdrawalEnded(
            withdrawal=found.reference, outcome=ended.outcome, day=ended.ended_at.date().isoformat()
        )
    release(connection, found.hold_id, at=at)
    return WithdrawalEnding.objects.create(withdrawal=found, outcome=WithdrawalEnding.CANCELLED, ended_at=at)


def withdrawals_of(account: int) -> list[Withdrawal]:
    """Every withdrawal of a resident, newest first."""
    return list(Withdrawal.objects.filter(account=account).select_related("ending").order_by("-id"))


def open_withdrawals() -> list[tuple[Withdrawal, str]]:
    """What the operator has to pay, with the payee's token, oldest first."""
    waiting = list(Withdrawal.objects.filter(ending__isnull=True).order_by("id"))
    tokens = {one.account: one.token for one in Payee.objects.filter(pk__in={one.account for one in waiting})}
    return [(one, tokens[one.account]) for one in waiting]


class Withdrawals:
    """The claimant of payments to residents under withdrawals' references."""

    name = "pooling.withdrawal"

    def look(self, entry: Entry) -> Claim | None:
        if entry.reference[:4].upper() != PREFIX:
            return None
        found = _by_reference(entry.reference)
        return Claim(found.reference if found else entry.reference, _why_not(entry, found))

    def take(self, line: BankLine, *, at: datetime) -> None:
        found = _by_reference(line.subject)
        assert found is not None, "it was found a moment ago, and withdrawals are never removed"
        book_out(line, resident_money_account(found.account), found.hold_id, at=at)
        WithdrawalEnding.objects.create(
            withdrawal=found, outcome=WithdrawalEnding.PAID, line=line, ended_at=at
        )


def _why_not(entry: Entry, found: Withdrawal | None) -> str:
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


def _by_reference(reference: str) -> Withdrawal | None:
    number = reference[4:]
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    return Withdrawal.objects.filter(pk=int(number)).first()


def _refuse_in_use(account: int) -> None:
    count = Withdrawal.objects.filter(account=account, ending__isnull=True).count()
    if count:
        raise PayeeInUse(count=count)


def _lock(account: int) -> None:
    """One thing at a time with where a resident is paid and what is on its way there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.pooling.payee', %s))", [account]
        )
