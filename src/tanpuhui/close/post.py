"""Post: the difference between a computation and what stands, into the ledger and the manifests, in one transaction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from tanpuhui.close.compute import CREDIT_SCHEMA, Computed
from tanpuhui.close.inputs import Inputs, prior_changed, read_credits, standing_manifest
from tanpuhui.close.models import Manifest
from tanpuhui.close.owed import Change, legs_of
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import refuse_certified
from tanpuhui.consent import gate
from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.asset import get_or_create_asset, owed_code, pending_code
from tanpuhui.ledger.legs import Column, Legs, no_legs
from tanpuhui.ledger.post_batch import post_batch

REASON = "close"


def post(
    inputs: Inputs, computed: Computed, body: dict[str, Any], places: Places, *, reopen: bool = False
) -> Manifest | None:
    """Post a close once, in the caller's transaction; ``None`` when the world moved on and it must be done again.

    It holds the lock that keeps grants from changing, so that a grant that ended before this commits is seen:
    either it ended after the inputs were gathered (then nothing is posted), or it was in them.
    """
    gate.lock_for_close(connection)
    if _overtaken(inputs) or prior_changed(inputs, places):
        return None
    if not reopen:
        refuse_certified(inputs.day)
    if _touches(gate.ended_since(connection, inputs.consent_mark), _credits(body, places)):
        return None
    digest = digest_json(body)
    delta = difference(
        _credits(body, places), _credits(inputs.previous.body, places) if inputs.previous else None
    )
    post_batch(
        connection,
        key=f"close:{digest}",
        manifest=digest,
        reason=REASON,
        effective_on=inputs.day,
        legs=_legs(delta, inputs.day.year),
        at=inputs.as_of,
    )
    return Manifest.objects.create(
        digest=digest,
        day=inputs.day,
        sequence=inputs.previous.sequence + 1 if inputs.previous else 1,
        as_of=inputs.as_of,
        body=body,
        activities=computed.records,
        credited_mg=computed.credited_mg,
        posted_at=inputs.as_of,
    )


def difference(now: pa.Table, then: pa.Table | None) -> pa.Table:
    """What each person's credit changes by, per methodology; rows that do not change are left out."""
    if then is not None:
        negated = then.set_column(2, "credited_mg", pc.negate(then["credited_mg"]))
        summed = pa.concat_tables([now, negated]).group_by(["account_id", "methodology"])
        now = summed.aggregate([("credited_mg", "sum")]).rename_columns(CREDIT_SCHEMA.names)
    changed = now.filter(pc.not_equal(now["credited_mg"], 0))
    return changed.sort_by([("account_id", "ascending"), ("methodology", "ascending")])


def pending_asset(methodology: str, vintage: int) -> int:
    """The asset of credited and uncertified reductions: fungible by methodology version (``code@n``) and vintage."""
    return get_or_create_asset(connection, pending_code(*key_parts(methodology), vintage)).id


def key_parts(methodology: str) -> tuple[str, int]:
    """Code and version of a methodology's key, ``code@version``.

    >>> key_parts("shenzhen/metro@1")
    ('shenzhen/metro', 1)
    """
    code, version = methodology.rsplit("@", 1)
    return code, int(version)


def _overtaken(inputs: Inputs) -> bool:
    standing = standing_manifest(inputs.day)
    return (standing.digest if standing else None) != (inputs.previous.digest if inputs.previous else None)


def _touches(ended: tuple[int, ...], credits: pa.Table) -> bool:
    """Whether anyone credited here has ended a grant meanwhile."""
    if not ended:
        return False
    return bool(pc.any(pc.is_in(credits["account_id"], pa.array(ended, pa.int64()))).as_py())


def _credits(body: dict[str, Any], places: Places) -> pa.Table:
    return read_credits(body["outputs"], places)


def _legs(delta: pa.Table, vintage: int) -> Legs:
    if not len(delta):
        return no_legs()
    methodologies = sorted(delta["methodology"].unique().to_pylist())
    assets = {methodology: pending_asset(methodology, vintage) for methodology in methodologies}
    numbers = pc.index_in(delta["methodology"], pa.array(methodologies, pa.string()))
    owed = {asset: owed_code(*key_parts(methodology), vintage) for methodology, asset in assets.items()}
    return legs_of(
        Change(
            owner_id=_column(delta["account_id"]),
            asset_id=np.array(list(assets.values()), np.int64)[_column(numbers)],
            amount_mg=_column(delta["credited_mg"]),
            owed_codes=owed,
        )
    )


def _column(values: pa.ChunkedArray) -> Column:
    return np.asarray(values.to_numpy(), np.int64)
