"""Statements: a resident lets a bank see balance or tier, hands over a code, and sees each look."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tanpuhui.access.models import AuditEntry, Organisation
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.disclosure.hand_over import BALANCE, PURPOSE, TIER, hand_over, is_in_force, terms
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.access import ResidentRequest, own_or_404, resident_page
from tanpuhui.web.shared.refused import status_of, text_of

NEWEST = 20
LOOKS = ("see_statement", "refused_statement")


class ShowForm(forms.Form):
    """To whom, and what."""

    recipient = forms.ChoiceField(label=gettext_lazy("To whom"))
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What"),
        choices=[
            (BALANCE, gettext_lazy("Balance: certified, pending, retired")),
            (TIER, gettext_lazy("Tier alone")),
        ],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, given: Any = None) -> None:
        super().__init__(given)
        language = get_language() or ""
        possible = policy().purpose(PURPOSE).recipients
        banks = Organisation.objects.filter(kind=Organisation.BANK, code__in=possible).order_by("code")
        field = cast(forms.ChoiceField, self.fields["recipient"])
        field.choices = [(bank.code, bank.name(language)) for bank in banks]


@resident_page
def page(request: HttpRequest) -> HttpResponseBase:
    """Give a consent for one recipient; the consents given, with a code for each; and who looked."""
    account = cast(ResidentRequest, request).account
    form = ShowForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _give(account, form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("Your consent is recorded. Make a code and hand it over."))
            return redirect("resident:statements")
    elif form.is_bound:
        status = 422
    return _shown(request, account, form=form, status=status)


@require_POST
@resident_page
def code(request: HttpRequest, grant: int) -> HttpResponse:
    """A code for one consent, shown this once."""
    account = cast(ResidentRequest, request).account
    with transaction.atomic():
        text, row = hand_over(account, grant, at=utc_now())
    return _shown(request, account, form=ShowForm(), code=text, expires_at=row.expires_at)


@require_POST
@resident_page
def end(request: HttpRequest, grant: int) -> HttpResponseBase:
    """Take a consent back: nothing more is shown, earlier statements neither."""
    account = cast(ResidentRequest, request).account
    mine = own_or_404(Grant.objects.filter(resident=account, purpose=PURPOSE), pk=grant)
    with transaction.atomic():
        withdraw(mine.pk, at=utc_now(), method="page")
    messages.success(request, _("Taken back. Nothing more is shown under this consent."))
    return redirect("resident:statements")


def _give(account: int, chosen: dict[str, Any]) -> None:
    lang = "zh" if (get_language() or "").startswith("zh") else "en"
    with transaction.atomic():
        give(
            account,
            terms(chosen["recipient"], *sorted(chosen["kinds"]), lang=lang),
            at=utc_now(),
            method="page",
        )


def _shown(request: HttpRequest, account: int, *, status: int = 200, **context: Any) -> HttpResponse:
    now = utc_now()
    grants = Grant.objects.filter(resident=account, purpose=PURPOSE, expires_at__gt=now).order_by("-id")
    looks = AuditEntry.objects.filter(object_kind="account", object_key=str(account), verb__in=LOOKS)
    rules, lang = policy(), "zh" if (request.LANGUAGE_CODE or "").startswith("zh") else "en"
    context |= {
        "grants": [grant for grant in grants if is_in_force(grant, now)],
        "looks": looks.select_related("organisation").order_by("-at")[:NEWEST],
        "notice": rules.notice(rules.purpose(PURPOSE), lang).text,
    }
    return render(request, "resident/statements.html", context, status=status)
