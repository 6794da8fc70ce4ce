"""Points of one account, as a section of its record: what they came from, until when, what they were spent on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from tanpuhui.access.models import Organisation
from tanpuhui.consent.artefact import moment_text
from tanpuhui.points.models import Conversion, Earning, Offer, Redemption, Refund, Sponsor, TakeBack


def points_of(account: int, *, at: datetime) -> dict[str, Any]:
    """Batches of points, conversions, what was taken back, and redemptions with how each ended; as of now."""
    sponsors = dict(Sponsor.objects.values_list("pk", "code"))
    earned = Earning.objects.filter(account=account, at__lte=at).order_by("pk")
    converted = Conversion.objects.filter(account=account, at__lte=at).order_by("pk")
    taken_back = TakeBack.objects.filter(account=account, at__lte=at).order_by("pk")
    return {
        "earned": [
            {
                "sponsor": sponsors[one.sponsor_id],
                "points": one.points,
                "via": one.via,
                "at": moment_text(one.at),
                "expires_at": moment_text(one.expires_at),
            }
            for one in earned
        ],
        "converted": [
            {
                "number": one.pk,
                "sponsor": sponsors[one.sponsor_id],
                "points": one.points,
                "amount_mg": one.amount_mg,
                "mg_per_point": one.mg_per_point,
                "consumed": one.consumed,
                "jurisdiction": one.jurisdiction,
                "at": moment_text(one.at),
                "expires_at": moment_text(one.expires_at),
            }
            for one in converted
        ],
        "taken_back": [
            {
                "conversion": one.conversion_id,
                "clawed_back_mg": one.clawed_back_mg,
                "points": one.points,
                "lost_points": one.lost_points,
                "at": moment_text(one.at),
            }
            for one in taken_back
        ],
        "redeemed": _redeemed(Redemption.objects.filter(account=account, opened_at__lte=at).order_by("pk")),
    }


def _redeemed(found: QuerySet[Redemption]) -> list[dict[str, Any]]:
    rows = list(
        found.annotate(
            ended_as=F("closing__state"), ended_at=F("closing__at"), ended_points=F("closing__points")
        )
    )
    offers = dict(Offer.objects.filter(pk__in={one.offer_id for one in rows}).values_list("pk", "code"))
    names = dict(
        Organisation.objects.filter(pk__in={one.organisation_id for one in rows}).values_list("pk", "code")
    )
    refunds: dict[int, list[dict[str, Any]]] = {}
    for one in Refund.objects.filter(redemption__in=[row.pk for row in rows]).order_by("pk"):
        refunds.setdefault(one.redemption_id, []).append(
            {"points": one.points, "reason": one.reason, "at": moment_text(one.at)}
        )
    return [
        {
            "number": one.pk,
            "offer": offers.get(one.offer_id),
            "organisation": names.get(one.organisation_id),
            "quantity": one.quantity,
            "points": one.points,
            "state": one.ended_as or one.state,
            "captured_points": one.ended_points if one.ended_as == "captured" else 0,
            "refusal": one.refusal,
            "grant": one.grant_id,
            "opened_at": moment_text(one.opened_at),
            "ended_at": moment_text(one.ended_at) if one.ended_at else None,
            "refunds": refunds.get(one.pk, []),
        }
        for one in rows
    ]
