"""camt.053: a bank-to-customer statement as ISO 20022 has it, read from a bank.

Versions 02 to 13 are read, which have what is read here in the same places. Elements follow the message definition's
order, which :func:`problems` checks.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tanpuhui.kit.digest import digest_json
from tanpuhui.money.amounts import known_currency, to_minor
from tanpuhui.money.refusals import BadBankFile

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
        "RvslInd",
        "Sts*",
        "BookgDt",
        "ValDt",
        "AcctSvcrRef",
        "BkTxCd*",
        "NtryDtls",
    ),
    "NtryDtls": ("Btch", "TxDtls"),
    "TxDtls": ("Refs", "AddtlTxInf"),
    "Refs": ("AcctSvcrRef", "EndToEndId", "TxId"),
    "BkTxCd": ("Domn", "Prtry"),
}
#: What the message definition lets these say, where a guess would move money the other way.
SAYS = {"CdtDbtInd": ("CRDT", "DBIT"), "RvslInd": ("true", "false", "1", "0")}


@dataclass(frozen=True)
class Entry:
    """An entry of a bank's statement: ``reference`` is the payer's end-to-end reference, empty where there are several.

    ``fingerprint`` tells it from every other entry of the account: the same in two statements that both have it.
    ``identity`` is the account and the reference by which its bank names the entry and no other one, whatever else is
    said of it; empty where the bank gives none.
    """

    number: int
    entry: str
    reference: str
    amount_minor: int
    currency: str
    is_debit: bool
    booked_on: date
    is_booked: bool
    is_reversal: bool
    fingerprint: str
    identity: str


@dataclass(frozen=True)
class BankStatement:
    """What a bank says of an account: its entries lead from the opening balance to the closing one."""

    id: str
    entries: tuple[Entry, ...]


def read(body: bytes) -> BankStatement:
    """The entries of a bank's statement; refuses a file that is not one, or whose balances do not meet."""
    root = _parse(body)
    found = problems(root)
    if found:
        raise BadBankFile(problem=found[0])
    statements = [one for one in root.iter() if tag(one) == "Stmt"]
    entries: list[Entry] = []
    for statement in statements:
        # Alike within one statement: two statements that have an entry have one, in one file or in two.
        account, alike = _account(statement), Counter[str]()
        for one in statement:
            if tag(one) == "Ntry":
                entries.append(_read_entry(len(entries) + 1, account, one, alike))
    return BankStatement("+".join(_text(one, "Id") for one in statements), tuple(entries))


def problems(root: ET.Element) -> list[str]:
    """What about a document is not as the message definition has it: names, order, what is missing, sums."""
    found = []
    match = re.fullmatch(r"\{(.*)\}Document", root.tag)
    if match is None or not _READ.fullmatch(match[1]):
        return [f"its root is {root.tag!r}"]
    for element in root.iter():
        said, may_say = (element.text or "").strip(), SAYS.get(tag(element))
        if may_say and said not in may_say:
            found.append(f"{tag(element)} says {said[:40]!r}, and may say {' or '.join(may_say)}")
        wanted = ORDER.get(tag(element))
        if wanted is None:
            continue
        names = [name.rstrip("*") for name in wanted]
        ranks = [names.index(tag(child)) for child in element if tag(child) in names]
        if ranks != sorted(ranks):
            found.append(f"the children of {tag(element)} are out of order")
        present = {tag(child) for child in element}
        found += [
            f"{tag(element)} has no {name.rstrip('*')}"
            for name in wanted
            if name.endswith("*") and name.rstrip("*") not in present
        ]
    return found or [problem for one in root.iter() if tag(one) == "Stmt" for problem in _sums(one)]


def _sums(statement: ET.Element) -> Iterator[str]:
    balances = {}
    for balance in (one for one in statement if tag(one) == "Bal"):
        code = next((one.text for one in balance.iter() if tag(one) == "Cd"), None)
        balances[code] = _signed(balance)
    entries = [_signed(one) for one in statement if tag(one) == "Ntry" and _status(one) == "BOOK"]
    opening = balances.get("OPBD", balances.get("PRCD"))
    if opening is not None and "CLBD" in balances and opening + sum(entries) != balances["CLBD"]:
        yield (
            f"its entries sum to {sum(entries)} minor units, and lead from {opening} to {balances['CLBD']} instead"
        )


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


def _read_entry(number: int, account: str, entry: ET.Element, alike: Counter[str]) -> Entry:
    amount = next(one for one in entry if tag(one) == "Amt")
    currency = known_currency(amount.get("Ccy", ""))
    amount_minor = to_minor((amount.text or "").strip(), currency)
    booked_on = _booked_on(number, entry)
    servicer_reference = _text(entry, "AcctSvcrRef")
    bank_reference = servicer_reference or _text(entry, "NtryRef")
    references = [(one.text or "").strip() for one in entry.iter() if tag(one) == "EndToEndId"]
    reference = references[0] if len(references) == 1 and not _is_of_several(entry) else ""
    side, status = _text(entry, "CdtDbtInd"), _status(entry)
    said = [account, bank_reference, references, amount_minor, currency, side, status, booked_on.isoformat()]
    digest = digest_json(said)
    # A bank's own reference names one entry: two that have it are one.
    alike[digest] = 1 if servicer_reference else alike[digest] + 1
    return Entry(
        number=number,
        entry=bank_reference,
        reference=reference,
        amount_minor=amount_minor,
        currency=currency,
        is_debit=side == "DBIT",
        booked_on=booked_on,
        is_booked=status == "BOOK",
        is_reversal=_text(entry, "RvslInd") in ("true", "1"),
        # Two payments that a bank tells apart in no way are two all the same: the first, and the second like it.
        fingerprint=f"{digest}#{alike[digest]}",
        identity=digest_json([account, servicer_reference]) if servicer_reference else "",
    )


def _is_of_several(entry: ET.Element) -> bool:
    """Whether an entry is several payments in one: one of them may have a reference, and the amount is of all."""
    details = sum(tag(one) == "TxDtls" for one in entry.iter())
    batch = next((one for one in entry.iter() if tag(one) == "Btch"), None)
    return details > 1 or (batch is not None and _text(batch, "NbOfTxs") not in ("", "1"))


def _booked_on(number: int, entry: ET.Element) -> date:
    booked = next((one for one in entry if tag(one) == "BookgDt"), None)
    text = "" if booked is None else next(((one.text or "") for one in booked), "")
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise BadBankFile(problem=f"entry {number} has no day of booking") from error


def _account(statement: ET.Element) -> str:
    """The account's number as the bank writes it: an IBAN or its own."""
    account = next(one for one in statement if tag(one) == "Acct")
    identity = next(one for one in account if tag(one) == "Id")
    return next((text for one in identity.iter() if (text := (one.text or "").strip())), "")


def _signed(element: ET.Element) -> int:
    amount = next(one for one in element if tag(one) == "Amt")
    text, currency = (amount.text or "").strip(), known_currency(amount.get("Ccy", ""))
    minor = 0 if re.fullmatch(r"0+(\.0*)?", text) else to_minor(text, currency)
    return -minor if _text(element, "CdtDbtInd") == "DBIT" else minor


def _status(entry: ET.Element) -> str:
    status = next(one for one in entry if tag(one) == "Sts")
    return (status.text or "").strip() or next(((one.text or "").strip() for one in status), "")


def _text(element: ET.Element, name: str) -> str:
    return next(((one.text or "").strip() for one in element if tag(one) == name), "")


def tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
