"""Points: what a resident has of each sponsor, when it is over, and what became of what they redeemed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.moment import utc_now
from tanpuhui.points.balance import balances_of
from tanpuhui.points.convert import convertible_of
from tanpuhui.points.models import Conversion, Offer, Redemption, Refund, Sponsor
from tanpuhui.points.offer import offers_at
from tanpuhui.points.redeem import state_of
from tanpuhui.points.refusals import NoConversion
from tanpuhui.points.rule import ConversionRule, conversion_rule
from tanpuhui.web.shared.access import ResidentRequest, resident_page

NEWEST = 5
PER_PAGE = 30


@dataclass(frozen=True)
class Redeemed:
    """One redemption as its resident sees it; ``points`` are those that went, held or captured."""

    redemption: Redemption
    offer: Offer
    state: str
    quantity: int
    points: int
    refunded: int
    ended_at: datetime | None


@resident_page
def points(request: HttpRequest) -> HttpResponse:
    """Points of each sponsor, what can become points, what is held for codes, and the newest redemptions."""
    account = cast(ResidentRequest, request).account
    now = utc_now()
    rule = rule_of_today()
    convertible_mg = sum(one.amount_mg for one in convertible_of(account))
    newest = redeemed(list(_redemptions(account)[:NEWEST]))
    context = {
        "balances": balances_of(account, at=now),
        "rule": rule,
        "convertible_mg": convertible_mg,
        "convertible_points": convertible_mg // rule.mg_per_point if rule else 0,
        "has_sponsors": Sponsor.objects.exists(),
        "offers": offers_at(now).count(),
        "newest": newest,
    }
    return render(request, "resident/points.html", context)


@resident_page
def history(request: HttpRequest) -> HttpResponse:
    """Everything that was redeemed, and every conversion."""
    account = cast(ResidentRequest, request).account
    page = Paginator(_redemptions(account), PER_PAGE).get_page(request.GET.get("page"))
    conversions = Conversion.objects.filter(account=account).select_related("sponsor__organisation")
    context = {
        "page": page,
        "redeemed": redeemed(list(page)),
        "conversions": conversions.order_by("-id")[:PER_PAGE],
    }
    return render(request, "resident/points_history.html", context)


def rule_of_today() -> ConversionRule | None:
    """The rule by which reductions become points today, where the jurisdiction has one."""
    try:
        return conversion_rule(jurisdiction(), timezone.localdate())
    except NoConversion:
        return None


def redeemed(found: list[Redemption]) -> list[Redeemed]:
    """Redemptions with their offers and what went back; two queries, however many there are."""
    offers = Offer.objects.select_related("organisation", "sponsor__organisation").in_bulk(
        {one.offer_id for one in found}
    )
    back = dict(
        Refund.objects.filter(redemption__in=[one.pk for one in found])
        .values_list("redemption_id")
        .annotate(points=Sum("points"))
    )
    return [_redeemed(one, offers[one.offer_id], back.get(one.pk, 0)) for one in found]


def _redeemed(one: Redemption, offer: Offer, refunded: int) -> Redeemed:
    closing = getattr(one, "closing", None)
    return Redeemed(
        redemption=one,
        offer=offer,
        state=state_of(one),
        quantity=closing.quantity if closing and closing.quantity else one.quantity,
        points=closing.points if closing else one.points,
        refunded=refunded,
        ended_at=closing.at if closing else None,
    )


def _redemptions(account: int):  # type: ignore[no-untyped-def]
    return (
        Redemption.objects.filter(account=account)
        .exclude(state=Redemption.REFUSED)
        .select_related("closing")
        .order_by("-id")
    )
