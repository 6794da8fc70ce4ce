"""Answer: decide an appeal, once, with a reason that the person reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from tanpuhui.integrity.appeal import MOST_CHARACTERS
from tanpuhui.integrity.decide import decide
from tanpuhui.integrity.models import Answer, Appeal, Verdict
from tanpuhui.integrity.refusals import AlreadyAnswered, ReasonMissing, UnknownAppeal, WordsTooLong

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def answer(appeal: int, *, uphold: bool, reason: str, by: User, at: datetime) -> Answer:
    """Uphold or reject. The same decision by the same person again changes nothing; another one is refused.

    An upheld appeal releases an act that a rule against fraud holds, and a rejected one confirms it. What else follows
    (a correction by the provider, a close again) is done by whoever decides.
    """
    said = reason.strip()
    if not said:
        raise ReasonMissing
    if len(said) > MOST_CHARACTERS:
        raise WordsTooLong(length=len(said), most=MOST_CHARACTERS)
    if not Appeal.objects.filter(pk=appeal).exists():
        raise UnknownAppeal
    decision = Answer.UPHELD if uphold else Answer.REJECTED
    try:
        with transaction.atomic():
            made = Answer.objects.create(
                appeal_id=appeal, answered_by=by, decision=decision, reason=said, at=at
            )
            verdict = Verdict.RELEASED if uphold else Verdict.CONFIRMED
            found = made.appeal
            decide(found.record_id, verdict, said, by=by, at=at, account=found.account)
            return made
    except IntegrityError:
        known = Answer.objects.get(appeal_id=appeal)
        if (known.answered_by_id, known.decision, known.reason) != (by.pk, decision, said):
            raise AlreadyAnswered(answered_at=known.at, decision=known.decision) from None
        return known
