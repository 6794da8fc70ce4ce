"""Statements: a resident makes a code for a bank that they allowed to see balance or tier, or takes a file; sees looks.

Allowing and withdrawing are on the page of each recipient, among the sources.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry, Organisation, User
from tanpuhui.close.installation import jurisdiction
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.copies.credential import MEDIA_TYPE
from tanpuhui.copies.credential_words import kind_name, standing_of
from tanpuhui.copies.credentials_of import issued_for
from tanpuhui.copies.parties import party_names
from tanpuhui.disclosure.carry import carry, own_grant
from tanpuhui.disclosure.hand_over import BALANCE, PURPOSE, TIER, hand_over, is_in_force
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials.key import read_key
from tanpuhui.transparency.credentials.plain import read_json
from tanpuhui.transparency.credentials.present import disclose
from tanpuhui.transparency.models import Credential
from tanpuhui.web.resident.act_names import act_name
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.request_id import current

NEWEST = 20
#: Files that one account may take in an hour.
MOST_FILES, WITHIN_S = 20, 3_600
#: What a kind of the consent is called in a statement.
NAMES = {BALANCE: "balance", TIER: "tier"}
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


@require_POST
@resident_page
def credential(request: HttpRequest, grant: int) -> HttpResponse:
    """A signed file for one bank that shows as much as was chosen; that it was taken is written down."""
    account = cast(ResidentRequest, request).account
    own_grant(account, grant)
    if is_over("statement-credentials", account, most=MOST_FILES, within_s=WITHIN_S):
        return errors.too_many(request)
    form = ShowForm(request.POST)
    if not form.is_valid():
        return _shown(request, account, status=422, wrong=form.errors)
    now = utc_now()
    with transaction.atomic():
        made = carry(
            account, grant, jurisdiction=jurisdiction(), at=now, holder=form.cleaned_data["holder_key"]
        )
        file = _as_chosen(made, form.cleaned_data["shows"])
        record(
            "take_credential",
            who=cast(User, request.user),
            at=now,
            object_kind="account",
            object_key=account,
            facts={"grant": grant, "credential": made.pk, "shows": form.cleaned_data["shows"]},
            request_id=current(),
        )
    answer = HttpResponse(file, content_type=MEDIA_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="statement-{made.pk}.sd-jwt.json"'
    return answer


class ShowForm(forms.Form):
    """How much of the consent to show, and a key of one's own, if one has any."""

    shows = forms.ChoiceField(choices=[(BALANCE, ""), (TIER, ""), ("all", "")])
    holder_key = forms.CharField(required=False, max_length=1000)

    def clean_holder_key(self) -> Any:
        """A public key (JWK) on P-256, or nothing."""
        given = self.cleaned_data["holder_key"].strip()
        try:
            return read_key(read_json(given)) if given else None
        except Refusal:
            raise forms.ValidationError(_("This is no public key on P-256, as JWK.")) from None


def _as_chosen(made: Credential, shows: str) -> str:
    """The file with what was chosen; as of when and by which rules is shown with it."""
    whole = credentials.whole(made)
    if shows == "all":
        return whole.text()
    return disclose(whole, [(NAMES[shows],), ("at",), ("jurisdiction",)]).text()


def _shown(request: HttpRequest, account: int, *, status: int = 200, **context: Any) -> HttpResponse:
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
                "choices": [(kind, act_name(kind)) for kind in grant.kinds],
            }
            for grant in in_force
        ],
        "others": [{"code": code, "name": name} for code, name in banks.items() if code not in allowed],
        "taken": _taken(account, now),
        "looks": looks.select_related("organisation").order_by("-at")[:NEWEST],
    }
    return render(request, "resident/statements.html", context, status=status)


def _taken(account: int, at: datetime) -> list[dict[str, Any]]:
    """Signed files that the resident took: for whom, until when, and whether and why one does not count any more."""
    rows = issued_for(account).annotate(recipient=F("statement__grant__recipient")).order_by("-pk")
    found = list(rows.prefetch_related("steps")[:NEWEST])
    names = party_names(one.recipient for one in found if one.recipient)
    return [
        {
            "credential": one,
            "kind": kind_name(one.kind),
            "recipient": names.get(one.recipient, ""),
            "is_over": one.expires_at is not None and one.expires_at <= at,
            **standing_of(one),
        }
        for one in found
    ]


def _banks() -> dict[str, str]:
    """Banks that a statement can be shown to, by code, with their names in the reader's language."""
    found = Organisation.objects.filter(kind=Organisation.BANK, code__in=policy().purpose(PURPOSE).recipients)
    return {bank.code: bank.name(get_language() or "") for bank in found.order_by("code")}
