"""Redemption: the code that a resident shows, whether it was taken yet, and letting it go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import segno
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tanpuhui.copies.declined import why_not_granted
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import code
from tanpuhui.points.models import Offer, Redemption, Terms
from tanpuhui.points.redeem import ReleaseOrder, release, state_of
from tanpuhui.web.resident.points import redeemed
from tanpuhui.web.shared.access import ResidentRequest, own_or_404, resident_page
from tanpuhui.web.shared.refused import text_of


@resident_page
def redemption(request: HttpRequest, redemption: int) -> HttpResponse:
    """The code, big enough to be scanned from a phone, with its number and until when it is good."""
    found = _own(request, redemption)
    context = _standing(found, utc_now())
    if context["shows_code"]:
        token = code.sign(found, context["offer"])
        context |= {"qr": _qr(token), "spoken": code.spoken(token, found.pk), "token": token}
    return render(request, "resident/redemption.html", context)


@resident_page
def redemption_state(request: HttpRequest, redemption: int) -> HttpResponse:
    """What became of it so far: the part of the page that htmx asks for again while it is open."""
    return render(request, "resident/redemption_state.html", _standing(_own(request, redemption), utc_now()))


@require_POST
@resident_page
def release_redemption(request: HttpRequest, redemption: int) -> HttpResponseBase:
    """Let it go: the points are free again, at once."""
    found = _own(request, redemption)
    account = cast(ResidentRequest, request).account
    order = ReleaseOrder(f"web:release:{account}:{found.pk}", found.pk, account=account)
    try:
        with transaction.atomic():
            answer = release(order, at=utc_now())
        answer.accepted()
    except Refusal as refusal:
        messages.error(request, text_of(refusal))
    else:
        messages.success(request, _("It is cancelled, and your points are free again."))
    return redirect("resident:redemption", redemption=found.pk)


def _own(request: HttpRequest, number: int) -> Redemption:
    account = cast(ResidentRequest, request).account
    return own_or_404(
        Redemption.objects.filter(account=account)
        .exclude(state=Redemption.REFUSED)
        .select_related("closing"),
        pk=number,
    )


def _standing(found: Redemption, at: datetime) -> dict[str, Any]:
    [shown] = redeemed([found])
    assert found.good_until is not None, "what is held has its times"
    is_held = state_of(found) == Redemption.HELD
    offline = shown.offer.offline_points >= found.points and shown.offer.offline_s > 0
    return {
        "one": shown,
        "offer": shown.offer,
        "is_held": is_held,
        "shows_code": is_held and at <= found.good_until and shown.offer.kind != Offer.FINANCIAL,
        "is_over": is_held and at > found.good_until,
        "may_release": is_held and not offline,
        "reference": code.spoken(code.sign(found, shown.offer), found.pk) if found.terms_id else "",
        "terms": Terms.objects.filter(pk=found.terms_id).first() if found.terms_id else None,
        "why_not": why_not_granted(found.pk, found.closing.key, found.account)
        if found.terms_id and shown.state == "released"
        else "",
        "refunds": list(found.refunds.order_by("id")),
    }


def _qr(token: str) -> str:
    return segno.make(token, error="m").svg_data_uri(scale=1, border=2)
