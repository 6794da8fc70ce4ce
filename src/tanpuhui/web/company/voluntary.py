"""Voluntary: a company retires units for an event or for somebody, of its own will and for good."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.voluntary import (
    MOST_CHARACTERS,
    SINK,
    VoluntaryOrder,
    retirable,
    retire_voluntarily,
)
from tanpuhui.quantify.jurisdiction import Jurisdiction, known_jurisdictions, load_jurisdiction
from tanpuhui.registry.models import Block, Lot
from tanpuhui.web.company.owner import acts, add_refusal, done, key_of, owner_of
from tanpuhui.web.company.years import Tonnes
from tanpuhui.web.shared.access import shown_recently
from tanpuhui.web.shared.templatetags.page import count, methodology_title


class RetireForm(forms.Form):
    """Of which lot, how much, for whom and for what; and that it cannot be taken back."""

    lot = forms.ChoiceField(label=_l("Lot"), help_text=_l("Lots of places whose rules allow it."))
    amount = Tonnes(label=_l("Tonnes to retire"), help_text=_l("Whole tonnes."))
    beneficiary = forms.CharField(
        label=_l("Beneficiary"),
        help_text=_l("An event or an organisation. Public: name no person."),
        max_length=MOST_CHARACTERS,
    )
    purpose = forms.CharField(
        label=_l("Purpose"), help_text=_l("What is offset. Public."), max_length=MOST_CHARACTERS
    )
    sure = forms.BooleanField(label=_l("I know that this cannot be undone."))
    key = forms.CharField(max_length=60, widget=forms.HiddenInput())

    def __init__(self, lots: list[tuple[Lot, int]], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["lot"].choices = [  # type: ignore[attr-defined]
            (
                lot.code,
                f"{lot.code} · {methodology_title(lot.methodology)} · {lot.vintage} · {count(tonnes)} t",
            )
            for lot, tonnes in lots
        ]


@acts
@shown_recently
def retire(request: HttpRequest) -> HttpResponseBase:
    """Retire voluntarily; then its certificate."""
    lots = _lots(owner_of(request))
    bound = request.POST if request.method == "POST" else None
    choices = lots + _used_up(owner_of(request), bound, lots) if bound else lots
    form = RetireForm(choices, bound, initial={"key": str(uuid4())})
    status = 200
    if form.is_bound and form.is_valid():
        try:
            made = done(
                request,
                "retire_units_voluntarily",
                lambda: retire_voluntarily(_order(request, form), _place(form), at=utc_now()),
                object_kind="voluntary_retirement",
                facts=lambda found: {
                    "key": found.pk,
                    "mg": found.amount_mg,
                    "jurisdiction": found.jurisdiction,
                },
            )
        except Refusal as refusal:
            status = add_refusal(request, form, refusal)
        else:
            messages.success(request, _("Retired. This is its certificate."))
            return redirect("certificate", made.certificate.number)
    elif form.is_bound:
        status = 422
    whole_mg = sum(tonnes for _lot, tonnes in lots) * TONNE_MG
    return render(
        request, "company/retire.html", {"form": form, "lots": lots, "whole_mg": whole_mg}, status=status
    )


def _used_up(owner: int, bound: Any, lots: list[tuple[Lot, int]]) -> list[tuple[Lot, int]]:
    """The lot of a form that was sent twice and has used it up: the verb answers the second as the first."""
    code = bound.get("lot", "")
    if code in [lot.code for lot, _tonnes in lots]:
        return []
    retired = Block.objects.filter(lot=code, owner=owner, state=Block.RETIRED, closed_at__isnull=True)
    return [(block.lot, 0) for block in retired[:1]]


def _order(request: HttpRequest, form: forms.Form) -> VoluntaryOrder:
    given = form.cleaned_data
    return VoluntaryOrder(
        key_of(request, given["key"]),
        owner_of(request),
        given["amount"],
        given["beneficiary"],
        given["purpose"],
        given["lot"],
    )


def _place(form: forms.Form) -> Jurisdiction:
    return load_jurisdiction(Lot.objects.get(pk=form.cleaned_data["lot"]).jurisdiction)


def _lots(owner: int) -> list[tuple[Lot, int]]:
    """The company's lots of places whose rules let them be used so today; each under its own place."""
    found = []
    for code in known_jurisdictions():
        place = load_jurisdiction(code)
        if place.rule("sinks", local_day(to_us(utc_now()), place.zone), sink=SINK) is not None:
            found += [(lot, tonnes) for lot, tonnes in retirable(owner, place) if lot.jurisdiction == code]
    return found
