"""Look: from a number in the sample to the raw act, with the least that is personal, and the look written down.

The verifier sees the act's number, kind, provider, measures, formula and factors; neither whose it is nor under which
pseudonym. The person sees in their own record that the act was looked at, and by whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.access.audit import record
from tanpuhui.access.models import User
from tanpuhui.close.acts import act_in
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.trace import Trace, trace
from tanpuhui.evidence.models import Batch
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.verification.draw import draw_of
from tanpuhui.verification.engage import get_engagement
from tanpuhui.verification.models import SampledAct
from tanpuhui.verification.refusals import NotInSample

#: What a resident's own record calls it.
VERB = "verifier_act_seen"


@dataclass(frozen=True)
class Detail:
    """A sampled act with everything that decided it: its trace, the file that it came in, and the close that stands.

    ``is_standing`` is false when the day was closed again since the sample was drawn.
    """

    sampled: SampledAct
    trace: Trace
    batch: Batch
    row: int
    is_standing: bool


def look(number: int, position: int, *, places: Places, by: User | None, at: datetime) -> Detail:
    """Show one act of the sample, and write the look down where its resident sees it; in the caller's transaction."""
    engagement = get_engagement(number)
    sampled = act_at(number, position)
    record(
        VERB,
        who=by,
        at=at,
        organisation=engagement.verifier,
        object_kind="account",
        object_key=sampled.account,
        facts={"engagement": number, "record": sampled.record_id},
    )
    act = act_in(sampled.manifest, sampled.account, sampled.record_id, places)
    batch, row = divmod(sampled.record_id, ROWS_PER_BATCH)
    newest = (
        Manifest.objects.filter(day=act.day).order_by("-sequence").values_list("digest", flat=True).first()
    )
    return Detail(
        sampled=sampled,
        trace=trace(act, places),
        batch=Batch.objects.get(pk=batch),
        row=row,
        is_standing=newest == sampled.manifest,
    )


def act_at(number: int, position: int) -> SampledAct:
    """The act with a number in an engagement's sample."""
    act = (
        SampledAct.objects.filter(draw__engagement=number, position=position).first()
        if position > 0
        else None
    )
    if act is None:
        size = draw_of(get_engagement(number)).acts.count()
        raise NotInSample(number=number, position=position, size=size)
    return act
