"""Post: the difference between a computation and what stands, into the ledger and the manifests, in one transaction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from tanpuhui.close.compute import CREDIT_SCHEMA, Computed
from tanpuhui.close.inputs import Inputs, Places, read_credits, standing_manifest
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.refusals import DayCertified
from tanpuhui.consent import gate
from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.asset import asset_ids
from tanpuhui.ledger.post_batch import Legs, post_batch

REASON = "close"


def post(inputs: Inputs, computed: Computed, body: dict[str, Any], places: Places) -> Manifest | None:
    """Post a close once, in the caller's transaction; ``None`` when the world moved on and it must be done again.

    It holds the lock that keeps grants from changing, so that a grant that ended before this commits is seen:
    either it ended after the inputs were gathered (then nothing is posted), or it was in them.
    """
    gate.lock_for_close(connection)
    if gate.ended_since(connection, inputs.consent_mark) or _overtaken(inputs):
        return None
    frozen = FrozenDay.objects.filter(day=inputs.day).first()
    if frozen is not None:
        raise DayCertified(day=inputs.day, lot=frozen.lot)
    digest = digest_json(body)
    delta = difference(_credits(body, places), _credits(inputs.previous.body, places) if inputs.previous else None)
    post_batch(
        connection,
        key=f"close:{digest}",
        manifest=digest,
        reason=REASON,
        effective_on=inputs.day,
        legs=_legs(delta, inputs.day.year),
        counter=account_id(Kind.ISSUANCE, 0),
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


def pending_asset(methodology: str, vintage: int) -> str:
    """The asset of reductions that are credited and not certified: fungible by methodology version and vintage."""
    return f"pending:{methodology}:{vintage}"


def _overtaken(inputs: Inputs) -> bool:
    standing = standing_manifest(inputs.day)
    return (standing.digest if standing else None) != (inputs.previous.digest if inputs.previous else None)


def _credits(body: dict[str, Any], places: Places) -> pa.Table:
    return read_credits(body["outputs"], places)


def _legs(delta: pa.Table, vintage: int) -> Legs:
    methodologies = delta["methodology"].unique().to_pylist()
    assets = asset_ids([pending_asset(methodology, vintage) for methodology in methodologies], unit="mg")
    numbers = pc.index_in(delta["methodology"], pa.array(methodologies, pa.string())).to_numpy()
    known = np.array([assets[pending_asset(methodology, vintage)] for methodology in methodologies], np.int64)
    owners = delta["account_id"].to_numpy()
    return Legs(
        account_id=owners * 16 + Kind.RESIDENT_PENDING,
        asset_id=known[numbers] if len(numbers) else np.zeros(0, np.int64),
        amount=delta["credited_mg"].to_numpy(),
    )
