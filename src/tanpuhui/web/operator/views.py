"""Views of the operator's staff: the way into their console."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from tanpuhui.access.models import Organisation
from tanpuhui.web.shared.access import organisation_page


@organisation_page(Organisation.OPERATOR)
def home(request: HttpRequest) -> HttpResponseBase:
    """Where a member begins: the console."""
    del request
    return redirect("console:index")
