"""Rules: jurisdictions as pages, and whose rules apply here."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.home import content
from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.quantify import rule_changes
from tanpuhui.quantify.jurisdiction import Jurisdiction, UnknownJurisdiction, load_jurisdiction
from tanpuhui.web.public.library import library
from tanpuhui.web.public.rule_words import Shown, tables_of

YEAR = timedelta(days=365)


class DaysForm(forms.Form):
    """Two days to compare."""

    first = forms.DateField(label=_l("From"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    second = forms.DateField(label=_l("To"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


def here() -> Jurisdiction:
    """The rules of this installation."""
    return jurisdiction()


def all_rules(request: HttpRequest) -> HttpResponse:
    """Every jurisdiction that this installation knows."""
    every = [rules_of(path.stem) for path in sorted(content("jurisdictions").glob("*.toml"))]
    return render(request, "public/rules.html", {"jurisdictions": every, "here": here()})


def one(request: HttpRequest, code: str) -> HttpResponse:
    """The rules of one place."""
    found = rules_of(code)
    known = {methodology.code for methodology in library().all()}
    context = {
        "rules": found,
        "is_here": found.code == here().code,
        "known": known,
        "tables": tables_of(found, _today(found)),
        "form": DaysForm(initial={"first": _today(found) - YEAR, "second": _today(found)}),
    }
    return render(request, "public/jurisdiction.html", context)


def changes(request: HttpRequest, code: str) -> HttpResponse:
    """What begins and what ends between two days: the past, and what is dated for days to come."""
    found = rules_of(code)
    form = DaysForm(request.GET if "first" in request.GET else None)
    rows, status = None, 200
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        rows = [
            {"change": one, "shown": Shown.of(one.table, one.then or one.now, given["second"])}
            for one in rule_changes.between_days(found, given["first"], given["second"])
            if one.table != rule_changes.SCENES
        ]
    elif form.is_bound:
        status = 422
    context = {"rules": found, "form": form, "rows": rows}
    return render(request, "public/rule_changes.html", context, status=status)


def _today(found: Jurisdiction) -> date:
    return local_day(to_us(utc_now()), found.zone)


def file(request: HttpRequest, code: str) -> HttpResponse:
    """The file itself, as it goes into manifests by digest."""
    del request
    rules_of(code)
    text = (content("jurisdictions") / f"{code}.toml").read_bytes()
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def rules_of(code: str) -> Jurisdiction:
    try:
        return _rules(code)
    except UnknownJurisdiction:
        raise Http404 from None


@lru_cache(maxsize=64)
def _rules(code: str) -> Jurisdiction:
    return load_jurisdiction(code)
