"""Conclude: from the sample to the lot: accepted, lowered by the upper bound, or refused; signed by the verifier.

* refuse, where a close computed again differs, not everything that was sent ended somewhere, a major finding is
  open, or the estimate itself is above what may be let be;
* adjust by the upper bound, where the estimate is within that and its upper bound is not;
* accept otherwise.

A verifier may be stricter than that, and never milder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import User
from tanpuhui.kit.exact import format_fraction
from tanpuhui.verification.data import acts_of
from tanpuhui.verification.declare import is_operators
from tanpuhui.verification.draw import draw_of
from tanpuhui.verification.earlier import earlier
from tanpuhui.verification.engage import begin, get_engagement
from tanpuhui.verification.examine import newest
from tanpuhui.verification.finding import open_majors, state_of
from tanpuhui.verification.key import STATEMENT
from tanpuhui.verification.keys import checked
from tanpuhui.verification.models import (
    STRICTNESS,
    Completeness,
    Draw,
    Engagement,
    Examination,
    Plan,
    Recalculation,
    Statement,
    StatementOf,
)
from tanpuhui.verification.project import Looked, Projection, Stratum, project
from tanpuhui.verification.refusals import (
    ConcludedAlready,
    EngagementEnded,
    NotComplete,
    NotDeclared,
    NotExamined,
    NotRecalculated,
    NotThisText,
    OperatorVerifies,
    TooLenient,
)

SCHEMA = "tanpuhui-verification-statement/1"
_MILLION = 1_000_000


@dataclass(frozen=True)
class Conclusion:
    """What the numbers and findings say, why, and by how much the lot is lowered."""

    computed: str
    why: str
    projection: Projection
    material_mg: int
    deducted_mg: int


def projection_of(engagement: Engagement) -> Projection:
    """What was found in the whole sample, projected onto the lot; refuses while acts are not examined."""
    found = draw_of(engagement)
    examined = newest(found)
    sampled = list(found.acts.order_by("position"))
    left = [act.position for act in sampled if act.position not in examined]
    if left:
        raise NotExamined(number=engagement.pk, left=len(left), size=len(sampled))
    looked: dict[int, list[Looked]] = {}
    for act in sampled:
        looked.setdefault(act.stratum, []).append(
            Looked(book_mg=act.credited_mg, right_mg=examined[act.position].right_mg)
        )
    plan = Plan.objects.get(engagement=engagement)
    return project(
        [
            Stratum(one["acts"], one["credited_mg"], tuple(looked[one["number"]]))
            for one in plan.body["strata"]
        ]
    )


def conclusion_of(engagement: Engagement) -> Conclusion:
    """What follows from everything that was found so far."""
    projection = projection_of(engagement)
    recalculation = newest_recalculation(engagement)
    completeness = newest_completeness(engagement)
    material_mg = projection.population_mg * engagement.materiality_ppm // _MILLION
    majors = open_majors(engagement)
    reasons = []
    if not recalculation.agrees:
        reasons.append("a close computed again differs from what was posted")
    if not completeness.balances:
        reasons.append("what was sent does not balance with what ended")
    if majors:
        reasons.append(f"major findings are open: {', '.join(majors)}")
    if projection.estimate_mg > material_mg:
        reasons.append(f"the estimate of {projection.estimate_mg} mg is above {material_mg} mg")
    if reasons:
        return Conclusion(Statement.REFUSE, "; ".join(reasons), projection, material_mg, 0)
    if projection.upper_mg > material_mg:
        why = f"the upper bound of {projection.upper_mg} mg is above {material_mg} mg"
        return Conclusion(Statement.ADJUST, why, projection, material_mg, projection.upper_mg)
    why = f"the upper bound of {projection.upper_mg} mg is within {material_mg} mg"
    return Conclusion(Statement.ACCEPT, why, projection, material_mg, 0)


def statement_text(number: int, *, conclusion: str = "", remarks: str = "") -> dict[str, Any]:
    """The text that the verifier signs: all its work, by digest and number. A wish for something milder is refused."""
    engagement = get_engagement(number)
    if not hasattr(engagement, "declaration"):
        raise NotDeclared(number=number)
    found = conclusion_of(engagement)
    acts = acts_of(engagement.methodology, engagement.manifests)
    chosen = conclusion or found.computed
    if chosen not in STRICTNESS or STRICTNESS.index(chosen) < STRICTNESS.index(found.computed):
        raise TooLenient(number=number, computed=found.computed, why=found.why)
    deducted_mg = found.projection.upper_mg if chosen == Statement.ADJUST else 0
    if chosen == Statement.ADJUST and deducted_mg < 1:
        raise TooLenient(number=number, computed=found.computed, why=found.why)
    return {
        "schema": SCHEMA,
        "engagement": number,
        "verifier": engagement.verifier.code,
        "operator": engagement.operator,
        "jurisdiction": engagement.jurisdiction,
        "lot": engagement.lot,
        "methodology": engagement.methodology,
        "vintage": engagement.vintage,
        "through": engagement.through.isoformat(),
        "data": engagement.data_digest,
        "manifests": engagement.manifests,
        # Of the methodology's acts in each of these, in the same order; empty where a close does not say.
        "acts": [acts.get(name, "") for name in engagement.manifests],
        "declared_at": engagement.declaration.declared_at.isoformat(),
        **_work(engagement),
        "findings": _findings(engagement),
        "earlier": earlier(engagement),
        "projection": found.projection.as_json(),
        "materiality": {
            "share": format_fraction_of(engagement.materiality_ppm),
            "mg": found.material_mg,
            "source": engagement.materiality_source,
        },
        "computed": found.computed,
        "why": found.why,
        "conclusion": chosen,
        "deducted_mg": deducted_mg,
        "remarks": remarks.strip(),
    }


def conclude(number: int, token: str, *, by: User | None, at: datetime) -> Statement:
    """Keep the signed statement, once: it ends the engagement. It has to be of exactly what stands now."""
    try:
        engagement = begin(number)
    except EngagementEnded:
        return _repeated(number, token)
    if by is not None and is_operators(by):
        raise OperatorVerifies(verifier=engagement.verifier.code)
    content, key = checked(token, STATEMENT, engagement.verifier_id)
    wish, remarks = content.get("conclusion"), content.get("remarks")
    if not isinstance(wish, str) or not isinstance(remarks, str):
        raise NotThisText(number=number)
    if content != statement_text(number, conclusion=wish, remarks=remarks):
        raise NotThisText(number=number)
    made = Statement.objects.create(
        engagement=engagement,
        conclusion=wish,
        population_mg=content["projection"]["population_mg"],
        deducted_mg=content["deducted_mg"],
        content=content,
        jws=token.strip(),
        key=key,
        signed_at=at,
    )
    StatementOf.objects.bulk_create(
        StatementOf(statement=made, methodology=engagement.methodology, manifest=manifest, acts=acts)
        for manifest, acts in zip(engagement.manifests, content["acts"], strict=True)
    )
    return made


def newest_recalculation(engagement: Engagement) -> Recalculation:
    """The last time that all closes were computed again."""
    found = engagement.recalculations.order_by("-id").first()
    if found is None:
        raise NotRecalculated(number=engagement.pk)
    return found


def newest_completeness(engagement: Engagement) -> Completeness:
    """The last report on completeness."""
    found = engagement.completeness.order_by("-id").first()
    if found is None:
        raise NotComplete(number=engagement.pk)
    return found


def format_fraction_of(ppm: int) -> str:
    """A share in millionths as per cent.

    >>> format_fraction_of(50_000)
    '5%'
    """
    from fractions import Fraction

    return f"{format_fraction(Fraction(ppm, 10_000))}%"


def _repeated(number: int, token: str) -> Statement:
    known = Statement.objects.get(engagement=number)
    if known.jws != token.strip():
        raise ConcludedAlready(number=number)
    return known


def _work(engagement: Engagement) -> dict[str, Any]:
    recalculation, completeness = newest_recalculation(engagement), newest_completeness(engagement)
    plan, drawn = Plan.objects.get(engagement=engagement), Draw.objects.get(engagement=engagement)
    verdicts = [one.verdict for one in newest(drawn).values()]
    return {
        "recalculation": {
            "agrees": recalculation.agrees,
            "closes": len(recalculation.closes),
            "rows": recalculation.rows,
            "credited_mg": recalculation.credited_mg,
            "code": recalculation.code,
        },
        "completeness": {
            "balances": completeness.balances,
            "recorded": completeness.report["recorded"],
            "credited": completeness.report["credited"],
            "otherwise": completeness.report["ended"] - completeness.report["credited"],
            # Absent from reports that were made before they counted it.
            "own_totals": completeness.report.get("own_totals"),
        },
        "sample": {
            "plan": plan.digest,
            "committed_at": plan.committed_at.isoformat(),
            "nonce_digest": plan.nonce_digest,
            "seed": drawn.seed,
            "drawn": drawn.digest,
            "precision": plan.body["wanted"]["precision"],
            "size": plan.size,
            "verdicts": {name: verdicts.count(name) for name in Examination.VERDICTS},
        },
    }


def _findings(engagement: Engagement) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "severity": one.severity,
            "text": one.text,
            "asked": one.asked,
            "state": state_of(list(one.steps.all())),
        }
        for one in engagement.findings.order_by("number").prefetch_related("steps")
    ]
