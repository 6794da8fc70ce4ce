"""Offline till: a page that checks codes without a network, keeps what it took, and sends it when there is one.

Without its script the page is a link to the normal till. What it takes is captured under a key made of the device and
the code, so sending it again takes nothing more, and a second device that took the same code is told so.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.decorators.http import require_POST

from tanpuhui.access.models import Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import code
from tanpuhui.points.refusals import CodeElsewhere
from tanpuhui.web.merchant.till import MOST_LETTERS, take
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.headers import PERMISSIONS
from tanpuhui.web.shared.offering import DOERS
from tanpuhui.web.shared.refused import text_of

#: Codes that come in one sending; the script sends the rest after it.
MOST_AT_ONCE = 50
WORKER = Path(__file__).parent / "static" / "merchant" / "worker.js"


@organisation_page(Organisation.MERCHANT, *DOERS)
def offline_till(request: HttpRequest) -> HttpResponse:
    """The page; it alone may use the camera."""
    answer = render(request, "merchant/offline_till.html", {"most_at_once": MOST_AT_ONCE})
    answer["Permissions-Policy"] = PERMISSIONS.replace("camera=()", "camera=(self)")
    return answer


@organisation_page(Organisation.MERCHANT, *DOERS)
def worker(request: HttpRequest) -> HttpResponse:
    """The script that answers for this page while there is no network; below its address, so that it sees no other."""
    del request
    return HttpResponse(WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")


@organisation_page(Organisation.MERCHANT, *DOERS)
def key(request: HttpRequest) -> JsonResponse:
    """What a till keeps for when there is no network: the public key, whose till it is, and the platform's clock."""
    mine = cast(MemberRequest, request)
    return JsonResponse(
        {
            "key": code.public_key(),
            "merchant": mine.organisation.code,
            "clocks_s": int(code.CLOCKS.total_seconds()),
            "now_ms": int(utc_now().timestamp() * 1000),
            "csrf": get_token(request),
        }
    )


@organisation_page(Organisation.MERCHANT, *DOERS)
@require_POST
def upload(request: HttpRequest) -> HttpResponseBase:
    """Capture what was taken without a network; each code has an answer of its own, the same whenever it is sent."""
    mine = cast(MemberRequest, request)
    codes = request.POST.getlist("code")
    device = _device(request.POST.get("device", ""))
    if device is None or not 1 <= len(codes) <= MOST_AT_ONCE or any(len(one) > MOST_LETTERS for one in codes):
        return JsonResponse({"answers": []}, status=422)
    return JsonResponse({"answers": [_capture(mine, one, device) for one in codes]})


def _device(given: str) -> str | None:
    """The name that a browser gave itself, a UUID; a page from before it had one sends none."""
    try:
        return str(UUID(given)) if given else ""
    except ValueError:
        return None


def _capture(mine: MemberRequest, token: str, device: str) -> dict[str, Any]:
    try:
        said = code.read(token, code.public_key())
        if said.organisation != mine.organisation.code:
            raise CodeElsewhere(organisation=said.organisation, merchant=mine.organisation.code)
        name = hashlib.sha256(token.strip().encode()).hexdigest()
        take(
            mine,
            said.redemption,
            key=f"offline:{device}:{name}" if device else f"offline:{name}",
            quantity=said.quantity,
            at=utc_now(),
            way="offline",
        )
    except Refusal as refusal:
        return {"code": token, "state": "refused", "why": refusal.code, "said": text_of(refusal)}
    return {"code": token, "state": "captured", "why": "", "said": ""}
