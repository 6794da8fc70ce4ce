"""Finding: raised by the verifier, answered by the operator, closed or given back by the verifier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from tanpuhui.access.models import User
from tanpuhui.verification.earlier import resting_on
from tanpuhui.verification.engage import begin
from tanpuhui.verification.models import Engagement, Finding, FindingStep
from tanpuhui.verification.refusals import BadFinding, FindingUnknown, OutOfTurn

RAISED = "raised"
#: What may follow a state.
NEXT: dict[str, tuple[str, ...]] = {
    RAISED: (FindingStep.ANSWERED,),
    FindingStep.RETURNED: (FindingStep.ANSWERED,),
    FindingStep.ANSWERED: (FindingStep.CLOSED, FindingStep.RETURNED),
    FindingStep.CLOSED: (),
}
MOST_CHARACTERS = 4_000


def raise_finding(
    number: int, *, severity: str, text: str, asked: str, by: User | None, at: datetime
) -> Finding:
    """Raise a finding; one that says exactly the same and is there already is answered as before."""
    engagement = begin(number)
    said = (text.strip(), asked.strip())
    if severity not in Finding.SEVERITIES or not all(said) or max(map(len, said)) > MOST_CHARACTERS:
        raise BadFinding(severities=", ".join(Finding.SEVERITIES))
    known = Finding.objects.filter(
        engagement=engagement, severity=severity, text=said[0], asked=said[1]
    ).first()
    if known is not None:
        return known
    return Finding.objects.create(
        engagement=engagement,
        number=engagement.findings.count() + 1,
        severity=severity,
        text=said[0],
        asked=said[1],
        by=by,
        raised_at=at,
    )


def step(number: int, finding: int, kind: str, text: str, *, by: User | None, at: datetime) -> FindingStep:
    """The next step of a finding, after the statement too.

    The last one said again is answered as before, one out of turn is refused.
    """
    assert kind in (FindingStep.ANSWERED, FindingStep.CLOSED, FindingStep.RETURNED)
    engagement = begin(number, ended=True)
    found = get_finding(engagement, finding)
    if not text.strip() or len(text) > MOST_CHARACTERS:
        raise BadFinding(severities=", ".join(Finding.SEVERITIES))
    last = found.steps.order_by("-sequence").first()
    if last is not None and (last.step, last.text) == (kind, text.strip()):
        return last
    state = last.step if last else RAISED
    if kind not in NEXT[state]:
        raise OutOfTurn(finding=finding, state=state, step=kind)
    return FindingStep.objects.create(
        engagement=engagement,
        finding=found,
        sequence=last.sequence + 1 if last else 1,
        step=kind,
        text=text.strip(),
        by=by,
        made_at=at,
    )


def get_finding(engagement: Engagement, finding: int) -> Finding:
    """One finding by its number in the engagement."""
    found = Finding.objects.filter(engagement=engagement, number=finding).first()
    if found is None:
        raise FindingUnknown(number=engagement.pk, finding=finding)
    return found


def state_of(steps: Sequence[FindingStep]) -> str:
    """Where a finding stands, of its steps."""
    return max(steps, key=lambda one: one.sequence).step if steps else RAISED


def open_majors(engagement: Engagement) -> list[str]:
    """Major findings that are not closed, as ``engagement.number``.

    Those of anybody's engagements over any of the same closes are among them, and those of the verifier's own earlier
    ones about the same methodology and vintage: what was refused for is closed out before anybody accepts.
    """
    own = Q(
        engagement__verifier=engagement.verifier_id,
        engagement__methodology=engagement.methodology,
        engagement__vintage=engagement.vintage,
        engagement_id__lte=engagement.pk,
    )
    same_data = resting_on(engagement, "engagement__")
    found = Finding.objects.filter(own | same_data, severity=Finding.MAJOR)
    return [
        f"{one.engagement_id}.{one.number}"
        for one in found.order_by("engagement", "number").prefetch_related("steps")
        if state_of(list(one.steps.all())) != FindingStep.CLOSED
    ]
