"""Lifted: when a statement no longer binds those of its days whose acts are the same as when it was signed.

Of a day whose acts changed it says nothing any more. The other days were in the same sample, and what was found wrong
on some of them is why all were refused or lowered. So they go free together, once what was found is corrected: when
every close in which the verifier found something wrong has other acts. A late act anywhere else frees nothing.
"""

from __future__ import annotations

from django.db.models import F

from tanpuhui.verification.data import changed_closes
from tanpuhui.verification.models import Engagement, Examination, Finding, FindingStep


def is_lifted(engagement: Engagement) -> bool:
    """Whether the unchanged days of a concluded engagement may be verified again, as if for the first time.

    Every close that it found wrong changed. Where it found none wrong, its grounds are in words: then some close
    changed, and it raised major findings, and closed them all. Otherwise only a change of a day itself frees it.
    """
    changed = changed_closes(engagement.manifests, engagement.methodology)
    wrong = wrong_closes(engagement)
    if wrong:
        return wrong <= changed
    majors = engagement.findings.filter(severity=Finding.MAJOR)
    return bool(changed) and majors.exists() and not majors.exclude(steps__step=FindingStep.CLOSED).exists()


def wrong_closes(engagement: Engagement) -> set[str]:
    """The closes in which the verifier found something wrong, by digest.

    Closes of sampled acts that are worth less than was credited, and those that differ when they are computed again.
    """
    newest = (
        Examination.objects.filter(engagement=engagement)
        .order_by("act", "-sequence")
        .distinct("act")
        .values("pk")
    )
    acts = Examination.objects.filter(pk__in=newest, right_mg__lt=F("act__credited_mg"))
    wrong = set(acts.values_list("act__manifest", flat=True))
    recalculated = engagement.recalculations.order_by("-id").first()
    if recalculated is not None:
        wrong |= {one["manifest"] for one in recalculated.closes if not one["agrees"]}
    return wrong
