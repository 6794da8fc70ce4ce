"""Views of somebody who makes offers: today's numbers, what was redeemed, refunds, and settlements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import camt
from tanpuhui.points.models import Closing, Offer, Refund, Settlement, Sponsor
from tanpuhui.points.refund import RefundOrder, refund
from tanpuhui.points.settle import SettleOrder, as_csv, open_of, settle
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.offering import DOERS
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

PER_PAGE = 30
NEWEST = 8
FORMS = {"csv": "text/csv; charset=utf-8", "xml": "application/xml"}


@dataclass(frozen=True)
class Taken:
    """A captured redemption as its merchant sees it: nothing of the person."""

    closing: Closing
    offer: Offer
    refunded: int

    @property
    def number(self) -> int:
        return int(self.closing.pk)

    @property
    def left(self) -> int:
        """Points that can still go back."""
        return self.closing.points - self.refunded


@dataclass(frozen=True)
class Open:
    """What a sponsor owes and no settlement has yet."""

    sponsor: Sponsor
    lines: int
    points: int

    @property
    def amount_minor(self) -> int:
        return self.points * self.sponsor.point_value_minor


@organisation_page(Organisation.MERCHANT)
def home(request: HttpRequest) -> HttpResponse:
    """Today: what was redeemed, which points, and the money to come."""
    mine = cast(MemberRequest, request)
    now = utc_now()
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(now), time()))
    captured = _captured(mine.organisation)
    context = {
        "today": captured.filter(at__gte=midnight).aggregate(
            count=Count("pk"), points=Sum("points", default=0)
        ),
        "refunded": Refund.objects.filter(organisation_id=mine.organisation.pk, at__gte=midnight).aggregate(
            points=Sum("points", default=0)
        )["points"],
        "open": open_with(mine.organisation, now),
        "unpaid": list(
            Settlement.objects.filter(organisation=mine.organisation, payment__isnull=True)
            .values("currency")
            .annotate(amount=Sum("amount_minor"))
            .order_by("currency")
        ),
        "newest": taken(list(captured[:NEWEST])),
        "has_offers": Offer.objects.filter(organisation=mine.organisation).exists(),
        "may_act": mine.membership.role in DOERS,
    }
    return render(request, "merchant/home.html", context)


@organisation_page(Organisation.MERCHANT)
def redemptions(request: HttpRequest) -> HttpResponse:
    """Everything that was captured, newest first; what can go back has a link."""
    mine = cast(MemberRequest, request)
    page = Paginator(_captured(mine.organisation), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "taken": taken(list(page)), "may_act": mine.membership.role in DOERS}
    return render(request, "merchant/redemptions.html", context)


class RefundForm(forms.Form):
    """How many points go back, and why; the person reads the reason."""

    points = forms.IntegerField(label=_l("Points that go back"), min_value=1)
    reason = forms.CharField(
        label=_l("Reason"), help_text=_l("The person reads it. Name nobody."), max_length=200
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


@organisation_page(Organisation.MERCHANT, *DOERS)
def refund_page(request: HttpRequest, redemption: int) -> HttpResponseBase:
    """Give points of one redemption back, all or a part."""
    mine = cast(MemberRequest, request)
    closing = own_or_404(_captured(mine.organisation), pk=redemption)
    [found] = taken([closing])
    form = RefundForm(
        request.POST if request.method == "POST" else None, initial={"points": found.left, "key": uuid4()}
    )
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _refund(mine, found, form)
        except Refusal as refusal:
            form = RefundForm({**form.cleaned_data, "key": uuid4()})
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("The points went back."))
            return redirect("merchant:redemptions", organisation=mine.organisation.code)
    elif form.is_bound:
        status = 422
    return render(request, "merchant/refund.html", {"form": form, "taken": found}, status=status)


@organisation_page(Organisation.MERCHANT)
def settlements(request: HttpRequest) -> HttpResponse:
    """What waits for a settlement, with each sponsor, and every settlement with whether it is paid."""
    mine = cast(MemberRequest, request)
    found = (
        Settlement.objects.filter(organisation=mine.organisation)
        .select_related("sponsor__organisation", "payment__line")
        .order_by("-id")
    )
    context = {
        "open": open_with(mine.organisation, utc_now()),
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "may_act": mine.membership.role in DOERS,
        "key": uuid4(),
    }
    return render(request, "merchant/settlements.html", context)


class SettleForm(forms.Form):
    """With whom; the key names this asking."""

    sponsor = forms.SlugField(max_length=60)
    key = forms.UUIDField()
    through = forms.DateTimeField()


@organisation_page(Organisation.MERCHANT, *DOERS)
@require_POST
def settle_page(request: HttpRequest) -> HttpResponseBase:
    """Settle everything until the moment that the page was shown."""
    mine = cast(MemberRequest, request)
    form = SettleForm(request.POST)
    if form.is_valid():
        try:
            reference = _settle(mine, form)
        except Refusal as refusal:
            messages.error(request, text_of(refusal))
        else:
            said = _("Settlement %(reference)s is made. Its payment is on the sponsor's side now.")
            messages.success(request, said % {"reference": reference})
    else:
        messages.error(request, _("Nothing was settled. Ask for it on this page."))
    return redirect("merchant:settlements", organisation=mine.organisation.code)


@organisation_page(Organisation.MERCHANT)
def settlement_file(request: HttpRequest, reference: str, form: str) -> HttpResponse:
    """One settlement as CSV, or as the ISO 20022 statement that accounting programs read."""
    mine = cast(MemberRequest, request)
    known = Settlement.objects.filter(organisation=mine.organisation).select_related(
        "organisation", "sponsor__organisation", "payment__line"
    )
    found = own_or_404(known, reference=reference)
    body = as_csv(found).encode("utf-8-sig") if form == "csv" else camt.write(found, at=utc_now())
    answer = HttpResponse(body, content_type=FORMS[form])
    answer["Content-Disposition"] = f'attachment; filename="{found.reference}.{form}"'
    return answer


def open_with(organisation: Organisation, at: datetime) -> list[Open]:
    """What each sponsor owes that no settlement has; only those with whom there is a line."""
    sponsors = Sponsor.objects.filter(offers__organisation=organisation).distinct()
    found = [Open(one, *open_of(organisation.pk, one, at)) for one in sponsors.select_related("organisation")]
    return [one for one in found if one.lines]


def taken(found: list[Closing]) -> list[Taken]:
    """Captures with their offers and what went back; two queries, however many there are."""
    offers = Offer.objects.in_bulk({one.redemption.offer_id for one in found})
    back = dict(
        Refund.objects.filter(redemption__in=[one.pk for one in found])
        .values_list("redemption_id")
        .annotate(points=Sum("points"))
    )
    return [Taken(one, offers[one.redemption.offer_id], back.get(one.pk, 0)) for one in found]


def note(mine: MemberRequest, verb: str, kind: str, key: object, *, at: datetime, **more: Any) -> None:
    """Write down who of the merchant did it, in the transaction of what they did."""
    record(
        verb,
        who=mine.user,
        at=at,
        organisation=mine.organisation,
        object_kind=kind,
        object_key=key,
        request_id=current(),
        **more,
    )


def _refund(mine: MemberRequest, found: Taken, form: RefundForm) -> None:
    given, now = form.cleaned_data, utc_now()
    order = RefundOrder(
        key=f"web:refund:{mine.organisation.pk}:{given['key']}",
        redemption=found.number,
        organisation=mine.organisation.code,
        points=given["points"],
        reason=given["reason"],
    )
    with transaction.atomic():
        answer = refund(order, day=timezone.localdate(now), at=now)
        if answer.refusal is None and not answer.repeated:
            note(
                mine,
                "redemption.refunded",
                "redemption",
                found.number,
                at=now,
                reason=given["reason"],
                facts={"points": given["points"]},
            )
    answer.accepted()


def _settle(mine: MemberRequest, form: SettleForm) -> str:
    given, now = form.cleaned_data, utc_now()
    order = SettleOrder(
        key=f"web:settle:{mine.organisation.pk}:{given['key']}",
        organisation=mine.organisation.code,
        sponsor=given["sponsor"],
        through_at=min(given["through"], now),
    )
    with transaction.atomic():
        answer = settle(order, at=now)
        if answer.result is not None and not answer.repeated:
            note(mine, "settlement.made", "settlement", answer.result["settlement"], at=now)
    return str(answer.accepted()["settlement"])


def _captured(organisation: Organisation) -> Any:
    return (
        Closing.objects.filter(organisation_id=organisation.pk, state=Closing.CAPTURED)
        .select_related("redemption")
        .order_by("-at", "-pk")
    )
