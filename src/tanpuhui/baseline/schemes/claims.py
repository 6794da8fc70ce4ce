"""Claims: V1 to V10, what a rule that issues reductions must keep where the truth is known, and whether ours does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tanpuhui.baseline.schemes.city import EIGHT, MILD, NO_EFFECT, SELECTED, THREE, draw, live
from tanpuhui.baseline.schemes.rules import OURS, OWN_BOUND, pooled
from tanpuhui.baseline.schemes.trial import Trial
from tanpuhui.baseline.schemes.unlike import reordered, scaled, shifted, with_an_empty_home

#: The bound is of 95 %, so it may be above the truth in one city of twenty.
NOMINAL = 0.05
#: Cities that the readings are told in another way for, and the draws of their bounds.
RETOLD, MANY_DRAWS = 3, 1000
LAST_YEAR = "own_last_year"


@dataclass(frozen=True)
class Claim:
    """``found`` and ``limit`` in per cent; ``holds`` is None where this run cannot ask it."""

    code: str
    says: str
    found: float | None
    limit: str
    holds: bool | None


def false_issue_limit(seeds: int) -> float:
    """5 % and two Monte Carlo errors of it.

    >>> round(false_issue_limit(200), 3)
    0.081
    """
    return NOMINAL + 2 * math.sqrt(NOMINAL * (1 - NOMINAL) / seeds)


def claims(trial: Trial) -> tuple[Claim, ...]:
    return (*_of_no_effect(trial), *_of_effects(trial), *_of_retelling(trial))


def _of_no_effect(trial: Trial) -> Iterator[Claim]:
    ours, limit = OURS.code, false_issue_limit(trial.seeds)
    most = f"at most {100 * limit:.1f}"
    error = 2 * float(trial.signed.std(ddof=1)) / math.sqrt(trial.seeds)
    signed = float(trial.signed.mean())
    yield _claim(
        "V1",
        "no effect: measured on average, before any bound",
        signed,
        f"at most {100 * error:.2f}",
        signed <= error,
    )
    flagged = 100 * trial.flagged[SELECTED.code].mean()
    for code, says, world in (
        ("V2", "no effect: cities in which anything is issued", NO_EFFECT),
        ("V3", "a year milder by 6 %: the same", MILD),
        ("V4", f"homes join after a high year: the same ({flagged:.0f} % of cities flagged)", SELECTED),
    ):
        found = trial.falsely(ours, world.code)
        yield _claim(code, says, found, most, found <= limit)
    control = trial.falsely(OWN_BOUND.code, MILD.code)
    yield _claim(
        "V3 control",
        "a mild year: own history without peers must fail",
        control,
        f"above {100 * limit:.1f}",
        control > limit,
    )
    positive = trial.part(LAST_YEAR, NO_EFFECT.code)
    yield _claim(
        "V5",
        "no effect: what paying only the good months issues",
        positive,
        "7 to 14",
        0.07 <= positive <= 0.14,
    )


def _of_effects(trial: Trial) -> Iterator[Claim]:
    for world in (THREE, EIGHT):
        found = trial.part(OURS.code, world.code)
        says = f"a true {100 * world.saving:.0f} %: issued on average"
        yield _claim("V6", says, found, f"at most {100 * world.saving:.0f}", found <= world.saving)
    covered = float(trial.covered.mean())
    yield _claim(
        "V7", "peers that the conformal bound of 90 % covers", covered, "88 to 92", 0.88 <= covered <= 0.92
    )
    yield Claim(
        "V8",
        "CalTRACK's published savings (asked by tests/baseline/test_caltrack.py)",
        None,
        "",
        None,
    )


def _of_retelling(trial: Trial) -> Iterator[Claim]:
    for says, share in (
        ("three times as much is read: three times as much is issued", _scaled),
        ("homes in another order: each is issued the same", _reordered),
        ("the year begins in another month: the same", _shifted),
        ("a home that never used anything joins: it gets nothing, the effect stays", _with_an_empty_home),
    ):
        kept = [share(seed, trial.homes) for seed in range(RETOLD)]
        yield _claim("V9", says, float(np.mean(kept)), "100 of cities", all(kept))
    noisy, quiet = float(trial.noisy.mean()), float(trial.quiet.mean())
    yield _claim(
        "V10",
        "noise on the homes' own meters: issued at a true 8 %",
        noisy,
        f"at most {100 * quiet:.2f}",
        noisy <= quiet,
    )


def _scaled(seed: int, homes: int) -> bool:
    """Within 3 Wh: the bound is rounded down once."""
    readings = live(draw(seed, homes), EIGHT).readings
    return bool(abs(OURS.rule(scaled(readings, 3)).sum() - 3 * OURS.rule(readings).sum()) <= 3)


def _reordered(seed: int, homes: int) -> bool:
    """Within 1 Wh a home: of equal remainders the earlier one is served."""
    readings = live(draw(seed, homes), EIGHT).readings
    other = reordered(readings, seed)
    answer = OURS.rule(other)[np.argsort(other.home)]
    expected = OURS.rule(readings)
    return bool(answer.sum() == expected.sum() and np.abs(answer - expected).max() <= 1)


def _shifted(seed: int, homes: int) -> bool:
    readings = live(draw(seed, homes), EIGHT).readings
    return bool((OURS.rule(shifted(readings, 5)) == OURS.rule(readings)).all())


def _with_an_empty_home(seed: int, homes: int) -> bool:
    """Its share is 0, the effect is the same, and the bound moves by less than the error of its draws (0.3 of it)."""
    readings = live(draw(seed, homes), EIGHT).readings
    more = with_an_empty_home(readings)
    before, after = pooled(readings, MANY_DRAWS), pooled(more, MANY_DRAWS)
    return bool(
        OURS.rule(more)[-1] == 0
        and abs(before.saved - after.saved) < 1
        and abs(before.lower_bound - after.lower_bound) < 0.3 * before.standard_error
    )


def _claim(code: str, says: str, found: float, limit: str, holds: bool) -> Claim:
    return Claim(code, says, round(100 * found, 2), limit, bool(holds))
