"""Closes: which closes a lot may rest on: of its jurisdiction, with its methodology, and of all evidence there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tanpuhui.close.due import unseen
from tanpuhui.close.evidence_of import revision_files
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.refusals import ClosesBehind, MethodologyChanged, OtherJurisdiction

DAYS_NAMED = 10


def applied(manifest: Manifest, code: str, version: int) -> dict[str, Any] | None:
    """How a close names a methodology that it used, or ``None`` if it did not use it."""
    for item in manifest.body["inputs"]["methodologies"]:
        if (item["code"], item["version"]) == (code, version):
            return dict(item)
    return None


def refuse_other_rules(
    manifests: Iterable[Manifest], methodology: Methodology, jurisdiction: Jurisdiction
) -> None:
    """A lot's reductions were quantified by its own jurisdiction's rules and the methodology as it is now.

    Otherwise statuses and exclusions would be looked up in rules that did not make the reductions.
    """
    for manifest in manifests:
        closed_under = manifest.body["inputs"]["jurisdiction"]["code"]
        if closed_under != jurisdiction.code:
            raise OtherJurisdiction(
                day=manifest.day, closed_under=closed_under, jurisdiction=jurisdiction.code
            )
        used = applied(manifest, methodology.code, methodology.version)
        assert used is not None, "manifests of a lot use its methodology"
        if used["digest"] != methodology.digest:
            key = f"{methodology.code}@{methodology.version}"
            raise MethodologyChanged(
                day=manifest.day, methodology=key, then=used["digest"], now=methodology.digest
            )


def refuse_behind(manifests: Sequence[Manifest]) -> None:
    """The closes of a lot have seen all evidence of their days, but for days that an earlier lot has frozen.

    A retraction that waits for its day to be closed again must not be overtaken by the lot.
    """
    frozen = set(FrozenDay.objects.values_list("day", flat=True))
    revisions = {file.digest for file in revision_files()}
    behind = [
        manifest.day for manifest in manifests if manifest.day not in frozen and unseen(manifest, revisions)
    ]
    if behind:
        named = ", ".join(day.isoformat() for day in behind[:DAYS_NAMED])
        rest = len(behind) - DAYS_NAMED
        raise ClosesBehind(count=len(behind), days=f"{named} and {rest} more" if rest > 0 else named)
