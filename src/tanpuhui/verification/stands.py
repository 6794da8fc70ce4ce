"""Stands: what verifiers' statements say about the closes of a lot; the registry asks before it certifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tanpuhui.verification.models import Statement, StatementOf


@dataclass(frozen=True)
class Standing:
    """Of some closes: those that no statement speaks of, those that the newest refuses, and the statements that count.

    ``deducted_mg`` is what all of them together lower the lot by.
    """

    missing: tuple[str, ...]
    refused: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def deducted_mg(self) -> int:
        return sum(one.deducted_mg for one in self.statements)


def standing(methodology: str, manifests: Sequence[str]) -> Standing:
    """What stands for each close of a methodology (``code@version``): its newest statement counts."""
    spoken = (
        StatementOf.objects.filter(methodology=methodology, manifest__in=manifests)
        .select_related("statement__engagement__verifier")
        .order_by("manifest", "-statement__signed_at", "-statement_id")
        .distinct("manifest")
    )
    newest = {one.manifest: one.statement for one in spoken}
    refused = tuple(
        name for name in manifests if name in newest and newest[name].conclusion == Statement.REFUSE
    )
    counting = {one.pk: one for one in newest.values() if one.conclusion != Statement.REFUSE}
    return Standing(
        missing=tuple(name for name in manifests if name not in newest),
        refused=refused,
        statements=tuple(counting[number] for number in sorted(counting)),
    )
