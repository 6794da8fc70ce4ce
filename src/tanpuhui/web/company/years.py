"""Years: the compliance years that a company has declared, and what may be offset in any other."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tanpuhui.copies.cap_in_words import in_words
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import BadTonnes, parse_tonnes
from tanpuhui.offsetting.cap import Cap, YearOf, cap_of
from tanpuhui.offsetting.models import Obligation
from tanpuhui.offsetting.year import cap_of_company, place_of, used_mg
from tanpuhui.quantify.jurisdiction import Jurisdiction, known_jurisdictions, load_jurisdiction
from tanpuhui.web.company.owner import add_refusal, looks, may_act, owner_of
from tanpuhui.web.shared.templatetags.page import language_of


def places() -> list[Jurisdiction]:
    """Where something may be offset: places with a cap of their own or of their city."""
    every = [load_jurisdiction(code) for code in known_jurisdictions()]
    return [one for one in every if one.offset_caps and place_of(one) == one]


class Tonnes(forms.CharField):
    """Tonnes of CO2e as people write them, exactly; cleaned to milligrams."""

    def __init__(self, **named: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(max_length=40, widget=widget, **named)

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value) or "").replace(",", "").replace("\N{FULLWIDTH COMMA}", "").strip()
        if not text:
            return None
        try:
            return parse_tonnes(text, name="amount")
        except BadTonnes:
            raise forms.ValidationError(
                _("Give tonnes as a plain number from 0 on with at most 9 decimals, such as 1000000.")
            ) from None


class AmountsForm(forms.Form):
    """What a cap is reckoned from."""

    verified_emissions = Tonnes(
        label=_("Verified emissions, t CO₂e"),
        help_text=_("As the verifier's report has them, for example 1000000."),
    )
    allowances = Tonnes(
        label=_("Allowances, t CO₂e"),
        help_text=_("Where the cap is a share of them."),
        required=False,
    )


class CapForm(AmountsForm):
    """Which place and year to reckon for."""

    place = forms.ChoiceField(label=_("Jurisdiction"))
    year = forms.IntegerField(label=_("Compliance year"), min_value=2000, max_value=2999)
    field_order = ("place", "year", "verified_emissions", "allowances")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        choices = [(one.code, language_of(one.title)) for one in places()]
        self.fields["place"].choices = choices  # type: ignore[attr-defined]


@looks
def years(request: HttpRequest) -> HttpResponse:
    """The years that were declared, and a calculator for any place and year; it declares nothing."""
    form = CapForm(request.GET if "year" in request.GET else None, initial={"year": _last_year()})
    status, cap = 200, None
    if form.is_bound:
        status, cap = _reckoned(request, form)
    context = {
        "form": form,
        "cap": cap,
        "words": in_words(cap) if cap else None,
        "title": load_jurisdiction(cap.jurisdiction).title if cap else None,
        "declared": _declared(owner_of(request)),
        "may_act": may_act(request),
    }
    return render(request, "company/offsets.html", context, status=status)


def _reckoned(request: HttpRequest, form: CapForm) -> tuple[int, Cap | None]:
    try:
        if not form.is_valid():
            return 422, None
        given = form.cleaned_data
        of = YearOf(given["year"], given["verified_emissions"], given["allowances"])
        return 200, cap_of(load_jurisdiction(given["place"]), of)
    except Refusal as refusal:
        return add_refusal(request, form, refusal), None


def _declared(owner: int) -> list[dict[str, Any]]:
    found = (
        Obligation.objects.filter(company=owner)
        .order_by("-year", "jurisdiction")
        .values_list("jurisdiction", "year")
        .distinct()
    )
    rows = []
    for code, year in found:
        place = load_jurisdiction(code)
        cap = cap_of_company(owner, place, year)
        used = used_mg(code, year, owner)
        rows.append({"place": place, "year": year, "cap": cap, "used_mg": used})
    return rows


def _last_year() -> int:
    return timezone.localdate().year - 1
