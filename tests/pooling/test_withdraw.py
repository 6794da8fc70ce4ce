"""Withdraw: held until the bank says that it was paid, to a token in the vault that goes when its owner says so."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from ledger.bookings import in_parallel
from money.bank import bank_file
from pooling.pond import (
    AT,
    LATER,
    findings,
    joined,
    lot_of,
    money_of,
    new_company,
    new_pool,
    opened,
    people,
    sold,
)
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.pooling.models import Payee, Withdrawal
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.refusals import (
    BadToken,
    KeyReused,
    NoPayee,
    NotSoMuchMoney,
    PayeeInUse,
    UnknownWithdrawal,
    WithdrawalEnded,
)
from tanpuhui.pooling.withdraw import (
    WithdrawOrder,
    cancel_withdrawal,
    forget_payee,
    open_withdrawals,
    say_payee,
    withdraw,
    withdrawals_of,
)

pytestmark = pytest.mark.django_db
TOKEN = "6f1b-40c2-9d"


def earner() -> int:
    """A resident who was paid 60.00 and said where to."""
    pool = new_pool()
    account = joined(pool, *people(1))
    sale = sold(opened(pool, lot_of({account: TONNE_MG}), 1), new_company(), 1)
    pay_out(sale.pk, key="p", at=AT)
    say_payee(account, TOKEN, at=AT)
    return account


def asked(account: int, amount: str, key: str = "k") -> Withdrawal:
    return withdraw(WithdrawOrder(key, account, amount, "CNY"), at=LATER)


def test_what_is_asked_for_is_held_and_leaves_when_the_bank_says_that_it_was_paid() -> None:
    account = earner()

    made = asked(account, "60.00")

    assert money_of(account) == 0
    assert [(one.reference, token) for one, token in open_withdrawals()] == [(made.reference, TOKEN)]
    assert findings() == []
    said = import_statement(bank_file((made.reference, "60.00", "DBIT")), at=LATER)
    assert (said["matched"], said["unmatched"]) == ([made.reference], [])
    assert withdrawals_of(account)[0].ending.outcome == "paid"
    assert open_withdrawals() == []
    assert findings() == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("own", "59.99", "DBIT"), "amount_differs"),
        (("own", "60.00", "CRDT"), "money_in"),
        (("TPR-999999999", "60.00", "DBIT"), "no_such_withdrawal"),
        (("TPR-x", "60.00", "DBIT"), "no_such_withdrawal"),
    ],
)
def test_a_line_that_does_not_pay_it_exactly_is_kept_with_the_reason(
    lines: tuple[str, str, str], why: str
) -> None:
    made = asked(earner(), "60.00")
    reference = made.reference if lines[0] == "own" else lines[0]

    said = import_statement(bank_file((reference, *lines[1:])), at=LATER)

    assert [one["why"] for one in said["unmatched"]] == [why]
    assert len(open_withdrawals()) == 1


def test_all_can_be_asked_for_and_a_fen_more_is_refused() -> None:
    account = earner()

    with pytest.raises(NotSoMuchMoney), transaction.atomic():
        asked(account, "60.01")
    asked(account, "60.00", "other")
    with pytest.raises(NotSoMuchMoney), transaction.atomic():
        asked(account, "0.01", "third")


def test_the_same_order_again_is_answered_as_before() -> None:
    account = earner()

    assert asked(account, "10.00") == asked(account, "10.00")
    with pytest.raises(KeyReused):
        asked(account, "11.00")
    assert money_of(account) == 5_000


def test_what_is_let_go_is_free_again_and_what_was_paid_is_not_let_go() -> None:
    account = earner()
    first, second = asked(account, "10.00", "1"), asked(account, "20.00", "2")

    cancel_withdrawal(account, first.pk, at=LATER)
    cancel_withdrawal(account, first.pk, at=LATER)
    import_statement(bank_file((second.reference, "20.00", "DBIT")), at=LATER)

    with pytest.raises(WithdrawalEnded):
        cancel_withdrawal(account, second.pk, at=LATER)
    with pytest.raises(UnknownWithdrawal):
        cancel_withdrawal(account + 1, first.pk, at=LATER)
    assert money_of(account) == 4_000
    late = import_statement(bank_file((first.reference, "10.00", "DBIT")), at=LATER)
    assert [one["why"] for one in late["unmatched"]] == ["cancelled_before"]
    assert findings() == []


def test_where_to_pay_is_said_once_kept_in_the_vault_and_forgotten_when_asked() -> None:
    account = earner()

    for bad in ("", "short12", "x" * 65, "with space", "名字名字名字名字"):
        with pytest.raises(BadToken):
            say_payee(account, bad, at=AT)
    made = asked(account, "1.00")
    with pytest.raises(PayeeInUse), transaction.atomic():
        say_payee(account, "another-token", at=AT)
    with pytest.raises(PayeeInUse), transaction.atomic():
        forget_payee(account)
    cancel_withdrawal(account, made.pk, at=LATER)
    say_payee(account, "another-token", at=AT)
    assert Payee.objects.get().token == "another-token"
    assert forget_payee(account)
    assert not forget_payee(account)
    with pytest.raises(NoPayee):
        asked(account, "1.00", "2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vault.payee")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_two_withdrawals_at_the_same_moment_never_take_the_same_fen() -> None:
    with transaction.atomic():
        account = earner()

    def ask(number: int) -> object:
        with transaction.atomic():
            return asked(account, "40.00", f"k{number}")

    results = in_parallel(3, ask)

    assert [type(one) for one in results].count(Withdrawal) == 1
    assert [type(one) for one in results].count(NotSoMuchMoney) == 2
    assert money_of(account) == 2_000
    assert findings() == []
