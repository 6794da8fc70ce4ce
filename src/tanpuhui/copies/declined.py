"""Declined: why an application for a financial product was not granted, as its bank says it and its applicant reads it.

A few reasons to choose from, so that nothing about a person is written down, and everybody reads it in their language.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import AuditEntry

VERB = "application.decline"
OBJECT = "redemption"
REASONS = {
    "papers": _l("Papers that the terms ask for were not shown."),
    "condition": _l("A condition in the product's published text, other than the tier, is not met."),
    "absent": _l("Nobody came to the bank with the reference in time."),
    "over": _l("The bank gives this product no longer."),
}


def why_not_granted(redemption: int, closing_key: str, account: int) -> str:
    """What became of an application that was let go: whose doing it was, and why."""
    if closing_key.startswith(f"web:release:{account}:"):
        return _("You took the application back.")
    entry = AuditEntry.objects.filter(verb=VERB, object_kind=OBJECT, object_key=str(redemption)).first()
    said = REASONS.get(str(entry.facts.get("reason"))) if entry else None
    if said is None:
        return _("The bank did not grant it and gave no reason here. Ask the bank for one: it decided.")
    return _(
        "The bank declined it: {reason} Ask the bank if you want it explained further: it decided."
    ).format(reason=said)
