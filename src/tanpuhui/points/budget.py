"""Budget: a sponsor pays in under its own reference; the bank's statement funds its budget, once."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.models import BankLine
from tanpuhui.points.models import Funding, Sponsor
from tanpuhui.points.sponsor import enter

#: By the organisation's number: a code may be longer than the 35 characters that banks carry.
PREFIX = "TPB-"
DIGITS = 9


def funding_reference(sponsor: Sponsor) -> str:
    """What a payment must carry as its end-to-end reference to fund a sponsor's budget."""
    return f"{PREFIX}{sponsor.pk:0{DIGITS}d}"


def find_by_reference(reference: str) -> Sponsor | None:
    """Whose funding reference this is; banks may write it in small letters."""
    number = reference[len(PREFIX) :]
    if len(number) != DIGITS or not (number.isascii() and number.isdecimal()):
        return None
    return Sponsor.objects.filter(pk=int(number)).first()


class Fundings:
    """The claimant of payments into sponsors' budgets."""

    name = "points.funding"

    def look(self, entry: Entry) -> Claim | None:
        if entry.reference[: len(PREFIX)].upper() != PREFIX:
            return None
        sponsor = find_by_reference(entry.reference)
        return Claim(entry.reference.upper(), _why_not(entry, sponsor))

    def take(self, line: BankLine, *, at: datetime) -> None:
        sponsor = find_by_reference(line.subject)
        assert sponsor is not None, "it was found a moment ago, and sponsors are never removed"
        reference = f"{line.subject} line {line.pk}"
        key = f"points.fund:line {line.pk}"
        enter(sponsor, line.amount_minor, key, reference, day=line.booked_on, at=at, line=line)


def _why_not(entry: Entry, sponsor: Sponsor | None) -> str:
    """Why an entry does not fund a sponsor; nothing where it does."""
    if sponsor is None:
        return "no_such_sponsor"
    if entry.is_debit:
        return "money_out"
    if entry.currency != sponsor.currency:
        return "currency_differs"
    # The operator stated this payment before the statement came: it counted then.
    if Funding.objects.filter(sponsor=sponsor, reference=entry.entry, line=None).exists():
        return "stated_before"
    return ""
