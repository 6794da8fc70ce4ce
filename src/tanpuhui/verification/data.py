"""Data: what a lot rests on in a close: the acts of its methodology, whatever else of the day was closed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet

from tanpuhui.close.models import Manifest
from tanpuhui.close.standing import applied
from tanpuhui.kit.digest import digest_json
from tanpuhui.verification.models import StatementOf


def acts_digest(manifest: Manifest, methodology: str) -> str:
    """One digest over the day, the methodology (``code@version``) as it was applied, and its acts to the milligram.

    It is the same in two closes of a day that differ in other methodologies alone; empty where a close does not say
    what its acts are, or does not use the methodology.
    """
    code, version = methodology.rsplit("@", 1)
    used = applied(manifest, code, int(version))
    outputs = manifest.body["outputs"]
    if used is None or any("acts" not in one for one in outputs):
        return ""
    acts = [[one["bucket"], one["acts"][methodology]] for one in outputs if methodology in one["acts"]]
    return digest_json([manifest.day.isoformat(), used, acts])


def is_changed(manifests: Sequence[str], methodology: str) -> bool:
    """Whether the acts of any of these closes are not those of the close that stands for its day now."""
    then = list(Manifest.objects.filter(digest__in=list(manifests)))
    days = {one.day for one in then}
    now = {
        one.day: one
        for one in Manifest.objects.filter(day__in=days).order_by("day", "-sequence").distinct("day")
    }
    for one in then:
        if now[one.day].pk != one.pk:
            acts = acts_digest(one, methodology)
            if not acts or acts != acts_digest(now[one.day], methodology):
                return True
    return False


def acts_of(methodology: str, manifests: Sequence[str]) -> dict[str, str]:
    """The acts of each of these closes, by digest of the close."""
    return {
        one.pk: acts_digest(one, methodology) for one in Manifest.objects.filter(digest__in=list(manifests))
    }


def spoken_of(methodology: str, acts: Mapping[str, str]) -> QuerySet[StatementOf]:
    """Statements that speak of any of these closes, or of the same acts."""
    same = Q(manifest__in=list(acts)) | Q(acts__in=[one for one in acts.values() if one])
    return StatementOf.objects.filter(same, methodology=methodology)


def speaks_of(one: StatementOf, name: str, acts: Mapping[str, str]) -> bool:
    """Whether it is this very close, or one with the same acts."""
    return one.manifest == name or (one.acts != "" and acts.get(name) == one.acts)
