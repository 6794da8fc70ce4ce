"""Due: which days need to be closed, for the first time or again, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tanpuhui.close.evidence_of import files_around, linked_since, revision_files
from tanpuhui.close.inputs import results_by_bucket
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.places import FROZEN
from tanpuhui.close.store import Store
from tanpuhui.evidence.lake import UNLINKED, days_with_records
from tanpuhui.kit.moment import day_bounds_us, to_us
from tanpuhui.quantify.outcome import Outcome

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Due:
    """A day and why it is due, and the lot that certified any of it already.

    Reasons: ``never_closed``, ``new_evidence``, ``earlier_day_changed`` (acts that began then may now be lost to one
    that ended then), ``people_linked`` (whose records were nobody's), ``entries_waited`` (for their exits).
    """

    day: date
    reason: str
    lot: str | None = None


def due(at: datetime, zone: str, lake: Path) -> list[Due]:
    """Days that are over and whose standing close has not seen all there is, in order."""
    standing = standing_by_day()
    lots = dict(FrozenDay.objects.order_by("-id").values_list("day", "lot"))
    now_us = to_us(at)
    found = []
    for day in sorted({*days_with_records(), *standing}):
        if day_bounds_us(day, zone)[1] > now_us:
            continue
        reason = _reason(standing.get(day), standing, now_us, lake)
        if reason:
            found.append(Due(day, reason, lots.get(day)))
    return found


def standing_by_day() -> dict[date, Manifest]:
    """The manifest that stands for each closed day."""
    return {
        manifest.day: manifest for manifest in Manifest.objects.order_by("day", "-sequence").distinct("day")
    }


def is_behind(manifest: Manifest, standing: Mapping[date, Manifest]) -> bool:
    """Whether a close has not seen all that decides its credits: evidence, or how an earlier day ends now."""
    return _has_unseen(manifest, through=manifest.day) or earlier_changed(manifest, standing)


def earlier_changed(manifest: Manifest, standing: Mapping[date, Manifest]) -> bool:
    """Whether a day on which acts of this one began ends otherwise now, or was closed only afterwards."""
    earlier = manifest.body["inputs"]["earlier"]
    seen = {date.fromisoformat(close["day"]): close["results"] for close in earlier["closes"]}
    first = date.fromisoformat(earlier["from"])
    return any(
        results_by_bucket(closed) != seen.get(day)
        for day, closed in standing.items()
        if first <= day < manifest.day
    )


def _has_unseen(manifest: Manifest, through: date) -> bool:
    """Whether there is evidence of days through one, or a revision, that a close did not read."""
    inputs = manifest.body["inputs"]
    read = {file["digest"] for name in ("evidence", "revisions") for file in inputs[name]}
    around = {file.digest for file in files_around(manifest.day) if file.day <= through}
    return not (around | {file.digest for file in revision_files(manifest.day)}) <= read


def _reason(manifest: Manifest | None, standing: Mapping[date, Manifest], now_us: int, lake: Path) -> str:
    """The next day's taps decide no credit of a day, and are news only to an entry without its exit."""
    if manifest is None:
        return "never_closed"
    outcomes = manifest.body["outcomes"]
    waiting = outcomes.get(Outcome.waiting.name, 0)
    open_entries = waiting + outcomes.get(Outcome.unpaired.name, 0)
    if _has_unseen(manifest, through=date.max if open_entries else manifest.day):
        return "new_evidence"
    if earlier_changed(manifest, standing):
        return "earlier_day_changed"
    unknown = manifest.body["inputs"]["resolved"].get(str(UNLINKED))
    if unknown and linked_since(Store(lake, FROZEN).checked(unknown)):
        return "people_linked"
    return "entries_waited" if waiting and to_us(manifest.as_of) + DAY_US <= now_us else ""
