"""Overview: where an engagement stands, its sample, and one act, as plain values for commands and pages."""

from __future__ import annotations

from typing import Any

from tanpuhui.verification.draw import draw_of
from tanpuhui.verification.engage import get_engagement
from tanpuhui.verification.examine import newest
from tanpuhui.verification.finding import state_of
from tanpuhui.verification.look import Detail
from tanpuhui.verification.models import Draw, Engagement, Plan, Statement

#: What comes next, in the order of the work.
STEPS = ("declare", "recalculate", "complete", "plan", "draw", "examine", "conclude", "ended")


def step_of(engagement: Engagement) -> str:
    """What has to be done next; ``ended`` once there is a statement."""
    if Statement.objects.filter(engagement=engagement).exists():
        return "ended"
    if not hasattr(engagement, "declaration"):
        return "declare"
    if not engagement.recalculations.exists():
        return "recalculate"
    if not engagement.completeness.exists():
        return "complete"
    if not Plan.objects.filter(engagement=engagement).exists():
        return "plan"
    drawn = Draw.objects.filter(engagement=engagement).first()
    if drawn is None:
        return "draw"
    return "examine" if len(newest(drawn)) < drawn.acts.count() else "conclude"


def overview(engagement: Engagement) -> dict[str, Any]:
    """An engagement with everything that is published of it."""
    plan = Plan.objects.filter(engagement=engagement).first()
    drawn = Draw.objects.filter(engagement=engagement).first()
    ended = Statement.objects.filter(engagement=engagement).first()
    return {
        "engagement": engagement.pk,
        "step": step_of(engagement),
        "verifier": engagement.verifier.code,
        "operator": engagement.operator,
        "lot": engagement.lot,
        "methodology": engagement.methodology,
        "vintage": engagement.vintage,
        "through": engagement.through.isoformat(),
        "closes": len(engagement.manifests),
        "data": engagement.data_digest,
        "materiality_ppm": engagement.materiality_ppm,
        "plan": plan.digest if plan else None,
        "nonce_digest": plan.nonce_digest if plan else None,
        "platform_nonce": plan.platform_nonce if plan else None,
        "committed_at": plan.committed_at.isoformat() if plan else None,
        "seed": drawn.seed if drawn else None,
        "drawn": drawn.digest if drawn else None,
        "findings": [
            {
                "number": one.number,
                "severity": one.severity,
                "state": state_of(list(one.steps.all())),
                "text": one.text,
            }
            for one in engagement.findings.order_by("number").prefetch_related("steps")
        ],
        "conclusion": ended.conclusion if ended else None,
        "deducted_mg": ended.deducted_mg if ended else None,
    }


def sample_of(number: int) -> list[dict[str, Any]]:
    """The acts of a sample in the order of their numbers, with what was found about each."""
    found = draw_of(get_engagement(number))
    examined = newest(found)
    return [
        {
            "position": act.position,
            "stratum": act.stratum,
            "record": act.record_id,
            "provider": act.provider,
            "kind": act.kind,
            "credited_mg": act.credited_mg,
            "verdict": known.verdict if (known := examined.get(act.position)) else None,
            "right_mg": known.right_mg if known else None,
            "note": known.note if known else None,
        }
        for act in found.acts.order_by("position")
    ]


def detail_of(detail: Detail) -> dict[str, Any]:
    """One act as plain values: nothing in it says whose it is."""
    act, explanation = detail.trace.act, detail.trace.explanation
    return {
        "position": detail.sampled.position,
        "record": act.record_id,
        "provider": act.provider,
        "kind": act.kind,
        "day": act.day.isoformat(),
        "minutes": (act.ended_us - act.started_us) // 60_000_000,
        **{f"measure {name}": value for name, value in sorted(act.measures.items())},
        **_weighed(detail),
        "methodology": act.methodology,
        "digest": detail.trace.digest,
        "avoided_mg": act.avoided_mg,
        "credited_mg": act.credited_mg,
        "works": [] if explanation is None else [f"{one.name} = {one.value}" for one in explanation.steps],
        "file": detail.batch.digest,
        "received_at": detail.batch.received_at.isoformat(),
        "row": detail.row,
        "close": act.manifest,
        "is_standing": detail.is_standing,
    }


def _weighed(detail: Detail) -> dict[str, Any]:
    """Where its station must balance with what hauliers weighed: the station's grams, and what counts of the act's."""
    weighed = detail.trace.weighed
    if weighed is None:
        return {}
    return {
        "station": weighed.station,
        "station sorted_g": weighed.sorted_g,
        "station fetched_g": "not weighed" if weighed.fetched_g is None else weighed.fetched_g,
        "station counted_g": weighed.counted_g,
        "station balance": weighed.reason,
        "counted mass_g": weighed.counted_mass_g,
    }
