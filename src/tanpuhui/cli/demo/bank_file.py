"""Bank file: what the demonstration's bank says was booked, as camt.053, to be imported like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape


@dataclass(frozen=True)
class Booked:
    """An amount in CNY (a decimal above zero) that was paid out, or came in, under an end-to-end reference."""

    reference: str
    amount: str
    is_out: bool


def bank_file(name: str, booked: Sequence[Booked], *, at: datetime) -> bytes:
    """A statement with these entries; what the platform's own account had before them is nobody's here."""
    entries = "".join(_entry(f"{name}-{number}", one, at.date()) for number, one in enumerate(booked, 1))
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{escape(name)}</MsgId><CreDtTm>{at.isoformat()}</CreDtTm></GrpHdr>
<Stmt><Id>{escape(name)}</Id><Acct><Id><Othr><Id>DEMO-BANK-1</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>ITBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{at.date()}</Dt></Dt></Bal>{entries}</Stmt></BkToCstmrStmt></Document>
""".encode()


def _entry(number: str, one: Booked, day: date) -> str:
    return f"""
<Ntry><NtryRef>{escape(number)}</NtryRef><Amt Ccy="CNY">{one.amount}</Amt>
<CdtDbtInd>{"DBIT" if one.is_out else "CRDT"}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><BkTxCd><Prtry><Cd>TRANSFER</Cd></Prtry></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{escape(one.reference)}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"""
