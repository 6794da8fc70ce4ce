"""Offer: publish what points are good for, show it, and stop it. What was published does not change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from tanpuhui.access.models import Organisation
from tanpuhui.points.models import Offer, Stop, Terms
from tanpuhui.points.refusals import BadOffer, UnknownOffer
from tanpuhui.points.sponsor import get_organisation, get_sponsor

#: Of anything that an offer counts: well within what the database does.
MOST = 10**15
#: Who may make an offer of a kind.
MAY_OFFER = {
    Offer.DISCOUNT: (Organisation.MERCHANT, Organisation.COMPANY, Organisation.BANK),
    Offer.PUBLIC_SERVICE: (Organisation.OPERATOR, Organisation.PROVIDER, Organisation.MERCHANT),
    Offer.FINANCIAL: (Organisation.BANK,),
    Offer.DONATION: (Organisation.MERCHANT, Organisation.OPERATOR, Organisation.COMPANY),
}


@dataclass(frozen=True)
class TermsOf:
    """What a tier gets: the tier begins at some kilograms, and everybody in it gets the same."""

    least_kg: int
    text_zh: str
    text_en: str
    rate_discount_bp: int | None = None


@dataclass(frozen=True)
class OfferOrder:
    """An offer to publish; its code names it for good. A limit of ``None`` is no limit."""

    code: str
    kind: str
    organisation: str
    sponsor: str | None
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    price_points: int
    starts_at: datetime
    ends_at: datetime
    stock: int | None = None
    budget_points: int | None = None
    per_person: int | None = None
    per_person_day: int | None = None
    per_day: int | None = None
    code_s: int = 900
    offline_s: int = 0
    offline_points: int = 0
    terms: tuple[TermsOf, ...] = field(default=())


def publish(order: OfferOrder, *, at: datetime) -> Offer:
    """Publish an offer. A repeat of the same is the same offer; other content under the code is refused."""
    _refuse_bad(order)
    known = Offer.objects.filter(code=order.code).first()
    wanted = _values(order)
    if known is not None:
        terms = tuple(
            TermsOf(one.least_kg, one.text_zh, one.text_en, one.rate_discount_bp)
            for one in known.terms.order_by("least_kg")
        )
        same = all(getattr(known, name) == value for name, value in wanted.items())
        if not same or terms != tuple(sorted(order.terms, key=lambda one: one.least_kg)):
            raise BadOffer(problem="its code is taken by another offer")
        return known
    with transaction.atomic():
        offer = Offer.objects.create(code=order.code, made_at=at, **wanted)
        Terms.objects.bulk_create(Terms(offer=offer, **vars(one)) for one in order.terms)
    return offer


def stop(code: str, *, reason: str, at: datetime) -> Stop:
    """Stop an offer before its date: no new redemption begins. Codes that were given stay good."""
    offer = get_offer(code)
    return Stop.objects.get_or_create(offer=offer, defaults={"reason": reason, "at": at})[0]


def get_offer(code: str) -> Offer:
    """An offer by its code."""
    offer = Offer.objects.filter(code=code).select_related("organisation", "sponsor").first()
    if offer is None:
        raise UnknownOffer(offer=code)
    return offer


def offers_at(at: datetime) -> QuerySet[Offer]:
    """Offers that are to be had at a moment, those that end first before others."""
    return (
        Offer.objects.filter(starts_at__lte=at, ends_at__gt=at, stop__isnull=True)
        .select_related("organisation", "sponsor")
        .order_by("ends_at", "code")
    )


def left_of(offers: list[int]) -> dict[int, int]:
    """What is left of each offer in all; those without a limit are not there."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT offer_id, sum("left")::bigint FROM points_stripe WHERE offer_id = ANY(%s) AND day = %s GROUP BY 1',
            [offers, "9999-12-31"],
        )
        return {int(offer): int(left) for offer, left in cursor.fetchall()}


def terms_of(offer: Offer, earned_mg: int) -> Terms | None:
    """The terms of whoever has earned so much: those of the highest tier reached. Nothing else about them counts."""
    reached = [one for one in offer.terms.all() if earned_mg >= one.least_kg * 1_000_000]
    return max(reached, key=lambda one: one.least_kg, default=None)


def describe(offer: Offer, left: int | None) -> dict[str, Any]:
    """An offer as JSON-ready values."""
    names = [
        "code",
        "kind",
        "title_zh",
        "title_en",
        "text_zh",
        "text_en",
        "price_points",
        "stock",
        "budget_points",
        "per_person",
        "per_person_day",
        "per_day",
        "code_s",
        "offline_s",
        "offline_points",
    ]
    return {
        **{name: getattr(offer, name) for name in names},
        "organisation": offer.organisation.code,
        "sponsor": offer.sponsor.code if offer.sponsor else None,
        "starts_at": offer.starts_at.isoformat(),
        "ends_at": offer.ends_at.isoformat(),
        "stopped": Stop.objects.filter(offer=offer).exists(),
        "left": left,
        "terms": [
            {
                "least_kg": one.least_kg,
                "rate_discount_bp": one.rate_discount_bp,
                "text_zh": one.text_zh,
                "text_en": one.text_en,
            }
            for one in offer.terms.order_by("least_kg")
        ],
    }


def _values(order: OfferOrder) -> dict[str, Any]:
    values = {name: value for name, value in vars(order).items() if name not in ("code", "terms")}
    values["organisation"] = get_organisation(order.organisation)
    values["sponsor"] = get_sponsor(order.sponsor) if order.sponsor else None
    return values


def _refuse_bad(order: OfferOrder) -> None:
    """What no offer may be; the database refuses it too, in fewer words."""
    if order.kind not in MAY_OFFER:
        raise BadOffer(problem=f"its kind {order.kind!r} is none of {', '.join(MAY_OFFER)}")
    kind = get_organisation(order.organisation).kind
    financial = order.kind == Offer.FINANCIAL
    limits = (order.stock, order.budget_points, order.per_person, order.per_person_day, order.per_day)
    tiers = [one.least_kg for one in order.terms]
    rates = [one.rate_discount_bp or 0 for one in sorted(order.terms, key=lambda one: one.least_kg)]
    problems = {
        "an organisation of this kind gives no offer of this kind": kind not in MAY_OFFER[order.kind],
        "it ends before it begins": order.ends_at <= order.starts_at,
        "its price is below one point": order.price_points < (0 if financial else 1),
        "it has a price in points and no sponsor whose points they are": order.price_points > 0
        and not order.sponsor,
        "a limit is below one": any(limit is not None and limit < 1 for limit in limits),
        "a number is larger than a million billion": max(
            order.price_points, order.offline_points, *(limit or 0 for limit in limits)
        )
        > MOST,
        "a budget in points needs a price": order.budget_points is not None and order.price_points == 0,
        "its budget pays for none": order.price_points > 0
        and order.budget_points is not None
        and order.budget_points < order.price_points,
        "a financial product needs terms for its tiers, and nothing else has them": financial
        != bool(order.terms),
        "a tier has two sets of terms": len(set(tiers)) != len(tiers),
        "a higher tier gets less than a lower one": rates != sorted(rates),
        "a title or text is empty": not all(
            text.strip() for text in (order.title_zh, order.title_en, order.text_zh, order.text_en)
        ),
        "its code is good for less than half a minute or more than 31 days": not 30
        <= order.code_s
        <= 86_400 * 31,
        "what is accepted offline has no time to arrive": order.offline_points > 0 and order.offline_s < 1,
        "what is accepted offline arrives within 0 seconds to 31 days, and is no points or more": not 0
        <= order.offline_s
        <= 86_400 * 31
        or order.offline_points < 0,
    }
    for problem, found in problems.items():
        if found:
            raise BadOffer(problem=problem)
