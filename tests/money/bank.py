"""A small bank for tests: statements as a bank would write them, and organisations with money."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime

from tanpuhui.access.models import Organisation
from tanpuhui.money.account import money_account, money_of
from tanpuhui.money.amounts import to_minor, to_text
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.deposit import deposit_reference

AT = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
_statements = itertools.count(1)


def bank_file(*entries: tuple[str, str, str], currency: str = "CNY", opening: str = "5000.00") -> bytes:
    """A bank's statement with (reference, amount, CRDT or DBIT), as a bank would write it, in version 02."""
    total = to_minor(opening, "CNY")
    rows = ""
    for number, (reference, amount, side) in enumerate(entries, 1):
        total += to_minor(amount, "CNY") * (1 if side == "CRDT" else -1)
        rows += (
            f"<Ntry><NtryRef>B{number}</NtryRef><Amt Ccy='{currency}'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>"
            f"<Sts>BOOK</Sts><BookgDt><Dt>2026-11-26</Dt></BookgDt><BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
        )

    def balance(code: str, minor: int) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{to_text(minor, 'CNY')}</Amt>"
            "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-26</Dt></Dt></Bal>"
        )

    return (
        "<?xml version='1.0' encoding='UTF-8'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'>"
        "<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-26T00:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>"
        "<CreDtTm>2026-11-26T00:00:00</CreDtTm><Acct><Id><Othr><Id>1</Id></Othr></Id></Acct>"
        f"{balance('OPBD', to_minor(opening, 'CNY'))}{balance('CLBD', total)}{rows}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def pay_in(organisation: Organisation, amount: str, *, currency: str = "CNY", at: datetime = AT) -> None:
    """Have a bank say that an organisation paid an amount in."""
    body = bank_file((deposit_reference(organisation), amount, "CRDT"), currency=currency)
    # No two statements of this bank number an entry alike.
    body = body.replace(b">B1<", f">P{next(_statements)}-{uuid.uuid4().hex[:8]}<".encode())
    assert import_statement(body, at=at)["unmatched"] == []


def money_has(organisation: Organisation, currency: str = "CNY") -> tuple[int, int]:
    """What an organisation has of a currency: available, and held."""
    for one in money_of(money_account(organisation.pk)):
        if one.currency == currency:
            return one.available_minor, one.held_minor
    return 0, 0
