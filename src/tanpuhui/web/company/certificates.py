"""Certificates of one company, newest first; the certificates themselves are public pages."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.copies.credential_words import standing_of
from tanpuhui.offsetting.certificate import annulled_of, credential_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.web.company.owner import looks, may_act, owner_of

PER_PAGE = 25


@looks
def certificates(request: HttpRequest) -> HttpResponse:
    """What the company surrendered and retired, each with its certificate."""
    found = Certificate.objects.filter(company=owner_of(request)).order_by("-sequence")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {"certificate": one, "annulled": annulled_of(one), **standing_of(credential_of(one))} for one in page
    ]
    context = {"page": page, "rows": rows, "may_act": may_act(request)}
    return render(request, "company/certificates.html", context)
