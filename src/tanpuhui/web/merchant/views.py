"""Views of somebody who makes offers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared.access import organisation_page


@organisation_page(Organisation.MERCHANT)
def home(request: HttpRequest) -> HttpResponse:
    """Where a member begins."""
    return render(request, "merchant/home.html")
