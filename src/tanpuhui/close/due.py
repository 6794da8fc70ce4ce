"""Due: which days need to be closed, for the first time or again, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.close.evidence_of import files_around, revision_files
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.evidence.lake import days_with_records
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.quantify.outcome import Outcome

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Due:
    """A day and why it is due: ``never_closed``, ``new_evidence``, or ``entries_waited`` (for their exits)."""

    day: date
    reason: str


def due(at: datetime, zone: str) -> list[Due]:
    """Days that are over and whose standing close has not seen all there is; certified days are not among them."""
    standing = {
        manifest.day: manifest for manifest in Manifest.objects.order_by("day", "-sequence").distinct("day")
    }
    frozen = set(FrozenDay.objects.values_list("day", flat=True))
    revisions = {file.digest for file in revision_files()}
    now_us = to_us(at)
    found = []
    for day in sorted({*days_with_records(), *standing} - frozen):
        if day_bounds_us(day, zone)[1] > now_us:
            continue
        reason = _reason(standing.get(day), revisions, now_us)
        if reason:
            found.append(Due(day, reason))
    return found


def unseen(manifest: Manifest, revisions: set[str]) -> set[str]:
    """Digests of the evidence around its day, and of all revisions, that a close did not read."""
    inputs = manifest.body["inputs"]
    read = {file["digest"] for name in ("evidence", "revisions") for file in inputs[name]}
    return ({file.digest for file in files_around(manifest.day)} | revisions) - read


def _reason(manifest: Manifest | None, revisions: set[str], now_us: int) -> str:
    if manifest is None:
        return "never_closed"
    if unseen(manifest, revisions):
        return "new_evidence"
    waited = manifest.body["outcomes"].get(Outcome.waiting.name, 0)
    return "entries_waited" if waited and to_us(manifest.as_of) + DAY_US <= now_us else ""
