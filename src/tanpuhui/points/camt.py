"""camt.053: a bank-to-customer statement as ISO 20022 has it, written for a merchant and read from a bank.

Written is version 08 (``urn:iso:std:iso:20022:tech:xsd:camt.053.001.08``); versions 02 to 13 are read, which have what
is read here in the same places. Elements follow the message definition's order, which :func:`problems` checks.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tanpuhui.points.models import Settlement
from tanpuhui.points.money import known_currency, to_minor, to_text
from tanpuhui.points.refusals import BadBankFile
from tanpuhui.points.settle import lines_of

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_READ = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|1[0-3])")
MOST_BYTES = 50_000_000

#: Children of each element in the order that the message definition gives, of those that are used; * is required.
ORDER = {
    "Document": ("BkToCstmrStmt*",),
    "BkToCstmrStmt": ("GrpHdr*", "Stmt*"),
    "GrpHdr": ("MsgId*", "CreDtTm*"),
    "Stmt": ("Id*", "ElctrncSeqNb", "CreDtTm", "FrToDt", "Acct*", "Bal*", "TxsSummry", "Ntry"),
    "FrToDt": ("FrDtTm*", "ToDtTm*"),
    "Acct": ("Id*", "Ccy", "Nm"),
    "Bal": ("Tp*", "Amt*", "CdtDbtInd*", "Dt*"),
    "TxsSummry": ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries"),
    "TtlNtries": ("NbOfNtries", "Sum", "TtlNetNtry"),
    "TtlNetNtry": ("Amt*", "CdtDbtInd*"),
    "TtlCdtNtries": ("NbOfNtries", "Sum"),
    "TtlDbtNtries": ("NbOfNtries", "Sum"),
    "Ntry": (
        "NtryRef",
        "Amt*",
        "CdtDbtInd*",
        "Sts*",
        "BookgDt",
        "ValDt",
        "AcctSvcrRef",
        "BkTxCd*",
        "NtryDtls",
    ),
    "NtryDtls": ("TxDtls",),
    "TxDtls": ("Refs", "AddtlTxInf"),
    "Refs": ("AcctSvcrRef", "EndToEndId", "TxId"),
    "BkTxCd": ("Domn", "Prtry"),
}


@dataclass(frozen=True)
class Entry:
    """An entry of a bank's statement: ``reference`` is the payer's end-to-end reference."""

    number: int
    entry: str
    reference: str
    amount_minor: int
    currency: str
    is_debit: bool
    booked_on: date


@dataclass(frozen=True)
class BankStatement:
    """What a bank says of an account: its entries lead from the opening balance to the closing one."""

    id: str
    entries: tuple[Entry, ...]


def write(settlement: Settlement, *, at: datetime) -> bytes:
    """A merchant's statement of one settlement: captures in, refunds and payment out; from zero to zero once paid."""
    ET.register_namespace("", NAMESPACE)
    document = ET.Element(_name("Document"))
    statement = _statement(_add(document, "BkToCstmrStmt"), settlement, at)
    payment = getattr(settlement, "payment", None)
    found = lines_of(settlement)
    closing = settlement.amount_minor - (payment.amount_minor if payment else 0)
    _balance(statement, "OPBD", 0, settlement.currency, found[0].booked_at.date())
    last = payment.booked_on if payment else settlement.through_at.date()
    _balance(statement, "CLBD", closing, settlement.currency, last)
    summary = _add(statement, "TxsSummry")
    whole = _add(summary, "TtlNtries")
    amounts = [line.amount_minor for line in found] + ([-payment.amount_minor] if payment else [])
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
            -payment.amount_minor,
            last,
            kind="PAYMENT",
            reference=settlement.reference,
        )
    ET.indent(document)
    body: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return body


def read(body: bytes) -> BankStatement:
    """The entries of a bank's statement; refuses a file that is not one, or whose balances do not meet."""
    root = _parse(body)
    found = problems(root)
    if found:
        raise BadBankFile(problem=found[0])
    statements = [one for one in root.iter() if _tag(one) == "Stmt"]
    entries = tuple(
        _read_entry(number, element)
        for number, element in enumerate(
            (one for statement in statements for one in statement if _tag(one) == "Ntry"), 1
        )
    )
    return BankStatement("+".join(_text(one, "Id") for one in statements), entries)


def problems(root: ET.Element) -> list[str]:
    """What about a document is not as the message definition has it: names, order, what is missing, sums."""
    found = []
    match = re.fullmatch(r"\{(.*)\}Document", root.tag)
    if match is None or not _READ.fullmatch(match[1]):
        return [f"its root is {root.tag!r}"]
    for element in root.iter():
        wanted = ORDER.get(_tag(element))
        if wanted is None:
            continue
        names = [name.rstrip("*") for name in wanted]
        ranks = [names.index(_tag(child)) for child in element if _tag(child) in names]
        if ranks != sorted(ranks):
            found.append(f"the children of {_tag(element)} are out of order")
        present = {_tag(child) for child in element}
        found += [
            f"{_tag(element)} has no {name.rstrip('*')}"
            for name in wanted
            if name.endswith("*") and name.rstrip("*") not in present
        ]
    return found or [problem for one in root.iter() if _tag(one) == "Stmt" for problem in _sums(one)]


def _sums(statement: ET.Element) -> Iterator[str]:
    balances = {}
    for balance in (one for one in statement if _tag(one) == "Bal"):
        code = next((one.text for one in balance.iter() if _tag(one) == "Cd"), None)
        balances[code] = _signed(balance)
    entries = [_signed(one) for one in statement if _tag(one) == "Ntry" and _status(one) == "BOOK"]
    opening = balances.get("OPBD", balances.get("PRCD"))
    if opening is not None and "CLBD" in balances and opening + sum(entries) != balances["CLBD"]:
        yield (
            f"its entries sum to {sum(entries)} minor units, and lead from {opening} to {balances['CLBD']} instead"
        )


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


def _parse(body: bytes) -> ET.Element:
    """UTF-8 without a document type: no entity is declared, so none can be expanded, whatever encoding it names."""
    if len(body) > MOST_BYTES:
        raise BadBankFile(problem=f"it has {len(body)} bytes, more than {MOST_BYTES}")
    try:
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise BadBankFile(problem="it declares a document type or entities")
        return ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        raise BadBankFile(problem=f"it is not XML in UTF-8 ({error})") from error


def _read_entry(number: int, entry: ET.Element) -> Entry:
    amount = next(one for one in entry if _tag(one) == "Amt")
    currency = known_currency(amount.get("Ccy", ""))
    booked = next((one for one in entry if _tag(one) == "BookgDt"), None)
    text = "" if booked is None else next(((one.text or "") for one in booked), "")
    try:
        booked_on = date.fromisoformat(text[:10])
    except ValueError as error:
        raise BadBankFile(problem=f"entry {number} has no day of booking") from error
    return Entry(
        number=number,
        entry=_text(entry, "AcctSvcrRef") or _text(entry, "NtryRef"),
        reference=next(((one.text or "").strip() for one in entry.iter() if _tag(one) == "EndToEndId"), ""),
        amount_minor=to_minor((amount.text or "").strip(), currency),
        currency=currency,
        is_debit=_text(entry, "CdtDbtInd") == "DBIT",
        booked_on=booked_on,
    )


def _signed(element: ET.Element) -> int:
    amount = next(one for one in element if _tag(one) == "Amt")
    text, currency = (amount.text or "").strip(), known_currency(amount.get("Ccy", ""))
    minor = 0 if re.fullmatch(r"0+(\.0*)?", text) else to_minor(text, currency)
    return -minor if _text(element, "CdtDbtInd") == "DBIT" else minor


def _status(entry: ET.Element) -> str:
    status = next(one for one in entry if _tag(one) == "Sts")
    return (status.text or "").strip() or next(((one.text or "").strip() for one in status), "")


def _text(element: ET.Element, name: str) -> str:
    return next(((one.text or "").strip() for one in element if _tag(one) == name), "")


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, _name(name))
    child.text = text
    return child


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
