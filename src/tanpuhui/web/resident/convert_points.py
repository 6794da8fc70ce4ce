"""Convert: a resident turns certified reductions into points: asks, sees exactly what will happen, then says yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.copies.points_words import name_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points.convert import ConvertOrder, convert, convertible_of
from tanpuhui.points.models import Sponsor
from tanpuhui.points.rule import ConversionRule, conversion_rule
from tanpuhui.points.sponsor import available_of_account, budget_account, money_code
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.refused import status_of, text_of

OK = 200
#: A year beyond which nobody plans: the rule says that points do not end.
NEVER = 9999


@dataclass(frozen=True)
class Possible:
    """What can be converted now: the reductions allow so many points, and each sponsor's budget covers so many."""

    convertible_mg: int
    by_reductions: int
    by_budget: dict[str, int]

    def most(self, sponsor: str) -> int:
        """How many points of a sponsor there can be."""
        return min(self.by_reductions, self.by_budget.get(sponsor, 0))


class ConvertForm(forms.Form):
    """Whose points, and how many."""

    sponsor = forms.ChoiceField(label=_l("Whose points"), widget=forms.RadioSelect)
    points = forms.IntegerField(label=_l("How many points"), min_value=1)
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, sponsors: list[Sponsor], possible: Possible, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.possible = possible
        choice, points = self.fields["sponsor"], self.fields["points"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(one.code, name_of(one.organisation)) for one in sponsors]
        if len(sponsors) == 1:
            choice.widget = forms.HiddenInput()
        most = max((possible.most(one.code) for one in sponsors), default=0)
        points.help_text = _("Up to %(count)s now.") % {"count": most}
        points.widget.attrs["max"] = most

    def refuse_too_many(self) -> None:
        """Say so beside the field before anything is shown; the verb itself refuses what is done."""
        most = self.possible.most(self.cleaned_data["sponsor"])
        if self.cleaned_data["points"] > most:
            self.add_error("points", _("Up to %(count)s now.") % {"count": most})


@resident_page
def convert_points(request: HttpRequest) -> HttpResponseBase:
    """Ask how many, show what it takes and gives, and do it when the resident says yes to that."""
    account = cast(ResidentRequest, request).account
    rule = conversion_rule(jurisdiction(), timezone.localdate())
    sponsors = list(Sponsor.objects.select_related("organisation").order_by("code"))
    possible = _possible(account, rule, sponsors)
    step, status = request.POST.get("do", "ask"), OK
    context: dict[str, Any] = {"rule": rule, "possible": possible, "notice": _notice()}
    first = next((one for one in sponsors if possible.most(one.code)), None)
    if first is None and step != "convert":
        return render(request, "resident/convert_points.html", context)
    begin = {"sponsor": first.code, "points": possible.most(first.code), "key": uuid4()} if first else {}
    form = ConvertForm(
        request.POST if request.method == "POST" else None,
        initial=begin,
        sponsors=sponsors,
        possible=possible,
    )
    if form.is_bound and form.is_valid():
        if step == "convert":
            try:
                made = _convert(account, form, rule, at=utc_now())
            except Refusal as refusal:
                again = request.POST.copy()
                again["key"] = str(uuid4())
                form = ConvertForm(again, sponsors=sponsors, possible=possible)
                form.add_error(None, text_of(refusal))
                status = status_of(refusal)
            else:
                said = _("%(count)s points are yours.") % {"count": made["points"]}
                messages.success(request, said)
                return redirect("resident:points")
        elif step == "preview":
            form.refuse_too_many()
            if form.is_valid():
                context["preview"] = _preview(form, rule, sponsors, at=utc_now())
    if form.is_bound and not form.is_valid() and status == OK:
        status = 422
    return render(request, "resident/convert_points.html", {"form": form, **context}, status=status)


def _possible(account: int, rule: ConversionRule, sponsors: list[Sponsor]) -> Possible:
    convertible_mg = sum(one.amount_mg for one in convertible_of(account))
    budgets = {
        one.code: available_of_account(budget_account(one.pk), money_code(one.code))[0]
        // one.point_value_minor
        for one in sponsors
    }
    return Possible(convertible_mg, convertible_mg // rule.mg_per_point, budgets)


def _convert(account: int, form: ConvertForm, rule: ConversionRule, *, at: datetime) -> dict[str, Any]:
    given = form.cleaned_data
    order = ConvertOrder(
        f"web:convert:{account}:{given['key']}",
        given["sponsor"],
        account,
        given["points"],
        timezone.localdate(at),
    )
    with transaction.atomic():
        answer = convert(order, rule, at=at)
    return answer.accepted()


def _preview(
    form: ConvertForm, rule: ConversionRule, sponsors: list[Sponsor], *, at: datetime
) -> dict[str, Any]:
    given = form.cleaned_data
    until = rule.expires_at(at)
    return {
        "sponsor": next(one for one in sponsors if one.code == given["sponsor"]),
        "points": given["points"],
        "amount_mg": given["points"] * rule.mg_per_point,
        "left_mg": form.possible.convertible_mg - given["points"] * rule.mg_per_point,
        "expires_at": None if until.year >= NEVER else until,
    }


def _notice() -> str:
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    return jurisdiction().notice.get(language, "")
