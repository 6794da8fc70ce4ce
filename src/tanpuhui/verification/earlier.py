"""Earlier: who else looked into the same data, and whether a verification of it may begin.

A sample is drawn once: whoever draws another one of the same closes before the first is concluded chooses between them.
What was refused is verified again only when it is no longer what was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from tanpuhui.close.models import Manifest
from tanpuhui.verification.models import LOCK, Engagement, Statement
from tanpuhui.verification.refusals import EngagementUnfinished, RefusedUnchanged

UNCONCLUDED = "unconcluded"


def lock_all() -> None:
    """What concerns several engagements happens one after the other, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK])


def resting_on(manifests: Sequence[str], methodology: str, through: str = "") -> Q:
    """Of engagements, or of what ``through`` (``engagement__``) leads to one: those over any of these closes."""
    return Q(
        **{f"{through}methodology": methodology, f"{through}manifests__has_any_keys": list(manifests)},
    )


def refuse_second(methodology: str, manifests: Sequence[str], data_digest: str, *, number: int = 0) -> None:
    """Nobody has a sample of these closes under way, and none of them was refused and is still the same.

    ``number`` is the engagement that asks, where it is open already, and 0 where it is not. Under :func:`lock_all`.
    """
    others = (
        Engagement.objects.filter(resting_on(manifests, methodology))
        .exclude(pk=number)
        .select_related("verifier")
        .order_by("pk")
    )
    unfinished = others.filter(plan__isnull=False, statement__isnull=True).first()
    if unfinished is not None:
        raise EngagementUnfinished(number=unfinished.pk, verifier=unfinished.verifier.code)
    for one in others.filter(statement__conclusion=Statement.REFUSE):
        if one.data_digest == data_digest or not is_any_superseded(one.manifests):
            raise RefusedUnchanged(number=one.pk, verifier=one.verifier.code)


def is_any_superseded(manifests: Sequence[str]) -> bool:
    """Whether a day of these closes was closed again since."""
    newer = Manifest.objects.filter(day=OuterRef("day"), sequence__gt=OuterRef("sequence"))
    return Manifest.objects.filter(Exists(newer), digest__in=list(manifests)).exists()


def earlier(engagement: Engagement) -> list[dict[str, Any]]:
    """Other engagements over the same closes, or about the same methodology and vintage, with what became of each.

    One that was opened later is among them where it has a plan.
    """
    same_data = resting_on(engagement.manifests, engagement.methodology)
    found = (
        Engagement.objects.filter(
            same_data | Q(methodology=engagement.methodology, vintage=engagement.vintage),
            Q(pk__lt=engagement.pk) | Q(plan__isnull=False),
        )
        .exclude(pk=engagement.pk)
        .select_related("verifier", "plan", "statement")
        .order_by("pk")
    )
    mine = set(engagement.manifests)
    return [
        {
            "engagement": one.pk,
            "verifier": one.verifier.code,
            "opened_at": one.opened_at.isoformat(),
            "is_same_data": bool(mine & set(one.manifests)),
            "is_planned": hasattr(one, "plan"),
            "conclusion": one.statement.conclusion if hasattr(one, "statement") else UNCONCLUDED,
        }
        for one in found
    ]
