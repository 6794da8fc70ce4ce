"""Recalculate: every close of an engagement computed again from its frozen evidence, and the answer kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from tanpuhui.close.places import Places
from tanpuhui.close.replay import ReplayAnswer, replay
from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.verification.engage import begin, manifests_of
from tanpuhui.verification.models import Engagement, Recalculation


def compute_again(
    engagement: Engagement,
    *,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
    engine: EngineChoice = EMBEDDED,
    report: Report = nobody,
) -> list[ReplayAnswer]:
    """Each close again, by day; reads frozen files and writes nothing but the same files. Outside any transaction."""
    manifests = manifests_of(engagement)
    return [
        replay(manifest, places=places, jurisdiction=jurisdiction, library=library, engine=engine)
        for manifest in told(manifests, report, "Computing closes again", len(manifests))
    ]


def keep(
    number: int, answers: Sequence[ReplayAnswer], *, engine: str = EMBEDDED.name, at: datetime
) -> Recalculation:
    """Write down what came out, differences included."""
    engagement = begin(number)
    assert {answer.manifest for answer in answers} == set(engagement.manifests), "every close, and no other"
    return Recalculation.objects.create(
        engagement=engagement,
        agrees=all(answer.agrees for answer in answers),
        rows=sum(answer.rows for answer in answers),
        credited_mg=sum(answer.credited_mg for answer in answers),
        closes=[answer.as_json() for answer in answers],
        engine=engine,
        code=version("tanpuhui"),
        made_at=at,
    )
