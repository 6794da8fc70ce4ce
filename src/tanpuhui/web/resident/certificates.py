"""Certificates: what a resident can take along and show: for now a statement of the balance, as PDF."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.moment import utc_now
from tanpuhui.registry.balance_statement import balance_statement
from tanpuhui.web.resident.statement_pdf import typeset
from tanpuhui.web.shared.access import ResidentRequest, resident_page

LANGUAGES = {"zh": "zh-hans", "en": "en"}


@resident_page
def certificates(request: HttpRequest) -> HttpResponse:
    """What there is to show, and what will be there."""
    account = cast(ResidentRequest, request).account
    now = utc_now().replace(microsecond=0)
    found = balance_statement(account, at=now)
    context = {
        "statement": found,
        "at": now.isoformat(),
        "groups": [
            (what, list(group), found.sum_mg(what))
            for what, group in groupby(found.positions, key=lambda one: one.what)
        ],
    }
    return render(request, "resident/certificates.html", context)


@resident_page
def statement_pdf(request: HttpRequest, language: str) -> HttpResponse:
    """The statement as of a moment (``?at=``), or of now. The same moment gives the same file, byte for byte."""
    if language not in LANGUAGES:
        raise Http404
    account = cast(ResidentRequest, request).account
    found = balance_statement(account, at=_moment(request.GET.get("at", "")))
    content = typeset(found, jurisdiction(), LANGUAGES[language])
    response = HttpResponse(content, content_type="application/pdf")
    name = f"tanpuhui-{account}-{found.at:%Y%m%dT%H%M%SZ}-{language}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _moment(text: str) -> datetime:
    """The moment that was asked for, and not one to come; without one, or with one that cannot be read, now."""
    now = utc_now()
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        return now
    try:
        return min(found.astimezone(UTC), now)
    except OverflowError:
        return now
