"""Money of organisations: paid in under their reference, held and paid out, and made by a bank's lines alone."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError

from ledger.bookings import in_parallel
from money.bank import AT, bank_file, money_has, pay_in
from points.book import new_key, new_organisation
from tanpuhui.access.models import Organisation
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.ledger.release import release, release_all
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import (
    OUTSIDE,
    MoneyBalance,
    money_account,
    money_asset,
    money_of,
    resident_money_account,
)
from tanpuhui.money.bank_statement import import_statement, unmatched
from tanpuhui.money.book import book_out
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim, _before, _registered, register
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.money.invariants import check as check_money
from tanpuhui.money.models import BankLine, Booking, Withdrawal
from tanpuhui.money.withdraw import WithdrawOrder, cancel_withdrawal, withdraw
from tanpuhui.project.database import APP_ROLE

pytestmark = pytest.mark.django_db


@pytest.fixture()
def acme() -> Organisation:
    return new_organisation(Organisation.COMPANY, code="acme")


def findings() -> list[object]:
    return [*check_ledger(connection), *check_money(connection)]


def asked(organisation: Organisation, amount: str, key: str | None = None) -> WithdrawOrder:
    return WithdrawOrder(key or new_key(), organisation.code, amount, "CNY")


def test_money_in_under_the_deposit_reference_is_credited_once(acme: Organisation) -> None:
    body = bank_file(("TPD-acme", "12.50", "CRDT"), ("tpd-ACME", "0.01", "CRDT"))

    shown = [import_statement(body, at=AT) for _ in range(2)]

    assert shown[0] == shown[1]
    assert shown[0]["matched"] == ["TPD-acme", "TPD-acme"]
    assert money_has(acme) == (1_251, 0)
    assert findings() == []


def test_an_entry_that_two_statements_have_is_credited_once_and_kept(acme: Organisation) -> None:
    import_statement(bank_file(("TPD-acme", "12.50", "CRDT")), at=AT)

    shown = import_statement(bank_file(("TPD-acme", "12.50", "CRDT"), opening="1.00"), at=AT)

    assert [line["why"] for line in shown["unmatched"]] == ["seen_before"]
    assert money_has(acme) == (1_250, 0)
    assert findings() == []


def named(body: bytes, reference: str = "BANK-7") -> bytes:
    """A statement whose bank names each of its entries by a reference of its own."""
    return body.replace(b"<BkTxCd>", f"<AcctSvcrRef>{reference}</AcctSvcrRef><BkTxCd>".encode())


def test_an_entry_that_its_bank_names_twice_in_one_statement_is_credited_once(acme: Organisation) -> None:
    entry = ("TPD-acme", "12.50", "CRDT")

    shown = import_statement(named(bank_file(entry, entry)), at=AT)

    assert [line["why"] for line in shown["unmatched"]] == ["seen_before"]
    assert money_has(acme) == (1_250, 0)


@pytest.mark.parametrize("other", [("TPD-acme", "125.00", "CRDT"), ("TPD-else", "12.50", "CRDT")])
def test_an_entry_that_comes_again_with_other_content_is_kept_and_pays_nothing(
    acme: Organisation, other: tuple[str, str, str]
) -> None:
    new_organisation(Organisation.COMPANY, code="else")
    import_statement(named(bank_file(("TPD-acme", "12.50", "CRDT"))), at=AT)

    shown = import_statement(named(bank_file(other)), at=AT)
    again = import_statement(named(bank_file(other, opening="1.00")), at=AT)

    assert [line["why"] for line in (*shown["unmatched"], *again["unmatched"])] == [
        "other_content",
        "seen_before",
    ]
    assert money_has(acme) == (1_250, 0)
    assert findings() == []


def test_the_database_lets_no_two_lines_of_one_entry_pay(acme: Organisation) -> None:
    import_statement(named(bank_file(("TPD-acme", "12.50", "CRDT"))), at=AT)
    line = BankLine.objects.get()
    line.pk, line.number, line.fingerprint = None, 2, "another"

    with pytest.raises(IntegrityError, match="money_bank_line_pays_once"), transaction.atomic():
        line.save(force_insert=True)


@pytest.mark.parametrize(
    ("entry", "change", "why"),
    [
        (("TPD-nobody", "1.00", "CRDT"), None, "no_such_organisation"),
        (("TPN-999999999", "1.00", "CRDT"), None, "no_such_organisation"),
        (("TPD-acme", "1.00", "DBIT"), None, "money_out"),
        (("hello", "1.00", "CRDT"), None, "unknown_reference"),
        (("TPW-000000009", "1.00", "DBIT"), None, "no_such_withdrawal"),
        (("TPD-acme", "1.00", "CRDT"), (b"<Sts>", b"<RvslInd>true</RvslInd><Sts>"), "reversal"),
    ],
)
def test_what_is_nobodys_is_kept_with_the_reason(
    acme: Organisation, entry: tuple[str, str, str], change: tuple[bytes, bytes] | None, why: str
) -> None:
    body = bank_file(entry).replace(*change) if change else bank_file(entry)

    import_statement(body, at=AT)

    assert [line.why_not for line in unmatched()] == [why]
    assert not Booking.objects.exists()
    assert money_has(acme) == (0, 0)


def test_what_the_bank_has_not_booked_counts_when_it_has(acme: Organisation) -> None:
    entry = ("TPD-acme", "1.00", "CRDT")
    waiting = (
        bank_file(entry).replace(b"<Sts>BOOK</Sts>", b"<Sts>PDNG</Sts>").replace(b">5001.00<", b">5000.00<")
    )

    before = import_statement(waiting, at=AT)
    import_statement(bank_file(entry), at=AT)

    assert [line["why"] for line in before["unmatched"]] == ["not_booked"]
    assert money_has(acme) == (100, 0)


def test_a_code_too_long_for_banks_has_a_reference_by_number() -> None:
    long = new_organisation(Organisation.COMPANY, code="a" * 32)
    fits = new_organisation(Organisation.COMPANY, code="b" * 31)

    pay_in(long, "3.00")

    assert deposit_reference(long) == f"TPN-{long.pk}"
    assert deposit_reference(fits) == f"TPD-{'b' * 31}"
    assert money_has(long) == (300, 0)


def test_a_withdrawal_holds_money_until_the_bank_paid_it(acme: Organisation) -> None:
    pay_in(acme, "12.50")

    made = withdraw(asked(acme, "12.50"), at=AT).accepted()
    held = money_has(acme)
    short = withdraw(asked(acme, "0.01"), at=AT)
    body = bank_file(
        (made["withdrawal"], "12.49", "DBIT"),
        (made["withdrawal"], "12.50", "CRDT"),
        (made["withdrawal"], "12.50", "DBIT"),
        (made["withdrawal"], "12.50", "DBIT"),
    )
    shown = import_statement(body, at=AT)

    assert held == (0, 1_250)
    assert short.refusal is not None
    assert (short.refusal.code, short.refusal.as_json()["facts"]["available"]) == ("money.not_enough", "0.00")
    assert shown["matched"] == [made["withdrawal"]]
    assert [line["why"] for line in shown["unmatched"]] == ["amount_differs", "money_in", "paid_before"]
    assert money_has(acme) == (0, 0)
    assert findings() == []


def test_a_cancelled_withdrawal_frees_its_money_once(acme: Organisation) -> None:
    pay_in(acme, "5.00")
    made = withdraw(asked(acme, "5.00"), at=AT).accepted()

    first, again = (cancel_withdrawal(made["withdrawal"], key="c", at=AT) for _ in range(2))
    other = cancel_withdrawal(made["withdrawal"], key="d", at=AT)
    shown = import_statement(bank_file((made["withdrawal"], "5.00", "DBIT")), at=AT)

    assert first.result == again.result
    assert first.accepted()["state"] == "cancelled"
    assert other.refusal is not None
    assert other.refusal.code == "money.withdrawal_ended"
    assert [line["why"] for line in shown["unmatched"]] == ["cancelled_before"]
    assert money_has(acme) == (500, 0)
    assert findings() == []


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("1.001", "CNY", "money.too_many_decimals"),
        ("1.00", "XYZ", "money.currency_unknown"),
        ("0", "CNY", "money.bad_amount"),
        ("1", "CNY", "money.not_enough"),
    ],
)
def test_a_refusal_is_the_answer_to_its_key_for_good(
    acme: Organisation, amount: str, currency: str, code: str
) -> None:
    order = WithdrawOrder("k", "acme", amount, currency)

    first = withdraw(order, at=AT)
    pay_in(acme, "100.00")
    again = withdraw(order, at=AT)

    assert first.refusal is not None
    assert again.refusal is not None
    assert (first.refusal.code, again.refusal.as_json()) == (code, first.refusal.as_json())
    assert not Withdrawal.objects.exists()


def test_money_without_a_line_of_a_bank_does_not_survive_its_commit(acme: Organisation) -> None:
    legs = move(source=OUTSIDE, target=money_account(acme.pk), asset_id=money_asset("CNY"), amount=1)

    with pytest.raises(DatabaseError, match="without a line of a bank"), transaction.atomic():
        transfer(connection, TransferOrder("mint", "mint", AT.date(), legs), at=AT).accepted()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_rows_of_money_are_never_edited(acme: Organisation) -> None:
    pay_in(acme, "1.00")

    for change in (
        lambda: BankLine.objects.update(amount_minor=2),
        lambda: Booking.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
def test_one_statement_imported_by_many_at_once_counts_once() -> None:
    acme = new_organisation(Organisation.COMPANY, code="acme")
    body = bank_file(("TPD-acme", "2.00", "CRDT"))

    def work(number: int) -> int:
        with transaction.atomic():
            return len(import_statement(body, at=AT)["matched"])

    assert in_parallel(6, work) == [1] * 6
    assert money_has(acme) == (200, 0)
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_of_two_withdrawals_of_everything_at_once_one_is_held() -> None:
    acme = new_organisation(Organisation.COMPANY, code="acme")
    pay_in(acme, "2.00")

    def work(number: int) -> str:
        with transaction.atomic():
            answer = withdraw(asked(acme, "2.00", key=f"w{number}"), at=AT)
        return answer.refusal.code if answer.refusal else "held"

    assert sorted(in_parallel(4, work)) == ["held"] + ["money.not_enough"] * 3
    assert money_has(acme) == (0, 200)
    assert findings() == []


class PayOuts:
    """A claimant as another stage would register it: what a resident has is paid out under TPT-<account>."""

    name = "test.pay_out"

    def __init__(self, hold_id: int) -> None:
        self.hold_id = hold_id

    def look(self, entry: Entry) -> Claim | None:
        return Claim(entry.reference) if entry.reference.startswith("TPT-") else None

    def take(self, line: BankLine, *, at: datetime) -> None:
        book_out(line, resident_money_account(int(line.subject[4:])), self.hold_id, at=at)


def test_residents_money_is_paid_out_by_a_claimant_of_another_stage(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_in(acme, "5.00")
    asset, account = money_asset("CNY"), resident_money_account(7)
    legs = move(source=money_account(acme.pk), target=account, asset_id=asset, amount=300)
    transfer(connection, TransferOrder("share", "pool_pay", AT.date(), legs), at=AT).accepted()
    held = hold(connection, HoldOrder("out", "out", (HoldLine(account, asset, 300),)), at=AT).accepted()
    seen: list[int] = []
    monkeypatch.setattr("tanpuhui.money.claimant._registered", dict(_registered))
    monkeypatch.setattr("tanpuhui.money.claimant._before", dict(_before))
    register(PayOuts(held), before=lambda entries: seen.append(len(entries)))

    shown = import_statement(bank_file(("TPT-7", "3.00", "DBIT")), at=AT)

    assert (shown["matched"], seen) == (["TPT-7"], [1])
    assert money_of(account) == [MoneyBalance("CNY", 0, 0)]
    assert money_has(acme) == (200, 0)
    assert findings() == []


def test_the_applications_role_takes_money_in_and_pays_it_out(acme: Organisation) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    try:
        pay_in(acme, "5.00")
        made = withdraw(asked(acme, "2.00"), at=AT).accepted()
        import_statement(bank_file((made["withdrawal"], "2.00", "DBIT")), at=AT)
        other = withdraw(asked(acme, "3.00"), at=AT).accepted()
        cancel_withdrawal(other["withdrawal"], key="c", at=AT).accepted()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    assert money_has(acme) == (300, 0)
    assert findings() == []


def test_a_release_of_many_holds_counts_those_that_were_open(acme: Organisation) -> None:
    pay_in(acme, "3.00")
    account, asset = money_account(acme.pk), money_asset("CNY")
    holds = [
        hold(connection, HoldOrder(f"h{n}", "test", (HoldLine(account, asset, 100),)), at=AT).accepted()
        for n in range(3)
    ]
    release(connection, holds[0], at=AT)

    counts = [release_all(connection, wanted, at=AT) for wanted in ([], holds, holds, [0])]

    assert counts == [0, 2, 0, 0]
    assert money_has(acme) == (300, 0)
    assert findings() == []
