"""Coverage: over many samples of a lot whose truth is known, the upper bound is above the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from tanpuhui.verification.project import Looked, Stratum, project

SAMPLES = 400
#: One-sided 95 %, less two standard errors of 400 samples: 0.95 - 2 * sqrt(0.95 * 0.05 / 400).
LEAST = 0.928


def lot(rng: np.random.Generator, share_wrong: float, part_wrong: float) -> list[tuple[list[int], list[int]]]:
    """Three strata of acts, from many small ones to few large ones: book and right values."""
    found = []
    for count, size in ((6_000, 300), (2_500, 800), (900, 2_200)):
        book = np.maximum(1, rng.gamma(8, size / 8, count).astype(int))
        wrong = rng.random(count) < share_wrong
        taken = (book * rng.beta(2, 2 / part_wrong - 2, count)).astype(int)
        right = np.where(wrong, book - taken, book)
        found.append((book.tolist(), right.tolist()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("share_wrong", "part_wrong"), [(0.02, 0.9), (0.05, 0.5), (0.3, 0.2), (0.001, 0.9)])
def test_the_upper_bound_covers_the_truth_nineteen_times_in_twenty(
    share_wrong: float, part_wrong: float
) -> None:
    rng = np.random.default_rng(20_260_302)
    strata = lot(rng, share_wrong, part_wrong)
    truth = sum(sum(book) - sum(right) for book, right in strata)
    covered, estimates = 0, []

    for _ in range(SAMPLES):
        drawn = []
        for book, right in strata:
            places = rng.choice(len(book), 90, replace=False)
            acts = tuple(Looked(book[place], right[place]) for place in places)
            drawn.append(Stratum(len(book), sum(book), acts))
        found = project(drawn)
        covered += found.upper_mg >= truth
        estimates.append(found.ratio_mg)

    assert covered / SAMPLES >= LEAST
    # The estimate is not biased: its mean is within three standard errors of the truth.
    assert abs(np.mean(estimates) - truth) < 3 * np.std(estimates) / SAMPLES**0.5 + 0.002 * truth
