"""Example: one gram followed from an act to a number, worked out by the methodology itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tanpuhui.methodology.evaluate import Explanation, evaluate
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.web.public.library import examples_of, library

#: What is shown first, where the library has it.
FIRST = "shenzhen/metro"


@dataclass(frozen=True)
class Example:
    """A worked case with its trace."""

    methodology: Methodology
    explanation: Explanation
    distance_km: int | None


def first_example() -> Example | None:
    """The first worked case of a methodology of reductions; ``None`` in a library without one."""
    found = [one for one in library().all() if one.book == "reduction"]
    found.sort(key=lambda one: (one.code != FIRST, one.code, -one.version))
    for methodology in found:
        for case in examples_of(methodology):
            if case.get("expected_mg"):
                day = date.fromisoformat(str(case["on"])) if "on" in case else methodology.valid_from
                distance_m = case["activity"].get("distance_m")
                explanation = evaluate(methodology, case["activity"], day)
                return Example(methodology, explanation, distance_m // 1_000 if distance_m else None)
    return None
