"""Closes: which closes a lot may rest on: of its jurisdiction, with its methodology, and of all evidence there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from tanpuhui.close.due import behind
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.standing import applied
from tanpuhui.evidence.lake import days_with_records
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.refusals import ClosesBehind, DaysUnclosed, MethodologyChanged, OtherJurisdiction

DAYS_NAMED = 10


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


def refuse_behind(manifests: Sequence[Manifest], places: Places) -> None:
    """The closes of a lot have seen all evidence of their days, those of an earlier lot too.

    A retraction that waits for its day to be closed again must not be overtaken by the lot.
    """
    days = behind([manifest.day for manifest in manifests], places)
    if days:
        raise ClosesBehind(count=len(days), days=named(days))


def refuse_unclosed(methodology: Methodology, vintage: int, through: date) -> None:
    """Where negative results are netted, no day with records is left out of a lot: it may be a bad one."""
    if not methodology.result.nets:
        return
    first = date(vintage, 1, 1)
    closed = set(Manifest.objects.filter(day__range=(first, through)).values_list("day", flat=True))
    unclosed = [day for day in days_with_records() if first <= day <= through and day not in closed]
    if unclosed:
        raise DaysUnclosed(
            methodology=f"{methodology.code}@{methodology.version}",
            count=len(unclosed),
            days=named(unclosed),
        )


def named(days: Sequence[date]) -> str:
    """The first days by name, and how many more there are."""
    named = ", ".join(day.isoformat() for day in days[:DAYS_NAMED])
    rest = len(days) - DAYS_NAMED
    return f"{named} and {rest} more" if rest > 0 else named
