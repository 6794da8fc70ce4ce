"""Project: two strata worked by hand, and the limits: nothing wrong, everything looked at, everything wrong."""

from __future__ import annotations

from fractions import Fraction

from pytest import approx

from tanpuhui.verification.project import Looked, Stratum, against_the_credit, project


def looked(*pairs: tuple[int, int]) -> tuple[Looked, ...]:
    return tuple(Looked(book, right) for book, right in pairs)


#: 100 acts of 100 mg, four looked at, one of them 20 mg too much; 10 acts of 1,000 mg, two looked at, one 300 too much.
SMALL = Stratum(100, 10_000, looked((100, 100), (100, 80), (100, 100), (100, 100)))
LARGE = Stratum(10, 10_000, looked((1_000, 1_000), (1_000, 700)))


def test_two_strata_are_projected_as_by_hand() -> None:
    found = project([SMALL, LARGE])

    # Mean per unit: 100 * 20 / 4 + 10 * 300 / 2 = 500 + 1,500 = 2,000 mg.
    assert found.mean_per_unit_mg == 2_000
    # Ratio: R = 2,000 / (100 * 100 + 10 * 1,000) = 0.1, times 20,000 mg: 2,000 mg.
    assert found.ratio_mg == 2_000
    # d: variances s^2 = 100 (20, 0, 0, 0) and 45,000 (0, 300). 100 * 96 * 100 / 4 + 10 * 8 * 45,000 / 2 = 240,000
    # + 1,800,000; the root is 1,428.29. t(0.95; 4) = 2.1318: 2,000 + 3,044.9.
    assert found.mean_per_unit_upper_mg == 5_045
    # e = d - 0.1 b has the same variances, since b is the same in a stratum.
    assert found.ratio_upper_mg == 5_045
    assert (found.sample, found.errors, found.known_mg) == (6, 2, 320)
    assert found.estimate_mg == 2_000


def test_the_bound_of_few_errors_is_stringers() -> None:
    found = project([SMALL, LARGE])

    # The large acts were drawn most thinly for their milligrams: 2 of 10,000 of 20,000 mg, so n = 4.
    # p(0) = 1 - 0.05^(1/4) = 0.52713, p(1) = 0.75140, p(2) = 0.90239; parts 0.3 and 0.2.
    share = 0.52713 + (0.75140 - 0.52713) * 0.3 + (0.90239 - 0.75140) * 0.2
    assert found.few_errors_upper_mg == approx(20_000 * share, abs=2)
    assert found.upper_mg == found.few_errors_upper_mg


def test_where_nothing_is_wrong_the_bound_is_still_that_of_what_was_not_looked_at() -> None:
    found = project([Stratum(1_000_000, 10**9, looked(*[(1_000, 1_000)] * 59))])

    assert (found.estimate_mg, found.errors) == (0, 0)
    # 1 - 0.05^(1/59) = 4.95 %: the rule of three.
    assert found.upper_mg == approx(49_507_000, rel=1e-3)


def test_what_was_all_looked_at_is_known_exactly() -> None:
    found = project([Stratum(2, 300, looked((100, 90), (200, 200)))])

    assert (found.estimate_mg, found.upper_mg) == (10, 10)


def test_where_everything_is_wrong_all_of_it_is() -> None:
    found = project([Stratum(50, 5_000, looked(*[(100, 0)] * 10))])

    assert found.estimate_mg == found.upper_mg == 5_000


def test_what_was_credited_too_low_does_not_raise_anything() -> None:
    found = project([Stratum(50, 5_000, looked(*[(100, 120)] * 10))])

    assert found.estimate_mg == -1_000
    assert found.upper_mg >= 0


def test_a_fraction_of_a_milligram_goes_against_the_credit() -> None:
    assert against_the_credit(Fraction(1, 3)) == 1
    assert against_the_credit(Fraction(7)) == 7
    assert against_the_credit(Fraction(7), 0.001) == 8
    assert against_the_credit(Fraction(-1, 3)) == 0


def test_errors_that_are_larger_never_lower_the_bound() -> None:
    bounds = [
        project([Stratum(1_000, 100_000, looked(*[(100, 100 - part)] * 3, *[(100, 100)] * 57))]).upper_mg
        for part in range(0, 101, 10)
    ]

    assert bounds == sorted(bounds)
