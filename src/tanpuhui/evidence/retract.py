"""Retract: rows that say of acts that they never were become a batch, as if they had come in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.resubmit import stage_contents
from tanpuhui.evidence.settle import Bench, Intake, next_batch_id, settle, workbench
from tanpuhui.evidence.take import begin
from tanpuhui.kit.digest import digest_json

STEM = "retractions"


def retract(
    provider: str,
    rows: Sequence[Mapping[str, str | None]],
    *,
    key: str,
    at: datetime,
    lake: Path,
    buckets: int,
    zone: str,
) -> Receipt:
    """Take rows with the action ``retract``, inside the caller's transaction; the revision is 1 where none is given.

    The same rows under the same key again give the same receipt.
    """
    contract = contracts.in_force(provider, at.astimezone(ZoneInfo(zone)).date())
    contents = [{"revision": "1", **row, "action": "retract"} for row in rows]
    digest = digest_json(contents)
    before = begin(provider, key=key, digest=digest, buckets=buckets)
    if before is not None:
        return before
    form, terms = format_called(contract.format), contract.terms()
    intake = Intake(next_batch_id(), key, digest, STEM, at)
    with workbench(lake) as (connection, work):
        sheet = stage_contents(connection, form, terms, contents, intake)
        bench = Bench(contract, terms, lake, buckets, zone)
        (answer,) = settle(connection, work, bench, [intake], form=form, sheet=sheet)
    return answer
