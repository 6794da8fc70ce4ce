"""Follow annulment: a certificate of which a lot was annulled is suspended until other tonnes stand in their place."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from tanpuhui.offsetting.certificate import annulled_of, subject_of
from tanpuhui.offsetting.models import Certificate, Replacement
from tanpuhui.registry.models import Annulment
from tanpuhui.transparency.credential import find, state_of
from tanpuhui.transparency.credential_status import restore, suspend
from tanpuhui.transparency.models import StatusStep

BY = "annulment"
ANNULLED, REPLACED = "annulled since: ", "other tonnes stand in the place of the annulled ones"


def follow_annulments(*, at: datetime) -> int:
    """Bring the status of certificates in line with what became of their lots, in the caller's transaction.

    Answers how many changed. What an operator suspended or revoked stays so, also where
    that came over an annulment.
    """
    lots = list(Annulment.objects.values_list("pk", flat=True))
    touched = Q(pk__in=[])
    for lot in lots:
        replaced = Replacement.objects.filter(ranges__contains=[{"lot": lot}]).values("reservation")
        touched |= Q(content__ranges__contains=[{"lot": lot}]) | Q(reservation__in=replaced)
    return sum(_follow(one, at) for one in Certificate.objects.filter(touched).order_by("sequence"))


def _follow(certificate: Certificate, at: datetime) -> bool:
    credential = find(subject_of(certificate))
    if credential is None:
        return False
    now, owed = state_of(credential), [one for one in annulled_of(certificate) if one.replaced_by is None]
    if owed and now == StatusStep.VALID:
        lots = ", ".join(one.lot for one in owed)
        return suspend(credential, reason=f"{ANNULLED}{lots}", by=BY, at=at) is not None
    last = credential.steps.order_by("-sequence").first()
    if owed or now != StatusStep.SUSPENDED or last is None or last.by != BY:
        return False
    return restore(credential, reason=REPLACED, by=BY, at=at) is not None
