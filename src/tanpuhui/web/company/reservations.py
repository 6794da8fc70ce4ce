"""Reservations: surrendered, released, or made good, each on a page that says first what will happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.offsetting.certificate import certify_surrender
from tanpuhui.offsetting.models import Reservation
from tanpuhui.offsetting.release import release as give_up
from tanpuhui.offsetting.replace import due_of
from tanpuhui.offsetting.replace import replace as stand_in
from tanpuhui.offsetting.surrender import surrender as use
from tanpuhui.offsetting.year import ending_of
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.web.company.owner import acts, add_refusal, done, mine, owner_of
from tanpuhui.web.shared.access import own_or_404, shown_recently


@acts
@shown_recently
def surrender(request: HttpRequest, reservation: int) -> HttpResponseBase:
    """Use it against the year's emissions, for good; then its certificate."""
    found = _own(request, reservation)

    def do() -> None:
        done(
            request,
            "surrender_units",
            lambda: use(found.pk, key=f"web:{found.pk}", at=utc_now()),
            object_kind="reservation",
            facts=lambda used: {"key": used.pk, "mg": used.amount_mg},
        )

    answer = _confirmed(request, "company/surrender.html", found, do)
    if answer is None:
        messages.success(request, _("Surrendered. This is its certificate."))
        return redirect("certificate", certify_surrender(found, at=utc_now()).number)
    return answer


@acts
def release(request: HttpRequest, reservation: int) -> HttpResponseBase:
    """Give it up: its units are the company's again."""
    found = _own(request, reservation)

    def do() -> None:
        done(
            request,
            "release_units",
            lambda: give_up(found.pk, key=f"web:{found.pk}", at=utc_now()),
            object_kind="reservation",
            facts=lambda given_up: {"key": given_up.pk, "mg": given_up.amount_mg},
        )

    answer = _confirmed(request, "company/release.html", found, do)
    if answer is None:
        messages.success(request, _("Released. The units are yours again."))
        return redirect(_year_of(request, found))
    return answer


@acts
@shown_recently
def replace(request: HttpRequest, reservation: int, lot: str) -> HttpResponseBase:
    """Retire other units in the place of those whose lot was annulled."""
    found = _own(request, reservation)
    due = next((one for one in due_of(found) if one.lot == lot), None)
    if due is None and request.method != "POST":
        raise Http404

    def do() -> None:
        done(
            request,
            "replace_units",
            lambda: stand_in(found.pk, lot, key=f"web:{found.pk}:{lot}", at=utc_now()),
            object_kind="reservation",
            facts=lambda made: {"key": found.pk, "lot": lot, "mg": made.amount_mg},
        )

    answer = _confirmed(request, "company/replace.html", found, do, due=due, lot=lot)
    if answer is None:
        messages.success(request, _("Made good. The certificate says so."))
        return redirect(_year_of(request, found))
    return answer


def _own(request: HttpRequest, number: int) -> Reservation:
    return own_or_404(Reservation.objects.filter(company=owner_of(request)), pk=number)


def _confirmed(
    request: HttpRequest, template: str, found: Reservation, do: Callable[[], None], **more: Any
) -> HttpResponseBase | None:
    """The page that says what will happen, until somebody says yes there; nothing when it is done."""
    form = forms.Form(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            do()
        except Refusal as refusal:
            status = add_refusal(request, form, refusal)
        else:
            return None
    context = {
        "form": form,
        "reservation": found,
        "ending": ending_of(found),
        "place": load_jurisdiction(found.jurisdiction),
        "back": _year_of(request, found),
        **more,
    }
    return render(request, template, context, status=status)


def _year_of(request: HttpRequest, found: Reservation) -> str:
    code = mine(request).organisation.code
    return reverse("company:year", args=[code, found.jurisdiction, found.year])
