"""Sponsor: what an organisation owes whoever holds its points, at any time, and what stands behind it.

An audience adds it with ``*sponsor.addresses(Organisation.COMPANY)`` in its ``urls.py`` and ``{% sponsor_tab %}`` in
its frame; who funds no points has no such page.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Organisation
from tanpuhui.close.installation import zone
from tanpuhui.kit.moment import utc_now
from tanpuhui.points.balance import expiring
from tanpuhui.points.budget import funding_reference
from tanpuhui.points.models import Offer, Settlement, Sponsor
from tanpuhui.points.sponsor import Liability, fundings, liability
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.members import frame_of

NEWEST = 30
MONTHS = 12
#: A year that stands for no end.
NEVER = "9999-12"


class DayForm(forms.Form):
    """The end of which day the ledger is asked for; today is now."""

    on = forms.DateField(
        label=_l("At the end of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_on(self) -> date | None:
        on: date | None = self.cleaned_data["on"]
        if on is not None and on > timezone.localdate():
            raise forms.ValidationError(_("Choose a day that is not in the future."))
        return on


def addresses(kind: str) -> list[URLPattern]:
    """The address for one kind of organisation."""
    return [path("<slug:organisation>/sponsor/", organisation_page(kind)(sponsor), name="sponsor")]


def sponsor(request: HttpRequest) -> HttpResponse:
    """Liability, reserve and budget as the ledger had them; what is over when; what was funded and settled."""
    organisation: Organisation = cast(MemberRequest, request).organisation
    found = own_or_404(Sponsor.objects.select_related("organisation"), pk=organisation.pk)
    form = DayForm({"on": request.GET.get("on", "")})
    now = utc_now()
    at = _end_of(form.cleaned_data["on"], now) if form.is_valid() else now
    context = {
        "frame": frame_of(organisation),
        "form": form,
        "at": at,
        "is_now": at == now,
        **figures(found, at=at),
    }
    return render(request, "shared/sponsor.html", context, status=200 if form.is_valid() else 422)


def figures(found: Sponsor, *, at: datetime) -> dict[str, Any]:
    """What is shown of a sponsor: as of ``at`` what it owes, and as of now what is over when."""
    owed = liability(found, at=at)
    now = utc_now()
    return {
        "sponsor": found,
        "owed": owed,
        "covers": _covers(owed),
        "worth_minor": owed.outstanding_points * owed.point_value_minor,
        "months": _months(expiring(found, at=now, zone=zone())),
        "fundings": fundings(found)[:NEWEST],
        "reference": funding_reference(found),
        "settlements": Settlement.objects.filter(sponsor=found)
        .select_related("organisation", "payment")
        .order_by("-id")[:NEWEST],
        "offers": Offer.objects.filter(
            sponsor=found, starts_at__lte=now, ends_at__gt=now, stop__isnull=True
        ).count(),
    }


def _covers(owed: Liability) -> bool:
    return owed.reserve_minor == owed.outstanding_points * owed.point_value_minor


def _months(found: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """The next months that have something, the rest in one, and what has no end."""
    ending = [(month, points) for month, points in found if month != NEVER]
    rows: list[dict[str, Any]] = [
        {"month": date(int(month[:4]), int(month[5:]), 1), "points": points}
        for month, points in ending[:MONTHS]
    ]
    later = sum(points for _month, points in ending[MONTHS:])
    if later:
        rows.append({"month": None, "points": later, "is_later": True})
    endless = sum(points for month, points in found if month == NEVER)
    if endless:
        rows.append({"month": None, "points": endless, "is_later": False})
    return rows


def _end_of(on: date | None, now: datetime) -> datetime:
    if on is None or on == timezone.localdate(now):
        return now
    return timezone.make_aware(datetime.combine(on + timedelta(days=1), time())) - timedelta(microseconds=1)
