"""Disclose: some residents let the bank see their balance, and it has looked, so that neither's pages are empty."""

from __future__ import annotations

from django.db import transaction

from tanpuhui.access import audit
from tanpuhui.access.demo import address_of
from tanpuhui.access.models import Organisation, User
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.consent.give import Giving, give_many
from tanpuhui.disclosure.hand_over import hand_over, terms
from tanpuhui.disclosure.look import look
from tanpuhui.quantify.jurisdiction import Jurisdiction

BANK = "bank"
#: Of the first residents so many agree; all but the first one, whose code is left to be made, hand theirs over.
AGREE = 3


def let_the_bank_see(accounts: dict[int, int], days: int, jurisdiction: Jurisdiction) -> None:
    """The first residents agree; the bank looks at those whose code it was given, and each look is written down."""
    at = Calendar(days).certified_at
    agreeing = [accounts[number] for number in sorted(accounts)[:AGREE]]
    bank, clerk = Organisation.objects.get(code=BANK), User.objects.get(email=address_of(BANK))
    with transaction.atomic():
        given = give_many([Giving(account, terms(BANK)) for account in agreeing], at=at, method="demo")
        for grant in given[1:]:
            code, _row = hand_over(grant.resident_id, grant.pk, at=at)
            seen = look(code, BANK, jurisdiction=jurisdiction, at=at)
            audit.record(
                "see_statement",
                who=clerk,
                at=at,
                organisation=bank,
                object_kind="account",
                object_key=grant.resident_id,
                facts={
                    "form": "page",
                    "statement": str(seen.pk),
                    "grant": grant.pk,
                    "kinds": list(grant.kinds),
                },
            )
