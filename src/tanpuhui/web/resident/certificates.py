"""Certificates: what residents can take along and show: a statement of the balance, the proof of a share of a lot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import groupby
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.notary.documents import whole_lot
from tanpuhui.notary.installation import log
from tanpuhui.notary.shares import lots_of
from tanpuhui.registry.balance_statement import balance_statement
from tanpuhui.web.resident.statement_pdf import typeset
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.refused import text_of

LANGUAGES = {"zh": "zh-hans", "en": "en"}
#: Proofs that one account may take in an hour: each reads the whole tree of a lot.
MOST_FILES, WITHIN_S = 20, 3_600


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
        "lots": lots_of(account),
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


@resident_page
def share_proof(request: HttpRequest, lot: str) -> HttpResponse:
    """One file that proves, with no network, one's own share of a lot and everything that the lot was used for."""
    account = cast(ResidentRequest, request).account
    if lot not in lots_of(account):
        raise Http404
    if is_over("share-proofs", account, most=MOST_FILES, within_s=WITHIN_S):
        return errors.too_many(request)
    try:
        document = whole_lot(log(), lot, account)
    except Refusal as refusal:
        messages.error(request, text_of(refusal))
        return redirect("resident:certificates")
    response = HttpResponse(
        json.dumps(document, ensure_ascii=False, indent=2), content_type="application/json"
    )
    response["Content-Disposition"] = f'attachment; filename="share-{lot}.json"'
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
