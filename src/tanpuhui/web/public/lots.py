"""Lots as pages: a list, one page a lot with what happened to it, and the look-up of any serial number."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tanpuhui.access.models import Organisation
from tanpuhui.close.models import Manifest
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.quantify.jurisdiction import UnknownJurisdiction, load_jurisdiction
from tanpuhui.registry.left_out import left_out_of
from tanpuhui.registry.lookup import find
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.serial import serials, written
from tanpuhui.registry.states import states_of
from tanpuhui.web.public.library import library, said
from tanpuhui.web.shared.refused import status_of, text_of

PER_PAGE = 25
#: Who used a tonne is public; who only holds one is not.
PUBLIC_STATES = (Block.RETIRED, Block.CANCELLED)


class SerialForm(forms.Form):
    """What somebody has in their hand: a number, a printed serial, or a lot's code."""

    serial = forms.CharField(
        label=_("Serial number or code of a lot"),
        max_length=100,
        help_text=_("For example 3, a serial number as it is printed, or DEMO-000001."),
    )


def all_of_them(request: HttpRequest) -> HttpResponse:
    """Every lot, newest first."""
    page = Paginator(Lot.objects.order_by("-serial_first"), PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"lot": lot, "serials": serials(lot), **of_methodology(lot, request)} for lot in page]
    return render(request, "public/lots.html", {"page": page, "rows": rows, "form": SerialForm()})


def look_up(request: HttpRequest) -> HttpResponseBase:
    """The lot of a serial number; the form again, as typed, where there is none."""
    form = SerialForm(request.GET if "serial" in request.GET else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            found = find(form.cleaned_data["serial"])
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            if found.serial is None:
                return redirect("lot", found.lot.code)
            return redirect("serial", written(found.lot, found.serial, found.serial))
    elif form.is_bound:
        status = 422
    return render(request, "public/look_up.html", {"form": form}, status=status)


def one(request: HttpRequest, code: str) -> HttpResponse:
    """One lot: what it is, what it rests on, and what happened to it so far."""
    lot = Lot.objects.filter(code=code).first()
    if lot is None:
        raise Http404
    manifests = Manifest.objects.filter(digest__in=lot.manifests).order_by("day")
    held = states_of(lot.code)
    places = [
        (_("With residents"), held.certified_mg),
        (_("In a pool, for companies to acquire"), held.pooled_mg),
        (_("With companies"), held.transferred_mg),
        (_("Set aside"), held.locked_mg),
        (_("In the buffer"), held.buffer_mg),
        (_("Retired: used, for good"), held.retired_mg),
        (_("Cancelled: found wrong"), held.cancelled_mg),
        (_("Clawed back from an account"), held.clawed_back_mg),
    ]
    whole_mg = lot.tonnes * TONNE_MG
    context = {
        "lot": lot,
        "serials": serials(lot),
        "serial": _serial_of(request, lot),
        "whole_mg": whole_mg,
        "manifests": manifests.only("digest", "day", "sequence", "as_of"),
        "places": [
            {"name": name, "mg": amount, "percent": amount * 100 // whole_mg}
            for name, amount in ((name, in_whole_tonnes(exact_mg)) for name, exact_mg in places)
        ],
        "total_mg": held.total_mg,
        "ranges": _ranges(lot),
        "annulment": Annulment.objects.filter(pk=lot.pk).first(),
        "few": fewer_than(lot),
        "counts": counts_persons(lot),
        "left_out": _left_out(lot),
        "notice": notice_of(lot, request.LANGUAGE_CODE or ""),
        **of_methodology(lot, request),
    }
    return render(request, "public/lot.html", context)


def _ranges(lot: Lot) -> list[dict[str, Any]]:
    """A lot's serial ranges as they are now, in the order of their numbers; companies only of what was used."""
    blocks = Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first")
    return [
        {
            "serials": written(lot, block.first, block.last),
            "first": written(lot, block.first, block.first),
            "tonnes": block.tonnes,
            "state": block.state,
            "company": company_of(block.owner) if block.state in PUBLIC_STATES else None,
        }
        for block in blocks
    ]


def _left_out(lot: Lot) -> list[dict[str, Any]]:
    """Why accounts were left out, and how many; of few it is said that they are few, and of nobody how much.

    Where statistics come with noise, how many is not said (:func:`counts_persons`).
    """
    named = {
        "ets": _("emissions trading"),
        "ccer": _("CCER"),
        "green_certificate": _("green certificates"),
    }
    least, counts = least_persons(lot), counts_persons(lot)
    return [
        {
            "market": named[one.market],
            "accounts": one.accounts if counts else None,
            "few": least if counts and one.accounts < least else None,
            "clause": one.clause,
            "source": one.source,
        }
        for one in left_out_of(lot)
    ]


def company_of(owner: int) -> Organisation | None:
    """The company that an owner of the ledger is; residents and pools are none."""
    if owner < FIRST_ORGANISATION:
        return None
    return Organisation.objects.filter(pk=owner - FIRST_ORGANISATION).first()


def fewer_than(lot: Lot) -> int | None:
    """The least number of persons that may be published, where a lot has fewer residents; else nothing."""
    if not counts_persons(lot):
        return None
    least = least_persons(lot)
    return least if lot.residents < least else None


def counts_persons(lot: Lot) -> bool:
    """Whether exact numbers of persons of a lot may be public: not where all that is published of them has noise."""
    try:
        return load_jurisdiction(lot.jurisdiction).private is None
    except UnknownJurisdiction:
        return False


def in_whole_tonnes(amount_mg: int) -> int:
    """An amount in mg, rounded down to whole tonnes.

    To the milligram, whoever asks every minute would read each resident's conversion, gift or sale as a difference.
    """
    return amount_mg - amount_mg % TONNE_MG


def least_persons(lot: Lot) -> int:
    """The least number of persons that may be published of a lot's place; 0 of a place that has no rules here."""
    try:
        return load_jurisdiction(lot.jurisdiction).least_persons
    except UnknownJurisdiction:
        return 0


def notice_of(lot: Lot, language: str) -> str:
    notice = load_jurisdiction(lot.jurisdiction).notice
    return notice.get("zh" if language.startswith("zh") else "en", "")


def of_methodology(lot: Lot, request: HttpRequest) -> dict[str, Any]:
    """Title and address of the version by which a lot was quantified."""
    code, _at, version = lot.methodology.partition("@")
    place, _slash, name = code.partition("/")
    known = library().methodologies.get((code, int(version)))
    title = said(known.title, request.LANGUAGE_CODE or "") if known else lot.methodology
    address = (
        reverse("methodology", kwargs={"place": place, "name": name, "version": int(version)})
        if known
        else ""
    )
    return {"methodology_title": title, "methodology_address": address, "methodology_version": version}


def _serial_of(request: HttpRequest, lot: Lot) -> int | None:
    given = request.GET.get("serial", "")
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        return None
    return int(given) if lot.serial_first <= int(given) <= lot.serial_last else None
