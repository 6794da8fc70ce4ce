"""Data: what a lot rests on in a close: the acts of its methodology, whatever else of the day was closed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q

from tanpuhui.close.models import Manifest
from tanpuhui.close.standing import applied
from tanpuhui.kit.digest import digest_json
from tanpuhui.verification.models import Statement, StatementOf
from tanpuhui.verification.proof import is_signed, unsigned


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


def changed_closes(manifests: Sequence[str], methodology: str) -> set[str]:
    """Those of these closes whose acts are not those of the close that stands for its day now, by digest."""
    then = list(Manifest.objects.filter(digest__in=list(manifests)))
    days = {one.day for one in then}
    now = {
        one.day: one
        for one in Manifest.objects.filter(day__in=days).order_by("day", "-sequence").distinct("day")
    }
    changed = set()
    for one in then:
        if now[one.day].pk != one.pk:
            acts = acts_digest(one, methodology)
            if not acts or acts != acts_digest(now[one.day], methodology):
                changed.add(one.digest)
    return changed


def acts_of(methodology: str, manifests: Sequence[str]) -> dict[str, str]:
    """The acts of each of these closes, by digest of the close."""
    return {
        one.pk: acts_digest(one, methodology) for one in Manifest.objects.filter(digest__in=list(manifests))
    }


def spoken_of(methodology: str, acts: Mapping[str, str]) -> list[StatementOf]:
    """What statements say of any of these closes, or of the same acts, the newest first.

    The rows are an index of what was signed and no more: one that the signed text does not bear out counts for
    nothing, unless it refuses.
    """
    same = Q(manifest__in=list(acts)) | Q(acts__in=[one for one in acts.values() if one])
    rows = list(
        StatementOf.objects.filter(same, methodology=methodology)
        .select_related("statement__engagement__verifier", "statement__key")
        .order_by("-statement__signed_at", "-statement_id", "pk")
    )
    of_rows = acts_of(methodology, [one.manifest for one in rows])
    proven: dict[int, bool] = {}
    for one in rows:
        if one.statement_id not in proven:
            proven[one.statement_id] = not unsigned(one.statement)
    return [
        one
        for one in rows
        if one.statement.conclusion == Statement.REFUSE
        or (proven[one.statement_id] and is_signed(one, of_rows.get(one.manifest, "")))
    ]


def speaks_of(one: StatementOf, name: str, acts: Mapping[str, str]) -> bool:
    """Whether it is this very close, or one with the same acts."""
    return one.manifest == name or (one.acts != "" and acts.get(name) == one.acts)
