"""Earlier: who else looked into the same data, and whether a verification of it may begin.

A sample is drawn once: whoever draws another one of the same closes before the first is concluded chooses between them.
What was refused is verified again only when it is no longer what was refused, day by day.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q

from tanpuhui.verification.data import acts_of, changed_closes
from tanpuhui.verification.lifted import is_lifted
from tanpuhui.verification.models import LOCK, Engagement, Statement
from tanpuhui.verification.refusals import EngagementUnfinished, RefusedUnchanged

UNCONCLUDED = "unconcluded"


def lock_all() -> None:
    """What concerns several engagements happens one after the other, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK])


def resting_on(engagement: Engagement, through: str = "") -> Q:
    """Of engagements, or of what ``through`` (``engagement__``) leads to one: those over the same data.

    That is any of the same closes, or of the same acts of the methodology in another close of a day.
    """
    return Q(**{f"{through}methodology": engagement.methodology}) & (
        Q(**{f"{through}manifests__has_any_keys": engagement.manifests})
        | Q(**{f"{through}acts__has_any_keys": engagement.acts})
    )


def refuse_second(asking: Engagement) -> None:
    """Nobody has a sample of the same data under way, and none of its days is one that was refused.

    A day with other acts is not the one that was refused. One with the same acts is, until the refusal is lifted
    (:mod:`.lifted`); a close that another one with other acts replaced is for ever. ``asking`` may be one that is not
    kept yet. Under :func:`lock_all`.
    """
    others = (
        Engagement.objects.filter(resting_on(asking))
        .exclude(pk=asking.pk)
        .select_related("verifier")
        .order_by("pk")
    )
    unfinished = others.filter(plan__isnull=False, statement__isnull=True).first()
    if unfinished is not None:
        raise EngagementUnfinished(number=unfinished.pk, verifier=unfinished.verifier.code)
    for one in others.filter(statement__conclusion=Statement.REFUSE):
        acts = acts_of(one.methodology, one.manifests)
        same = {name for name in one.manifests if name in asking.manifests or acts.get(name) in asking.acts}
        if same & changed_closes(one.manifests, one.methodology) or not is_lifted(one):
            raise RefusedUnchanged(number=one.pk, verifier=one.verifier.code, count=len(same))


def earlier(engagement: Engagement) -> list[dict[str, Any]]:
    """Other engagements over the same closes, or about the same methodology and vintage, with what became of each.

    One that was opened later is among them where it has a plan.
    """
    same_data = resting_on(engagement)
    found = (
        Engagement.objects.filter(
            same_data | Q(methodology=engagement.methodology, vintage=engagement.vintage),
            Q(pk__lt=engagement.pk) | Q(plan__isnull=False),
        )
        .exclude(pk=engagement.pk)
        .select_related("verifier", "plan", "statement")
        .order_by("pk")
    )
    mine = {*engagement.manifests, *engagement.acts}
    return [
        {
            "engagement": one.pk,
            "verifier": one.verifier.code,
            "opened_at": one.opened_at.isoformat(),
            "is_same_data": bool(mine & {*one.manifests, *one.acts}),
            "is_planned": hasattr(one, "plan"),
            "conclusion": one.statement.conclusion if hasattr(one, "statement") else UNCONCLUDED,
        }
        for one in found
    ]
