"""Views of a company."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.access.models import Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.company.holdings import holdings
from tanpuhui.web.shared.access import MemberRequest, organisation_page


@organisation_page(Organisation.COMPANY)
def home(request: HttpRequest) -> HttpResponse:
    """What the company holds and has used, for reading."""
    found = holdings(cast(MemberRequest, request).organisation, utc_now())
    return render(request, "company/home.html", {"holdings": found})
