"""Stands: what verifiers' statements say about the closes of a lot; the registry asks before it certifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tanpuhui.verification.data import acts_of, speaks_of, spoken_of
from tanpuhui.verification.lifted import is_lifted
from tanpuhui.verification.models import STRICTNESS, Statement


@dataclass(frozen=True)
class Standing:
    """Of some closes: those that no statement speaks of, those that are refused, and the statements that count.

    ``deducted_mg`` is what all of them together lower the lot by.
    """

    missing: tuple[str, ...]
    refused: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def deducted_mg(self) -> int:
        return sum(one.deducted_mg for one in self.statements)


def standing(methodology: str, manifests: Sequence[str]) -> Standing:
    """What stands for each close of a methodology (``code@version``): the strictest of the statements that count.

    A statement speaks of a close, and of a later one of the day that has the same acts of the methodology: what else
    of the day is closed again is no concern of its. The newest counts, and every older one that is not lifted:
    whoever looks again at the same acts may find more, and does not undo what was found (:mod:`.lifted`).
    """
    acts = acts_of(methodology, manifests)
    spoken = spoken_of(methodology, acts)
    strictest: dict[str, Statement] = {}
    lifted: dict[int, bool] = {}
    for one in spoken:
        statement = one.statement
        for name in (name for name in manifests if speaks_of(one, name, acts)):
            found = strictest.get(name)
            if found is None:
                strictest[name] = statement
            elif is_stricter(statement, found):
                if statement.pk not in lifted:
                    lifted[statement.pk] = is_lifted(statement.engagement)
                if not lifted[statement.pk]:
                    strictest[name] = statement
    refused = tuple(
        name for name in manifests if name in strictest and strictest[name].conclusion == Statement.REFUSE
    )
    counting = {one.pk: one for one in strictest.values() if one.conclusion != Statement.REFUSE}
    return Standing(
        missing=tuple(name for name in manifests if name not in strictest),
        refused=refused,
        statements=tuple(counting[number] for number in sorted(counting)),
    )


def is_stricter(one: Statement, other: Statement) -> bool:
    """Refused is stricter than lowered, that than accepted; of two that lower, the one that takes the larger part."""
    if one.conclusion != other.conclusion:
        return STRICTNESS.index(one.conclusion) > STRICTNESS.index(other.conclusion)
    return one.deducted_mg * other.population_mg > other.deducted_mg * one.population_mg
