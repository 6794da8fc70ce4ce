"""What a bank's file must be like, and what tells one entry from another."""

from __future__ import annotations

import pytest

from money.bank import AT, bank_file
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.camt import read
from tanpuhui.money.models import BankLine
from tanpuhui.money.refusals import BadAmount, BadBankFile

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda body: body[:-9], "not XML"),
        (lambda body: body.decode().encode("utf-16"), "not XML"),
        (lambda body: body.replace(b"camt.053.001.02", b"camt.052.001.02"), "root"),
        (
            lambda body: body.replace(b"<?xml version='1.0' encoding='UTF-8'?>", b"<!DOCTYPE x>"),
            "document type",
        ),
        (lambda body: body.replace(b"<Sts>BOOK</Sts>", b""), "Ntry has no Sts"),
        (lambda body: body.replace(b"<Acct>", b"<Acct><Ccy>CNY</Ccy>"), "out of order"),
        (lambda body: body.replace(b">9.00<", b">9.01<"), "lead from"),
        (lambda body: body.replace(b"<BookgDt><Dt>2026-11-26</Dt></BookgDt>", b""), "no day of booking"),
        (lambda body: body.replace(b">DBIT<", b">DEBIT<"), "CdtDbtInd says 'DEBIT'"),
        (lambda body: body.replace(b">DBIT<", b">dbit<"), "CdtDbtInd says 'dbit'"),
        (lambda body: body.replace(b">DBIT<", b"><"), "CdtDbtInd says ''"),
        (lambda body: body.replace(b"<Sts>", b"<RvslInd>TRUE</RvslInd><Sts>"), "RvslInd says 'TRUE'"),
        (lambda body: body.replace(b">9.00<", "\u003e\u0669.00<".encode()), "not an amount"),
        (lambda body: body.replace(b">9.00<", b">NaN<"), "not an amount"),
        (lambda body: body.replace(b">9.00<", b">1" + b"0" * 30 + b"<"), "not an amount"),
        (lambda body: b"<a>" * 200_000 + b"</a>" * 200_000, "root"),
    ],
)
def test_a_file_that_is_no_bank_statement_is_refused_whole(change: object, problem: str) -> None:
    body = change(bank_file(("X", "9.00", "DBIT")))  # type: ignore[operator]

    with pytest.raises((BadBankFile, BadAmount), match=problem):
        import_statement(body, at=AT)
    assert not BankLine.objects.exists()


def test_an_entry_is_the_same_in_two_statements_and_two_that_are_alike_are_two() -> None:
    entry = ("TPD-acme", "9.00", "CRDT")
    one, other = read(bank_file(entry)), read(bank_file(entry, opening="7.00"))
    alike = read(bank_file(entry, entry).replace(b">B2<", b">B1<"))

    assert one.entries[0].fingerprint == other.entries[0].fingerprint == alike.entries[0].fingerprint
    assert alike.entries[0].fingerprint != alike.entries[1].fingerprint


def test_two_statements_in_one_file_that_both_have_an_entry_have_one() -> None:
    body = bank_file(("TPD-acme", "9.00", "CRDT")).decode()
    statement = body[body.index("<Stmt>") : body.index("</BkToCstmrStmt>")]

    found = read(body.replace("</BkToCstmrStmt>", f"{statement}</BkToCstmrStmt>").encode())

    assert [one.number for one in found.entries] == [1, 2]
    assert found.entries[0].fingerprint == found.entries[1].fingerprint


@pytest.mark.parametrize(
    "more",
    [
        b"<TxDtls><Refs><EndToEndId>TPD-other</EndToEndId></Refs></TxDtls></NtryDtls>",
        b"<TxDtls><Refs></Refs></TxDtls></NtryDtls>",
        b"</NtryDtls><NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch></NtryDtls>",
    ],
)
def test_an_entry_of_several_payments_has_no_reference(more: bytes) -> None:
    body = bank_file(("TPD-acme", "9.00", "CRDT"))

    found = read(body.replace(b"</NtryDtls>", more))

    assert found.entries[0].reference == ""
