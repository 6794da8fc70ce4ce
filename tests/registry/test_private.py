"""Figures of districts: with noise that costs what is said, once a month, within the year's budget; nobody is told."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, transaction

from close.town import Town, metro
from tanpuhui.consent.district import district_of, forget_district, say_district
from tanpuhui.quantify.districts import load_districts
from tanpuhui.quantify.jurisdiction import PrivateFigures
from tanpuhui.registry import noise
from tanpuhui.registry.models import PrivateRelease
from tanpuhui.registry.noise import error_bar, noisy, scale_of
from tanpuhui.registry.private import budget_of, count, days_of, publish_month
from tanpuhui.registry.refusals import BudgetSpent, MonthNotOver, MonthUnknown, NoDistricts, NoNoise

RULES = PrivateFigures("shanghai", 1_000_000, 2_000_000, 1, 20)
APRIL = datetime(2026, 4, 2, tzinfo=UTC)
PUDONG, HUANGPU = "310115", "310101"
DISTRICTS = load_districts("shanghai")


def place_of(code: str) -> int:
    return [one.code for one in DISTRICTS].index(code)


def release(town: Town, month: str = "2026-03", rules: PrivateFigures | None = RULES) -> PrivateRelease:
    with transaction.atomic():
        return publish_month(
            month, at=APRIL, places=town.places, jurisdiction=replace(town.jurisdiction, private=rules)
        )


def counted(town: Town) -> tuple[list[int], list[int]]:
    from tanpuhui.registry.private import _manifests

    return count(_manifests(date(2026, 3, 1), date(2026, 3, 31)), DISTRICTS, RULES, town.places)


def test_the_sixteen_districts_have_a_square_each() -> None:
    assert len(DISTRICTS) == 16
    assert len({(one.column, one.row) for one in DISTRICTS}) == 16
    assert {one.code: one.zh for one in DISTRICTS}[PUDONG] == "浦东新区"


def test_a_person_counts_once_in_the_district_they_named_with_a_bounded_mass(town: Town) -> None:
    accounts = town.settle("abc")
    town.take(
        metro("1", "a", 40_000),
        metro("2", "a", 40_000, hour=12),
        metro("3", "b", 1_000),
        metro("4", "c", 1_000),
    )
    town.close()
    say_district(accounts["a"], PUDONG, at=APRIL)
    say_district(accounts["b"], PUDONG, at=APRIL)

    persons, grams = counted(town)

    # 46.7 g for each km: a's 80 km are 3,736 g and count as 1 kg, b's 46.7 g as 46; c named none.
    assert (persons[place_of(PUDONG)], grams[place_of(PUDONG)]) == (2, 1_046)
    assert (sum(persons), sum(grams)) == (2, 1_046)


def test_one_person_more_or_less_changes_what_is_counted_by_no_more_than_the_noise_is_for(town: Town) -> None:
    accounts = town.settle("ab")
    town.take(metro("1", "a", 30_000), metro("2", "b", 30_000))
    town.close()
    for account in accounts.values():
        say_district(account, HUANGPU, at=APRIL)
    persons, grams = counted(town)

    forget_district(accounts["a"])
    fewer_persons, fewer_grams = counted(town)

    assert sum(abs(a - b) for a, b in zip(persons, fewer_persons, strict=True)) == 1
    assert sum(abs(a - b) for a, b in zip(grams, fewer_grams, strict=True)) <= RULES.most_kg * 1_000


def test_every_district_is_released_and_small_ones_are_left_out_by_their_noisy_number(town: Town) -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    town.settle("a")
    town.take(metro("1", "a", 1_000))
    town.close()

    body = release(town).body

    assert [row["code"] for row in body["districts"]] == [one.code for one in DISTRICTS]
    # Nobody named a district: with a scale of 2 a noisy zero is 20 or more once in 40,000 districts.
    assert sum(row["left_out"] for row in body["districts"]) >= 15
    assert all(
        row["persons"] is None and row["credited_g"] is None for row in body["districts"] if row["left_out"]
    )


def test_a_month_is_released_once_so_nobody_averages_the_noise_away(town: Town) -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")

    first, again = release(town), release(town)

    assert (first.pk, first.body) == (again.pk, again.body)
    assert PrivateRelease.objects.count() == 1


def test_a_year_that_has_told_what_it_may_tells_nothing_more(town: Town) -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    release(town, "2026-01")
    release(town, "2026-02")

    with pytest.raises(BudgetSpent) as refused:
        release(town, "2026-03")

    assert refused.value.facts == {"year": 2026, "spent": 2_000_000, "limit": 2_000_000, "wanted": 1_000_000}
    assert budget_of(2026, RULES).left == 0
    assert release(town, "2025-12").year == 2025


@pytest.mark.django_db()
@pytest.mark.parametrize(
    ("month", "year", "epsilon"), [("2026-02", 2026, 1_500_001), ("2026-02", 2025, 1), ("2026-01", 2026, 1)]
)
def test_the_database_itself_keeps_budget_and_the_one_release(month: str, year: int, epsilon: int) -> None:
    def add(month: str, year: int, epsilon: int) -> None:
        PrivateRelease.objects.create(
            month=month,
            year=year,
            epsilon=epsilon,
            limit_epsilon=2_000_000,
            digest="d",
            body={},
            published_at=APRIL,
        )

    add("2026-01", 2026, 500_000)

    with pytest.raises(IntegrityError), transaction.atomic():
        add(month, year, epsilon)
    with pytest.raises(DatabaseError), transaction.atomic():
        PrivateRelease.objects.update(epsilon=1)


def test_what_cannot_be_released_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MonthNotOver):
        release(town, "2026-04")
    for month in ("", "2026", "2026-13", "2026-1", "März", "2026-03-01"):
        with pytest.raises(MonthUnknown):
            release(town, month)
    with pytest.raises(NoDistricts):
        release(town, rules=None)
    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    with pytest.raises(NoNoise):
        release(town)
    assert not PrivateRelease.objects.exists()


def test_a_district_is_said_changed_and_taken_back(town: Town) -> None:
    account = town.settle("a")["a"]
    say_district(account, PUDONG, at=APRIL)
    say_district(account, HUANGPU, at=APRIL)

    assert district_of(account) == HUANGPU
    assert (forget_district(account), forget_district(account), district_of(account)) == (True, False, None)


def test_days_of_a_month() -> None:
    assert days_of("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    assert days_of("2026-12") == (date(2026, 12, 1), date(2026, 12, 31))


def test_noise_is_as_wide_as_it_is_said_to_be() -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    draws = np.array(noisy([0] * 40_000, sensitivity=3, epsilon=500_000))

    # Discrete Laplace of scale b: variance 2r / (1-r)**2 with r = exp(-1/b); here b = 6.
    rate = math.exp(-1 / 6)
    assert scale_of(3, 500_000) == 6
    assert abs(draws.mean()) < 5 * math.sqrt(2 * rate) / (1 - rate) / math.sqrt(len(draws))
    assert draws.var() == pytest.approx(2 * rate / (1 - rate) ** 2, rel=0.1)
    assert 0.94 < np.mean(np.abs(draws) <= error_bar(3, 500_000)) < 0.97


def test_two_neighbouring_tables_give_an_answer_with_nearly_the_same_chance() -> None:
    """Empirical epsilon from 100,000 draws of each: no set of answers is likelier by more than e to the epsilon."""
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    with_one = np.array(noisy([1] * 100_000, sensitivity=1, epsilon=1_000_000))
    without = np.array(noisy([0] * 100_000, sensitivity=1, epsilon=1_000_000))

    ratios = [np.mean(with_one >= least) / np.mean(without >= least) for least in range(-2, 4)]

    assert max(ratios) <= math.e * 1.06
    assert max(ratios) > 2.5, "the whole of the epsilon is used"


def test_error_bars_are_the_smallest_that_hold() -> None:
    for sensitivity, epsilon in ((1, 500_000), (1, 1_000_000), (100_000, 500_000)):
        rate = math.exp(-1 / scale_of(sensitivity, epsilon))
        found = error_bar(sensitivity, epsilon)

        assert 2 * rate ** (found + 1) / (1 + rate) <= noise.BEYOND < 2 * rate**found / (1 + rate)
