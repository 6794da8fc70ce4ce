"""Statements: a resident makes a code for a bank that they allowed to see balance or tier, and sees each look.

Allowing and withdrawing are on the page of each recipient, among the sources.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.disclosure.hand_over import PURPOSE, hand_over, is_in_force
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.resident.act_names import act_name
from tanpuhui.web.shared.access import ResidentRequest, resident_page

NEWEST = 20
LOOKS = ("see_statement", "refused_statement")


@resident_page
def page(request: HttpRequest) -> HttpResponse:
    """Consents in force, with a code for each; banks that can be allowed; and who looked."""
    return _shown(request, cast(ResidentRequest, request).account)


@require_POST
@resident_page
def code(request: HttpRequest, grant: int) -> HttpResponse:
    """A code for one consent, shown this once."""
    account = cast(ResidentRequest, request).account
    with transaction.atomic():
        text, row = hand_over(account, grant, at=utc_now())
    return _shown(request, account, code=text, expires_at=row.expires_at)


def _shown(request: HttpRequest, account: int, **context: Any) -> HttpResponse:
    now = utc_now()
    banks = _banks()
    grants = Grant.objects.filter(resident=account, purpose=PURPOSE, recipient__in=banks, expires_at__gt=now)
    in_force = [grant for grant in grants.order_by("-id") if is_in_force(grant, now)]
    allowed = {grant.recipient for grant in in_force}
    looks = AuditEntry.objects.filter(object_kind="account", object_key=str(account), verb__in=LOOKS)
    context |= {
        "purpose": PURPOSE,
        "grants": [
            {
                "grant": grant,
                "name": banks[grant.recipient],
                "kinds": [act_name(kind) for kind in grant.kinds],
            }
            for grant in in_force
        ],
        "others": [{"code": code, "name": name} for code, name in banks.items() if code not in allowed],
        "looks": looks.select_related("organisation").order_by("-at")[:NEWEST],
    }
    return render(request, "resident/statements.html", context)


def _banks() -> dict[str, str]:
    """Banks that a statement can be shown to, by code, with their names in the reader's language."""
    found = Organisation.objects.filter(kind=Organisation.BANK, code__in=policy().purpose(PURPOSE).recipients)
    return {bank.code: bank.name(get_language() or "") for bank in found.order_by("code")}
