"""Views of a resident's own account."""

from __future__ import annotations

from typing import cast

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.statement import statement
from tanpuhui.web.shared.access import ResidentRequest, resident_page

NEWEST = 5


@resident_page
def home(request: HttpRequest) -> HttpResponse:
    """What this account has, pending and certified apart, and its newest lines."""
    account = cast(ResidentRequest, request).account
    drawn = statement(connection, account, at=utc_now(), limit=NEWEST)
    pending_mg, certified_mg = drawn.pending_mg(), drawn.certified_mg()
    context = {
        "account": account,
        "pending_mg": pending_mg,
        "certified_mg": certified_mg,
        "avoided_mg": pending_mg + certified_mg + drawn.retired_mg(),
        "lines": [
            {
                "effective_on": line.effective_on,
                "method": line.asset.removeprefix("pending:"),
                "amount": line.amount,
            }
            for line in drawn.lines
        ],
    }
    return render(request, "resident/home.html", context)
