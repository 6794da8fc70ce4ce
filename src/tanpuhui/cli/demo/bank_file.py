"""Bank file: what the demonstration's bank says was booked, as camt.053, to be imported like any other."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True)
class Booked:
    """An amount in CNY (a decimal above zero) that was paid out, or came in, under an end-to-end reference."""

    reference: str
    amount: str
    is_out: bool


def bank_file(name: str, booked: Sequence[Booked], *, at: datetime) -> bytes:
    """A statement with these entries, without balances: what the platform's own account had is nobody's here."""
    statement: tuple[Any, ...] = (
        "Stmt",
        ("Id", name),
        ("Acct", ("Id", ("Othr", ("Id", "DEMO-BANK-1"))), ("Ccy", "CNY")),
        *(
            ("Bal", ("Tp", ("CdOrPrtry", ("Cd", code))), _AMOUNT_ZERO, ("CdtDbtInd", "CRDT"), _day("Dt", at))
            for code in ("ITBD",)
        ),
        *(_entry(name, number, one, at) for number, one in enumerate(booked, 1)),
    )
    header = ("GrpHdr", ("MsgId", name), ("CreDtTm", at.isoformat()))
    ET.register_namespace("", NAMESPACE)
    root = _element(("Document", ("BkToCstmrStmt", header, statement)))
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


_AMOUNT_ZERO = ("Amt", "0.00")


def _entry(name: str, number: int, one: Booked, at: datetime) -> tuple[Any, ...]:
    return (
        "Ntry",
        ("NtryRef", f"{name}-{number}"),
        ("Amt", one.amount),
        ("CdtDbtInd", "DBIT" if one.is_out else "CRDT"),
        ("Sts", ("Cd", "BOOK")),
        _day("BookgDt", at),
        ("BkTxCd", ("Prtry", ("Cd", "TRANSFER"))),
        ("NtryDtls", ("TxDtls", ("Refs", ("EndToEndId", one.reference)))),
    )


def _day(name: str, at: datetime) -> tuple[Any, ...]:
    return (name, ("Dt", at.date().isoformat()))


def _element(said: tuple[Any, ...]) -> ET.Element:
    """A tree from nested tuples: the element's name, then its text or its children."""
    name, *rest = said
    element = ET.Element(f"{{{NAMESPACE}}}{name}")
    if name == "Amt":
        element.set("Ccy", "CNY")
    for part in rest:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(_element(part))
    return element
