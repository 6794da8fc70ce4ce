"""Filings: a company's compliance year on one page: cap, what is left, which lots may be used, and what was filed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.copies.cap_in_words import in_words
from tanpuhui.copies.status_names import status_name
from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.deadline import deadlines_of
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.eligible import Candidate, candidates
from tanpuhui.offsetting.models import Certificate, Obligation, Reservation
from tanpuhui.offsetting.refusals import CapExceeded
from tanpuhui.offsetting.replace import due_of
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.year import cap_of_company, ending_of, newest_obligation, place_of, used_mg
from tanpuhui.quantify.jurisdiction import Jurisdiction, UnknownJurisdiction, load_jurisdiction
from tanpuhui.registry.models import Lot
from tanpuhui.web.company.owner import acts, add_refusal, done, key_of, looks, may_act, mine, owner_of
from tanpuhui.web.company.why_not import why_not
from tanpuhui.web.company.years import AmountsForm, Tonnes
from tanpuhui.web.shared import errors


class DeclareForm(AmountsForm):
    """What a company emitted, verified, and the allowances it was given."""

    source = forms.CharField(
        label=_l("Who says so"),
        help_text=_l("The verifier's report or the authority's notice, by name and number."),
        max_length=300,
    )
    field_order = ("verified_emissions", "allowances", "source")


class ReserveForm(forms.Form):
    """How much is set aside; the key makes a form that is sent twice one filing."""

    amount = Tonnes(label=_l("Tonnes to reserve"), help_text=_l("Whole tonnes, at most what is left."))
    key = forms.CharField(max_length=60, widget=forms.HiddenInput())


@looks
def year(request: HttpRequest, place: str, year: int) -> HttpResponseBase:
    """One year; a POST reserves, and shows the page again with what was typed where it is refused."""
    rules = _rules(place)
    form = ReserveForm(request.POST if request.method == "POST" else None, initial={"key": str(uuid4())})
    if form.is_bound and not may_act(request):
        return errors.forbidden(request)
    status = 200
    if form.is_bound:
        status = _reserved(request, form, rules, year)
        if status == 302:
            return redirect(request.path)
    return _page(request, form, rules, year, status)


@acts
def declaration(request: HttpRequest, place: str, year: int) -> HttpResponseBase:
    """Declare a year's amounts, or declare them anew: the newest count."""
    rules = _rules(place)
    form = DeclareForm(request.POST if request.method == "POST" else None, initial=_asked(request))
    status = 200
    if form.is_bound:
        status = _declared(request, form, rules, year) if form.is_valid() else 422
        if status == 302:
            messages.success(request, _("Declared. The cap below is reckoned from it."))
            return redirect("company:year", mine(request).organisation.code, rules.code, year)
    before = Obligation.objects.filter(company=owner_of(request), jurisdiction=rules.code, year=year)
    context = {"form": form, "place": rules, "year": year, "before": before.order_by("-sequence")}
    return render(request, "company/declare.html", context, status=status)


def _rules(place: str) -> Jurisdiction:
    """The place under whose cap a year is filed for; a district's address is not there where its city's cap counts."""
    try:
        rules = load_jurisdiction(place)
    except UnknownJurisdiction:
        raise Http404 from None
    if place_of(rules) != rules or not rules.offset_caps:
        raise Http404
    return rules


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the calculator was asked, to begin the form with."""
    return {name: request.GET.get(name, "")[:40] for name in ("verified_emissions", "allowances")}


def _declared(request: HttpRequest, form: forms.Form, rules: Jurisdiction, year: int) -> int:
    given = form.cleaned_data
    of = YearOf(year, given["verified_emissions"], given["allowances"])
    try:
        done(
            request,
            "declare_emissions",
            lambda: declare(owner_of(request), rules, of, source=given["source"], at=utc_now()),
            object_kind="obligation",
            facts=lambda found: {
                "key": found.pk,
                "jurisdiction": rules.code,
                "year": year,
                "verified_emissions_mg": of.verified_emissions_mg,
                "allowances_mg": of.allowances_mg,
            },
        )
    except Refusal as refusal:
        return add_refusal(request, form, refusal)
    return 302


def _reserved(request: HttpRequest, form: forms.Form, rules: Jurisdiction, year: int) -> int:
    if not form.is_valid():
        return 422
    key, amount_mg = key_of(request, form.cleaned_data["key"]), form.cleaned_data["amount"]
    order = ReserveOrder(key, owner_of(request), year, amount_mg)
    try:
        found = done(
            request,
            "reserve_units",
            lambda: reserve(order, rules, at=utc_now()),
            object_kind="reservation",
            facts=lambda found: {"key": found.pk, "jurisdiction": rules.code, "year": year, "mg": amount_mg},
        )
    except Refusal as refusal:
        if isinstance(refusal, CapExceeded):
            words = in_words(cap_of_company(owner_of(request), rules, year))
            refusal.facts |= {
                "status": status_name(refusal.facts["status"]),
                "arithmetic": words.arithmetic,
                "rule": f"{refusal.facts['rule'].partition(':')[0]}",
            }
        return add_refusal(request, form, refusal)
    messages.success(request, _("Reserved under number {number}.").format(number=found.pk))
    return 302


def _page(
    request: HttpRequest, form: forms.Form, rules: Jurisdiction, year: int, status: int
) -> HttpResponse:
    owner = owner_of(request)
    declared = newest_obligation(owner, rules.code, year)
    context: dict[str, Any] = {
        "place": rules,
        "year": year,
        "declared": declared,
        "may_act": may_act(request),
        "deadlines": deadlines_of(rules, year),
        "today": local_day(to_us(utc_now()), rules.zone),
    }
    if declared is not None:
        context |= _standing(owner, rules, year, context["today"]) | {"form": form}
    return render(request, "company/year.html", context, status=status)


def _standing(owner: int, rules: Jurisdiction, year: int, today: Any) -> dict[str, Any]:
    cap = cap_of_company(owner, rules, year)
    used, pool_used = used_mg(rules.code, year, owner), used_mg(rules.code, year)
    lots = candidates(owner, rules, cap.rule, year=year, on=today)
    left_mg = max(0, cap.cap_mg - used)
    return {
        "cap": cap,
        "words": in_words(cap),
        "used_mg": used,
        "left_mg": left_mg,
        "left_whole_mg": left_mg // TONNE_MG * TONNE_MG,
        "used_percent": used * 100 // cap.cap_mg if cap.cap_mg else 100,
        "pool_used_mg": pool_used,
        "lots": _lots(lots, cap.rule.content, year),
        "eligible_mg": sum(one.tonnes for one in lots if not one.why_not) * TONNE_MG,
        "filings": _filings(owner, rules, year),
    }


def _lots(found: list[Candidate], cap: dict[str, Any], year: int) -> list[dict[str, Any]]:
    known = Lot.objects.in_bulk([one.lot for one in found])
    return [
        {
            "lot": known[one.lot],
            "mg": one.tonnes * TONNE_MG,
            "is_local": one.is_local,
            "why_not": why_not(one.why_not, known[one.lot], cap, year) if one.why_not else "",
        }
        for one in found
    ]


def _filings(owner: int, rules: Jurisdiction, year: int) -> list[dict[str, Any]]:
    found = Reservation.objects.filter(company=owner, jurisdiction=rules.code, year=year).order_by("-id")
    certificates = {one.reservation_id: one for one in Certificate.objects.filter(reservation__in=found)}
    return [
        {
            "reservation": one,
            "ending": ending_of(one),
            "certificate": certificates.get(one.pk),
            "dues": due_of(one),
        }
        for one in found
    ]
