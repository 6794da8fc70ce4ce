"""Applications for a bank's products, by tier and reference alone: granting, declining, and consents that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import Organisation
from tanpuhui.copies.declined import OBJECT, REASONS
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import code
from tanpuhui.points.models import Closing, Delivery, Offer, Outbox, Redemption, Terms
from tanpuhui.points.outbox import delivered, waiting_for
from tanpuhui.points.redeem import CaptureOrder, Redeemed, ReleaseOrder, capture, release, state_of
from tanpuhui.points.refusals import ConsentMissing
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.offering import DOERS
from tanpuhui.web.shared.refused import text_of
from tanpuhui.web.shared.request_id import current

PER_PAGE = 30
NEWEST = 30
WAITING = "waiting"


@dataclass(frozen=True)
class Application:
    """One application as its bank sees it: the product, the terms of the tier, a reference. Nothing of the person."""

    number: int
    reference: str
    offer: Offer
    terms: Terms
    state: str
    asked_at: datetime
    answer_by: datetime | None
    ended_at: datetime | None
    is_open: bool


@organisation_page(Organisation.BANK)
def applications(request: HttpRequest) -> HttpResponse:
    """Every application, those that wait for an answer first; and how all are treated alike."""
    mine = cast(MemberRequest, request)
    only_waiting = request.GET.get("show", WAITING) == WAITING
    found = _of(mine.organisation)
    if only_waiting:
        found = found.filter(closing__isnull=True, expires_at__gt=utc_now())
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "applications": _applications(list(page)),
        "only_waiting": only_waiting,
        "may_act": mine.membership.role in DOERS,
        "reasons": REASONS.items(),
        "messages_waiting": len(waiting_for(mine.organisation.pk)),
    }
    return render(request, "bank/applications.html", context)


@organisation_page(Organisation.BANK, *DOERS)
@require_POST
def answer(request: HttpRequest, redemption: int, verb: str) -> HttpResponseBase:
    """Grant, or decline with a reason, once; what the consent no longer covers cannot be granted."""
    mine = cast(MemberRequest, request)
    found = own_or_404(_of(mine.organisation), pk=redemption)
    reason = request.POST.get("reason", "")
    if verb == "decline" and reason not in REASONS:
        messages.error(request, _("Choose why it is declined: the applicant reads it. Nothing was done."))
        return redirect("bank:applications", organisation=mine.organisation.code)
    try:
        _answer(mine, found, verb, reason, at=utc_now())
    except ConsentMissing:
        messages.error(request, _("The consent has ended, so it cannot be granted. Decline it, or wait."))
    except Refusal as refusal:
        messages.error(request, text_of(refusal))
    else:
        messages.success(request, _("It is granted.") if verb == "grant" else _("It is declined."))
    return redirect("bank:applications", organisation=mine.organisation.code)


@organisation_page(Organisation.BANK)
def ended_consents(request: HttpRequest) -> HttpResponse:
    """Consents that ended under products of this bank, until somebody says that it was taken note of."""
    mine = cast(MemberRequest, request)
    waiting = waiting_for(mine.organisation.pk)
    taken = Delivery.objects.filter(message__organisation_id=mine.organisation.pk).select_related("message")
    numbers = {one["redemption"] for one in waiting} | {one.message.redemption_id for one in taken[:NEWEST]}
    known = {one.number: one for one in _applications(list(_of(mine.organisation).filter(pk__in=numbers)))}
    sent = {one.pk: one for one in Outbox.objects.filter(pk__in=[one["message"] for one in waiting])}
    context = {
        "waiting": [
            {
                "message": one["message"],
                "application": known.get(one["redemption"]),
                "state": ended_name(one["state"]),
                "at": sent[one["message"]].at,
            }
            for one in waiting
        ],
        "taken": [
            {
                "application": known.get(one.message.redemption_id),
                "state": ended_name(one.message.state),
                "at": one.at,
            }
            for one in taken.order_by("-at")[:NEWEST]
        ],
        "may_act": mine.membership.role in DOERS,
    }
    return render(request, "bank/ended_consents.html", context)


@organisation_page(Organisation.BANK, *DOERS)
@require_POST
def take_note(request: HttpRequest) -> HttpResponseBase:
    """Say that messages were taken note of; again changes nothing, and another bank's are left alone."""
    mine = cast(MemberRequest, request)
    numbers = [
        int(one)
        for one in request.POST.getlist("message")
        if one.isascii() and one.isdecimal() and len(one) < 19
    ]
    now = utc_now()
    with transaction.atomic():
        if delivered(mine.organisation.pk, numbers, at=now):
            _note(mine, "consent_end.noted", "outbox", " ".join(map(str, numbers)), at=now)
    messages.success(request, _("Taken note of."))
    return redirect("bank:ended_consents", organisation=mine.organisation.code)


def ended_name(state: str) -> str:
    """How a consent ended, in a word."""
    return {
        "Paused": pgettext("consent", "paused"),
        "Withdrawn": pgettext("consent", "withdrawn"),
        "Expired": pgettext("consent", "ran out"),
        "Superseded": pgettext("consent", "replaced"),
        "Terminated": pgettext("consent", "ended"),
    }[state]


def _answer(mine: MemberRequest, found: Redemption, verb: str, reason: str, *, at: datetime) -> None:
    key = f"web:{verb}:{mine.organisation.pk}:{found.pk}"
    with transaction.atomic():
        if verb == "grant":
            order = CaptureOrder(key, found.pk, mine.organisation.code)
            done: Redeemed = capture(order, day=timezone.localdate(at), at=at)
        else:
            done = release(ReleaseOrder(key, found.pk, organisation=mine.organisation.code), at=at)
        if done.refusal is None and not done.repeated:
            facts = {"reason": reason} if verb == "decline" else {}
            _note(mine, f"application.{verb}", OBJECT, found.pk, at=at, **facts)
    done.accepted()


def _note(mine: MemberRequest, verb: str, kind: str, key: object, *, at: datetime, **facts: str) -> None:
    record(
        verb,
        who=mine.user,
        at=at,
        organisation=mine.organisation,
        object_kind=kind,
        object_key=key,
        facts=facts,
        request_id=current(),
    )


def _of(organisation: Organisation) -> QuerySet[Redemption]:
    return (
        Redemption.objects.filter(
            organisation_id=organisation.pk, state=Redemption.HELD, terms_id__isnull=False
        )
        .select_related("closing")
        .order_by("-id")
    )


def _applications(found: list[Redemption]) -> list[Application]:
    offers = Offer.objects.select_related("organisation").in_bulk({one.offer_id for one in found})
    terms = Terms.objects.in_bulk({one.terms_id for one in found if one.terms_id})
    now = utc_now()
    return [_application(one, offers[one.offer_id], terms[cast(int, one.terms_id)], now) for one in found]


def _application(one: Redemption, offer: Offer, terms: Terms, now: datetime) -> Application:
    closing: Any = getattr(one, "closing", None)
    state = state_of(one)
    is_over = one.expires_at is not None and now >= one.expires_at
    return Application(
        number=one.pk,
        reference=code.spoken(code.sign(one, offer), one.pk),
        offer=offer,
        terms=terms,
        state=Closing.EXPIRED if state == Redemption.HELD and is_over else state,
        asked_at=one.opened_at,
        answer_by=one.expires_at,
        ended_at=closing.at if closing else None,
        is_open=state == Redemption.HELD and not is_over,
    )
