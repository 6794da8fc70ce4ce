"""Draw: the verifier opens its nonce, and in each stratum the acts with the smallest digests are the sample.

An act's digest is SHA-256 of ``seed:record number``: whoever has the data and the seed draws the same acts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tanpuhui.close.places import Places
from tanpuhui.kit.digest import digest_json
from tanpuhui.verification.engage import begin, manifests_of
from tanpuhui.verification.frame import frame
from tanpuhui.verification.models import Draw, Engagement, Plan, SampledAct
from tanpuhui.verification.plan import digest_of_nonce, refuse_changed, seed_of
from tanpuhui.verification.refusals import NotDrawn, NotPlanned, OtherNonce


def draw(number: int, nonce: str, *, places: Places, at: datetime) -> Draw:
    """Draw the sample of a plan, once; the same nonce again is answered as before, another is refused."""
    engagement = begin(number)
    plan = Plan.objects.filter(engagement=engagement).first()
    if plan is None:
        raise NotPlanned(number=number)
    if digest_of_nonce(nonce) != plan.nonce_digest:
        raise OtherNonce(number=number)
    known = Draw.objects.filter(engagement=engagement).first()
    if known is not None:
        return known
    refuse_changed(engagement)
    seed = seed_of(nonce, plan)
    found = drawn_acts(engagement, plan, seed, places)
    made = Draw.objects.create(
        engagement=engagement,
        nonce=nonce,
        seed=seed,
        digest=digest_of([row["record_id"] for row in found]),
        drawn_at=max(at, plan.committed_at + timedelta(microseconds=1)),
    )
    SampledAct.objects.bulk_create(
        SampledAct(draw=made, position=position, **row) for position, row in enumerate(found, 1)
    )
    return made


def drawn_acts(engagement: Engagement, plan: Plan, seed: str, places: Places) -> list[dict[str, Any]]:
    """The acts that a seed draws, by stratum and digest; nothing is written."""
    sizes = ", ".join(f"({one['number']}, {one['draw']})" for one in plan.body["strata"])
    with frame(manifests_of(engagement), engagement.methodology, places) as engine:
        rows: list[dict[str, Any]] = engine.table(_QUERY.format(seed=seed, sizes=sizes)).to_pylist()
        return rows


_QUERY = """
    WITH wanted(stratum, size) AS (VALUES {sizes}),
    digested AS (SELECT *, sha256('{seed}:' || record_id) AS digest FROM act),
    ranked AS (
        SELECT d.*, w.size, row_number() OVER (PARTITION BY d.stratum ORDER BY d.digest, d.record_id) AS place
        FROM digested AS d JOIN wanted AS w USING (stratum)
    )
    SELECT stratum, record_id, account_id AS account, manifest, provider, kind, credited_mg
    FROM ranked WHERE place <= size ORDER BY stratum, place
"""


def digest_of(records: list[int]) -> str:
    """What a sample is named by: the digest of its record numbers, in the order in which they were drawn."""
    return digest_json(records)


def draw_of(engagement: Engagement) -> Draw:
    """The draw of an engagement; its sample is still the one that was drawn."""
    found = Draw.objects.filter(engagement=engagement).first()
    if found is None:
        raise NotDrawn(number=engagement.pk)
    records = list(found.acts.order_by("position").values_list("record_id", flat=True))
    assert digest_of(records) == found.digest, "a sample is what was drawn"
    return found
