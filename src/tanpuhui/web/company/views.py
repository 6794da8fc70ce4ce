"""Views of a company: what it holds, what waits for it, and the history of its units."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.offsetting.models import Certificate
from tanpuhui.registry.models import Movement
from tanpuhui.registry.serial import written
from tanpuhui.web.company.holdings import dues_of, holdings
from tanpuhui.web.company.owner import looks, owner_of

PER_PAGE = 25


@looks
def home(request: HttpRequest) -> HttpResponse:
    """What the company holds and has used, with serial numbers, and what has to be replaced."""
    owner = owner_of(request)
    context = {
        "holdings": holdings(owner),
        "dues": dues_of(owner),
        "certificates": Certificate.objects.filter(company=owner).order_by("-sequence")[:3],
    }
    return render(request, "company/home.html", context)


@looks
def history(request: HttpRequest) -> HttpResponse:
    """Every move of the company's units, newest first, with their serial numbers."""
    owner = owner_of(request)
    found = (
        Movement.objects.filter(Q(from_owner=owner) | Q(to_owner=owner)).select_related("lot").order_by("-id")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "movement": one,
            "serials": written(one.lot, one.first, one.last),
            "tonnes": one.last - one.first + 1,
            "came": one.from_owner != owner,
        }
        for one in page
    ]
    return render(request, "company/history.html", {"page": page, "rows": rows})
