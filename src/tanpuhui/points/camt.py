"""camt.053: a merchant's statement of one settlement, as ISO 20022 has it; what banks write is read in money.

Version 08 (``urn:iso:std:iso:20022:tech:xsd:camt.053.001.08``); elements follow the message definition's order.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime

from tanpuhui.money.amounts import to_text
from tanpuhui.money.camt import NAMESPACE
from tanpuhui.points.models import Settlement
from tanpuhui.points.settle import lines_of


def write(settlement: Settlement, *, at: datetime) -> bytes:
    """A merchant's statement of one settlement: captures in, refunds and payment out; from zero to zero once paid."""
    ET.register_namespace("", NAMESPACE)
    document = ET.Element(_name("Document"))
    statement = _statement(_add(document, "BkToCstmrStmt"), settlement, at)
    payment = getattr(settlement, "payment", None)
    found = lines_of(settlement)
    closing = 0 if payment else settlement.amount_minor
    _balance(statement, "OPBD", 0, settlement.currency, found[0].booked_at.date())
    last = payment.line.booked_on if payment else settlement.through_at.date()
    _balance(statement, "CLBD", closing, settlement.currency, last)
    summary = _add(statement, "TxsSummry")
    whole = _add(summary, "TtlNtries")
    amounts = [line.amount_minor for line in found] + ([-settlement.amount_minor] if payment else [])
    assert sum(amounts) == closing, "a statement leads from its opening balance to its closing one"
    _add(whole, "NbOfNtries", str(len(amounts)))
    _add(whole, "Sum", to_text(sum(abs(amount) for amount in amounts), settlement.currency))
    for tag, part in (
        ("TtlCdtNtries", [amount for amount in amounts if amount > 0]),
        ("TtlDbtNtries", [-amount for amount in amounts if amount < 0]),
    ):
        total = _add(summary, tag)
        _add(total, "NbOfNtries", str(len(part)))
        _add(total, "Sum", to_text(sum(part), settlement.currency))
    for line in found:
        kind = "REFUND" if line.refund_id else "REDEMPTION"
        reference = f"RF-{line.refund_id}" if line.refund_id else f"RD-{line.redemption_id}"
        _entry(
            statement,
            settlement.currency,
            line.amount_minor,
            line.booked_at.date(),
            kind=kind,
            reference=reference,
        )
    if payment:
        _entry(
            statement,
            settlement.currency,
            -settlement.amount_minor,
            last,
            kind="PAYMENT",
            reference=settlement.reference,
        )
    ET.indent(document)
    body: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return body


def _statement(parent: ET.Element, settlement: Settlement, at: datetime) -> ET.Element:
    header = _add(parent, "GrpHdr")
    _add(header, "MsgId", f"{settlement.reference}-{at.astimezone(UTC):%Y%m%d%H%M%S}"[:35])
    _add(header, "CreDtTm", _moment(at))
    statement = _add(parent, "Stmt")
    _add(statement, "Id", settlement.reference)
    _add(statement, "CreDtTm", _moment(at))
    period = _add(statement, "FrToDt")
    _add(period, "FrDtTm", _moment(lines_of(settlement)[0].booked_at))
    _add(period, "ToDtTm", _moment(settlement.through_at))
    account = _add(statement, "Acct")
    other = _add(_add(account, "Id"), "Othr")
    _add(other, "Id", f"{settlement.organisation.code}/{settlement.sponsor.code}"[:34])
    _add(account, "Ccy", settlement.currency)
    _add(account, "Nm", settlement.organisation.name_zh[:70])
    return statement


def _balance(statement: ET.Element, code: str, minor: int, currency: str, day: date) -> None:
    balance = _add(statement, "Bal")
    _add(_add(_add(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    _amount(balance, minor, currency)
    _add(_add(balance, "Dt"), "Dt", day.isoformat())


def _entry(statement: ET.Element, currency: str, minor: int, day: date, *, kind: str, reference: str) -> None:
    entry = _add(statement, "Ntry")
    _add(entry, "NtryRef", reference)
    _amount(entry, minor, currency)
    _add(_add(entry, "Sts"), "Cd", "BOOK")
    _add(_add(entry, "BookgDt"), "Dt", day.isoformat())
    _add(_add(entry, "ValDt"), "Dt", day.isoformat())
    _add(_add(_add(entry, "BkTxCd"), "Prtry"), "Cd", kind)
    _add(_add(_add(_add(entry, "NtryDtls"), "TxDtls"), "Refs"), "EndToEndId", reference)


def _amount(parent: ET.Element, minor: int, currency: str) -> None:
    _add(parent, "Amt", to_text(abs(minor), currency)).set("Ccy", currency)
    _add(parent, "CdtDbtInd", "DBIT" if minor < 0 else "CRDT")


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, _name(name))
    child.text = text
    return child


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
