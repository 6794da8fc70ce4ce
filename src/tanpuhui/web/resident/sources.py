"""Sources: who may report or receive, each with its notice in full; agree, say no, pause, resume and withdraw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.access.audit import record
from tanpuhui.consent import ask
from tanpuhui.consent import withdraw as steps
from tanpuhui.consent.age import ZONE
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.receipt import receipt as receipt_of
from tanpuhui.consent.show import wards_of
from tanpuhui.consent.terms import Terms
from tanpuhui.copies.parties import party_names
from tanpuhui.kit.moment import from_us, utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points.models import Offer
from tanpuhui.web.resident.act_names import act_name
from tanpuhui.web.resident.consent_form import ConsentForm
from tanpuhui.web.resident.consents_on_offer import (
    ConsentOnOffer,
    lang_of,
    parties_of,
    recipient_of,
    recipients_of,
    source_of,
    sources_of,
)
from tanpuhui.web.resident.notice import lines_of
from tanpuhui.web.resident.whose import Whose, whose
from tanpuhui.web.shared.access import ResidentRequest, own_or_404, resident_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

METHOD = "web"


@resident_page
def sources(request: HttpRequest, child: int | None = None) -> HttpResponse:
    """Every source and recipient with how it stands; what was declined stands apart and asks for nothing."""
    for_whom = whose(cast(ResidentRequest, request), child)
    now = utc_now()
    found = sources_of(for_whom.account, at=now)
    context = {
        "whose": for_whom,
        "running": _with_address(for_whom, found, ("given", "paused", "asked")),
        "free": _with_address(for_whom, [one for one in found if one.is_offered], ("free",)),
        "past": _with_address(for_whom, [one for one in found if not one.is_offered], ("free",)),
        "declined": _with_address(for_whom, found, ("declined",)),
        "recipients": _with_address(for_whom, recipients_of(for_whom.account, at=now), None),
        "children": wards_of(cast(ResidentRequest, request).account, on=timezone.localdate()),
    }
    return render(request, "resident/sources.html", context)


@resident_page
def source(request: HttpRequest, provider: str, child: int | None = None) -> HttpResponseBase:
    """One provider: what it may report, the notice, and every step that can be taken."""
    for_whom = whose(cast(ResidentRequest, request), child)
    return _consent_page(request, for_whom, source_of(for_whom.account, provider, at=utc_now()))


@resident_page
def recipient(
    request: HttpRequest, purpose: str, recipient: str, child: int | None = None
) -> HttpResponseBase:
    """One recipient of one purpose."""
    for_whom = whose(cast(ResidentRequest, request), child)
    return _consent_page(request, for_whom, recipient_of(for_whom.account, purpose, recipient, at=utc_now()))


@resident_page
def receipt(request: HttpRequest, grant: int, child: int | None = None) -> HttpResponse:
    """The receipt of a consent, to read and to print."""
    for_whom = whose(cast(ResidentRequest, request), child)
    one = own_or_404(Grant.objects.filter(resident=for_whom.account), pk=grant)
    kept = receipt_of(one.pk, at=utc_now())
    context = {
        "whose": for_whom,
        "grant": one,
        "receipt": kept,
        "kinds": [act_name(kind) for kind in one.kinds],
        "names": party_names([one.provider, one.recipient]),
        "acts_from": timezone.localtime(from_us(one.acts_from_us)),
        "steps": list(one.events.order_by("seq")),
        "file": for_whom.address("receipt_file", grant=one.pk),
        "back": _address_of_grant(for_whom, one),
    }
    return render(request, "resident/receipt.html", context)


@resident_page
def receipt_file(request: HttpRequest, grant: int, child: int | None = None) -> HttpResponse:
    """The receipt for a program: the record of ISO/IEC TS 27560, signed."""
    for_whom = whose(cast(ResidentRequest, request), child)
    one = own_or_404(Grant.objects.filter(resident=for_whom.account), pk=grant)
    answer = JsonResponse(
        receipt_of(one.pk, at=utc_now()), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )
    answer["Content-Disposition"] = f'attachment; filename="receipt-grant-{one.pk}.json"'
    return answer


def step(
    offer: ConsentOnOffer,
    verb: str,
    for_whom: Whose,
    *,
    at: datetime,
    method: str,
    evidence: str | None = None,
) -> None:
    """Take one step about the newest consent of an offer; what has no consent has no step."""
    standing = offer.standing
    if standing is None or verb not in STEPS:
        raise BadRequest
    STEPS[verb](
        standing.grant.pk,
        at=at,
        by=for_whom.by,
        method=method,
        **({"evidence": evidence} if evidence else {}),
    )


#: Steps about a consent that there is.
STEPS: dict[str, Callable[..., None]] = {
    "withdraw": steps.withdraw,
    "pause": steps.pause,
    "resume": steps.resume,
    "agree": ask.agree,
    "say_no": ask.say_no,
}


def _said(verb: str, name: str) -> str:
    return {
        "give": _("You allowed {name}. The receipt is yours to keep."),
        "agree": _("You allowed {name}. The receipt is yours to keep."),
        "refuse": _("You declined {name}. You are not asked again; you can come back to it yourself."),
        "say_no": _("You declined {name}. You are not asked again; you can come back to it yourself."),
        "withdraw": _("You withdrew from {name}. Nothing more is processed; what was credited stays."),
        "pause": _("{name} is paused. Nothing is processed until you resume."),
        "resume": _("{name} is resumed."),
    }[verb].format(name=name)


def _consent_page(request: HttpRequest, for_whom: Whose, offer: ConsentOnOffer) -> HttpResponseBase:
    verb = request.POST.get("do", "") if request.method == "POST" else ""
    form = ConsentForm(request.POST if verb == "give" else None, offer=offer, language=get_language() or "")
    refused = ""
    status = 200
    if verb and (verb != "give" or form.is_valid()):
        try:
            number = _do(request, for_whom, offer, verb, form)
        except Refusal as refusal:
            refused, status = text_of(refusal), status_of(refusal)
        else:
            messages.success(request, _said(verb, offer.name))
            back = _offer_asked_for(request, offer)
            if back and verb in ("give", "agree", "resume"):
                return redirect("resident:points_offer", offer=back)
            if verb in ("give", "agree"):
                return redirect(for_whom.address("receipt", grant=number))
            return redirect(_address_of(for_whom, offer))
    elif verb:
        status = 422
    context = {
        "whose": for_whom,
        "offer": offer,
        "form": form,
        "refused": refused,
        "notice": notice_lines(offer),
        "parties": parties_of(offer),
        "history": [
            {"standing": one, "address": for_whom.address("receipt", grant=one.grant.pk)}
            for one in offer.history
        ],
        "identifier": for_whom.address("identifier", provider=offer.provider) if offer.reports else "",
        "may_give": offer.is_offered and offer.state in ("free", "declined") and for_whom.may_decide,
        "back": for_whom.address("sources"),
        "for_offer": _offer_asked_for(request, offer),
    }
    return render(request, "resident/source.html", context, status=status)


def _offer_asked_for(request: HttpRequest, offer: ConsentOnOffer) -> str:
    """The financial product of this recipient from which somebody came here to agree; nothing for anything else."""
    found = Offer.objects.filter(code=request.GET.get("offer", ""), organisation__code=offer.recipient)
    return found.values_list("code", flat=True).first() or ""


def _do(request: HttpRequest, for_whom: Whose, offer: ConsentOnOffer, verb: str, form: ConsentForm) -> int:
    now = utc_now()
    with transaction.atomic():
        number = offer.standing.grant.pk if offer.standing else 0
        if verb == "give":
            if not offer.is_offered:
                raise Http404
            given = give(
                for_whom.account,
                form.terms(at=now, zone=ZONE),
                at=now,
                by=for_whom.by,
                method=METHOD,
                guardian=for_whom.guardian,
            )
            number = given.pk
        elif verb == "refuse":
            number = _decline(for_whom, offer, now)
        else:
            step(offer, verb, for_whom, at=now, method=METHOD)
        record(
            f"grant_{verb}",
            who=cast(ResidentRequest, request).user,
            at=now,
            object_kind="account",
            object_key=for_whom.account,
            facts={
                "grant": number,
                "provider": offer.provider,
                "recipient": offer.recipient,
                "purpose": offer.purpose.code,
                "by": for_whom.by,
            },
            request_id=current(),
        )
    return number


def _decline(for_whom: Whose, offer: ConsentOnOffer, at: datetime) -> int:
    """Say no to what was shown; again changes nothing."""
    if offer.state == "declined" and offer.standing:
        return offer.standing.grant.pk
    terms = Terms(
        offer.provider,
        offer.acts,
        purpose=offer.purpose.code,
        recipient=offer.recipient,
        lang=lang_of(get_language() or ""),
    )
    grant = ask.refuse(
        for_whom.account, terms, at=at, by=for_whom.by, method=METHOD, guardian=for_whom.guardian
    )
    return grant.pk


def notice_lines(offer: ConsentOnOffer) -> dict[str, Any]:
    """The notice as it is drawn: its exact words, line by line, with its version and digest."""
    return lines_of(offer.notice(get_language() or ""))


def _with_address(
    for_whom: Whose, found: list[ConsentOnOffer], states: tuple[str, ...] | None
) -> list[dict[str, Any]]:
    return [
        {"offer": one, "address": _address_of(for_whom, one)}
        for one in found
        if states is None or one.state in states
    ]


def _address_of(for_whom: Whose, offer: ConsentOnOffer) -> str:
    if offer.reports:
        return for_whom.address("source", provider=offer.provider)
    return for_whom.address("recipient", purpose=offer.purpose.code, recipient=offer.recipient)


def _address_of_grant(for_whom: Whose, grant: Grant) -> str:
    if grant.purpose == "quantification":
        return for_whom.address("source", provider=grant.provider)
    return for_whom.address("sources")
