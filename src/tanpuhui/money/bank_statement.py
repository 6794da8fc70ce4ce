"""Bank statement: import what a bank says came in and went out; a line that nobody expects is kept and listed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.money import camt
from tanpuhui.money.account import lock_money
from tanpuhui.money.amounts import to_text
from tanpuhui.money.claimant import Claim, Claimant, ask, prepare
from tanpuhui.money.models import BankFile, BankLine

SEEN, OTHER_CONTENT = "seen_before", "other_content"


def import_statement(body: bytes, *, at: datetime, report: Report = nobody) -> dict[str, Any]:
    """Take a camt.053 file once, in the caller's transaction: each line is claimed by whom its reference names.

    The same file again gives the same answer, and an entry that two files have counts once. Nothing is guessed: what
    does not match exactly is kept with the reason.
    """
    digest = digest_bytes(body)
    lock_money()
    known = BankFile.objects.filter(digest=digest).first()
    if known is not None:
        return describe(known)
    found = camt.read(body)
    prepare(found.entries)
    with transaction.atomic():
        file = BankFile.objects.create(
            digest=digest, statement=found.id, lines_count=len(found.entries), at=at
        )
        for entry in told(found.entries, report, "Importing", len(found.entries)):
            _take(file, entry, at)
    return describe(file)


def unmatched() -> list[BankLine]:
    """Every line that is nobody's payment, with why, oldest first."""
    return list(BankLine.objects.exclude(why_not="").select_related("file").order_by("id"))


def describe(file: BankFile) -> dict[str, Any]:
    """A file with what its lines paid, and those that paid nothing."""
    lines = list(file.lines.order_by("number"))
    return {
        "statement": file.statement,
        "digest": file.digest,
        "lines": len(lines),
        "matched": [line.subject for line in lines if not line.why_not],
        "unmatched": [describe_line(line) for line in lines if line.why_not],
    }


def describe_line(line: BankLine) -> dict[str, Any]:
    """A line as JSON-ready values."""
    return {
        "line": line.number,
        "entry": line.entry,
        "reference": line.reference,
        "amount": to_text(-line.amount_minor if line.is_debit else line.amount_minor, line.currency),
        "currency": line.currency,
        "booked_on": line.booked_on.isoformat(),
        "why": line.why_not,
    }


def _take(file: BankFile, entry: camt.Entry, at: datetime) -> None:
    claimant, claim = _whose(entry)
    line = BankLine.objects.create(
        file=file,
        number=entry.number,
        entry=entry.entry,
        reference=entry.reference,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        is_debit=entry.is_debit,
        booked_on=entry.booked_on,
        fingerprint=entry.fingerprint,
        identity=entry.identity,
        claimant=claimant.name if claimant else "",
        subject=claim.subject if claimant else "",
        why_not=claim.why_not,
    )
    if claimant is not None:
        claimant.take(line, at=at)


def _whose(entry: camt.Entry) -> tuple[Claimant | None, Claim]:
    """Nobody's is what the bank has not booked, what takes a payment back, and what another line has already.

    What the bank names by a reference that it gave before, with another amount or payer, is nobody's either.
    """
    if not entry.is_booked:
        return None, Claim("", "not_booked")
    if BankLine.objects.filter(fingerprint=entry.fingerprint).exists():
        return None, Claim("", SEEN)
    if entry.is_reversal:
        return None, Claim("", "reversal")
    same = BankLine.objects.filter(identity=entry.identity).exclude(why_not__in=["not_booked", "reversal"])
    if entry.identity and same.exists():
        return None, Claim("", OTHER_CONTENT)
    return ask(entry)
