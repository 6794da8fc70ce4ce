"""Deposit: an organisation pays money in under its own reference; the bank's statement credits it, once."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.access.models import Organisation
from tanpuhui.money.account import money_account
from tanpuhui.money.book import book_in
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.models import BankLine

#: By code, and by number where the code is longer than the 35 characters that banks carry.
BY_CODE, BY_NUMBER = "TPD-", "TPN-"
MOST_CHARACTERS = 35


def deposit_reference(organisation: Organisation) -> str:
    """What a payment must carry as its end-to-end reference to be credited to an organisation."""
    by_code = f"{BY_CODE}{organisation.code}"
    return by_code if len(by_code) <= MOST_CHARACTERS else f"{BY_NUMBER}{organisation.pk}"


def find_by_reference(reference: str) -> Organisation | None:
    """Whose deposit reference this is; banks may write it in capitals."""
    prefix, rest = reference[:4].upper(), reference[4:].lower()
    if prefix == BY_CODE:
        return Organisation.objects.filter(code=rest).first()
    if prefix == BY_NUMBER and rest.isascii() and rest.isdecimal() and len(rest) < 18:
        return Organisation.objects.filter(pk=int(rest)).first()
    return None


class Deposits:
    """The claimant of payments under deposit references."""

    name = "money.deposit"

    def look(self, entry: Entry) -> Claim | None:
        if entry.reference[:4].upper() not in (BY_CODE, BY_NUMBER):
            return None
        organisation = find_by_reference(entry.reference)
        if organisation is None:
            return Claim(entry.reference, "no_such_organisation")
        return Claim(deposit_reference(organisation), "money_out" if entry.is_debit else "")

    def take(self, line: BankLine, *, at: datetime) -> None:
        organisation = find_by_reference(line.subject)
        assert organisation is not None, "it was found a moment ago, and organisations are never removed"
        book_in(line, money_account(organisation.pk), at=at)
