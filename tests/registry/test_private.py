"""Statistics with noise: it costs what is said, once a month, within the year's budget; nobody is told of."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from close.town import Town, act, metro
from tanpuhui.consent.district import district_of, forget_district, say_district
from tanpuhui.quantify.districts import load_districts
from tanpuhui.quantify.jurisdiction import PrivateFigures
from tanpuhui.registry import noise
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.month import days_of, last_month, standing
from tanpuhui.registry.monthly import publish, table_of
from tanpuhui.registry.noise import error_bar, error_bar_of_sum, noisy, scale_of
from tanpuhui.registry.private import Budget, Counted, budget_of, count, cut, frame_of, publish_private
from tanpuhui.registry.refusals import (
    BudgetSpent,
    MonthNotOver,
    MonthUnknown,
    NoDistricts,
    NoNoise,
    ReleasedWithoutKinds,
)

RULES = PrivateFigures(
    districts="shanghai",
    epsilon_districts=600_000,
    epsilon_kinds=400_000,
    epsilon_year=2_000_000,
    most_kg=1,
    most_kinds=2,
    most_acts=5,
    threshold=20,
    status="illustrative",
    source="a test",
)
APRIL = datetime(2026, 4, 2, tzinfo=UTC)
PUDONG, HUANGPU = "310115", "310101"
DISTRICTS = load_districts("shanghai")


def place_of(code: str) -> int:
    return [one.code for one in DISTRICTS].index(code)


def silent(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
    """No noise: what is to be published, as it was counted."""
    return list(values)


def release(
    town: Town, month: str = "2026-03", rules: PrivateFigures | None = RULES, **more: Any
) -> PrivateRelease:
    with transaction.atomic():
        return publish_private(
            month,
            at=APRIL,
            places=town.places,
            jurisdiction=replace(town.jurisdiction, private=rules),
            library=town.library,
            **more,
        )


def counted(town: Town) -> Counted:
    return count(
        standing("2026-03"), frame_of(town.jurisdiction, RULES, town.library), town.places, town.library
    )


def of_districts(town: Town) -> tuple[list[int], list[int]]:
    found = counted(town)
    return found.district_persons, found.district_grams


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

    persons, grams = of_districts(town)

    # 46.7 g for each km: a's 80 km are 3,736 g and count as 1 kg, b's 46.7 g as 46; c named none.
    assert (persons[place_of(PUDONG)], grams[place_of(PUDONG)]) == (2, 1_046)
    assert (sum(persons), sum(grams)) == (2, 1_046)


def test_one_person_more_or_less_changes_what_is_counted_by_no_more_than_the_noise_is_for(town: Town) -> None:
    accounts = town.settle("ab")
    town.take(metro("1", "a", 30_000), metro("2", "b", 30_000))
    town.close()
    for account in accounts.values():
        say_district(account, HUANGPU, at=APRIL)
    persons, grams = of_districts(town)

    forget_district(accounts["a"])
    fewer_persons, fewer_grams = of_districts(town)

    assert sum(abs(a - b) for a, b in zip(persons, fewer_persons, strict=True)) == 1
    assert sum(abs(a - b) for a, b in zip(grams, fewer_grams, strict=True)) <= RULES.most_kg * 1_000


def test_every_district_is_released_and_small_ones_are_left_out_by_their_noisy_number(town: Town) -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    town.settle("a")
    town.take(metro("1", "a", 1_000))
    town.close()

    body = release(town).body

    assert [row["code"] for row in body["districts"]] == [one.code for one in DISTRICTS]
    # Nobody named a district: with a scale of 1 / 0.3 a noisy zero is 20 or more once in 700 districts.
    assert sum(row["left_out"] for row in body["districts"]) >= 14
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


def private_row(month: str, epsilon: int, limit: int = 2_000_000, **changes: Any) -> PrivateRelease:
    """A row as whoever writes to the table himself would have it."""
    row: dict[str, Any] = {
        "month": month,
        "year": int(month[:4]),
        "epsilon": epsilon,
        "limit_epsilon": limit,
        "digest": "d",
        "body": {"month": month, "epsilon_millionths": epsilon},
        "published_at": APRIL,
    }
    with transaction.atomic():
        return PrivateRelease.objects.create(**(row | changes))


def exact_row(month: str | None, **body: Any) -> StatisticsRelease:
    with transaction.atomic():
        return StatisticsRelease.objects.create(
            month=month, digest="d", body={"month": month} | body, published_at=APRIL
        )


@pytest.mark.django_db
def test_the_database_itself_keeps_budget_and_the_one_release_whoever_writes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
    private_row("2026-01", 500_000)
    exact_row("2025-12")

    refused: list[tuple[str, Callable[[], Any], str]] = [
        ("beyond the budget", lambda: private_row("2026-02", 1_500_001), "may tell"),
        (
            "by a limit of its own",
            lambda: private_row("2026-02", 50_000_000, limit=10**12),
            "may tell 2000000",
        ),
        ("beyond its own, lower limit", lambda: private_row("2026-02", 500_001, limit=1_000_000), "may tell"),
        ("in the budget of another year", lambda: private_row("2026-02", 1, year=2025), "may tell"),
        ("twice", lambda: private_row("2026-01", 1), "unique"),
        ("exactly besides", lambda: exact_row("2026-01"), "never both"),
        ("with noise besides", lambda: private_row("2025-12", 1), "never both"),
        ("of every month", lambda: exact_row(None), "of the month that its body says"),
        (
            "as another month",
            lambda: private_row("2026-02", 1, body={"month": "2026-03", "epsilon_millionths": 1}),
            "of the month that its body says",
        ),
        (
            "as another month, exactly",
            lambda: StatisticsRelease.objects.create(
                month="2026-02", digest="d", body={"month": "2026-01"}, published_at=APRIL
            ),
            "of the month that its body says",
        ),
        (
            "for less than it tells",
            lambda: private_row("2026-02", 1, body={"month": "2026-02", "epsilon_millionths": 50}),
            "costs what its body says",
        ),
    ]
    for said, write, words in refused:
        with pytest.raises(IntegrityError, match=words), transaction.atomic():
            write()
            pytest.fail(f"a month was released {said}")
    with pytest.raises(DatabaseError), transaction.atomic():
        PrivateRelease.objects.update(epsilon=1)

    private_row("2026-02", 1_500_000, limit=10**12)
    assert budget_of(2026, replace(RULES, epsilon_year=10**12)) == Budget(2026, 2_000_000, 2_000_000)


def test_what_cannot_be_released_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MonthNotOver):
        release(town, "2026-04")
    for month in ("", "2026", "2026-13", "2026-1", "März", "2026-03-01", "0001-01", "9999-12"):
        with pytest.raises(MonthUnknown):
            release(town, month)
    with pytest.raises(NoDistricts):
        release(town, rules=None)
    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    with pytest.raises(NoNoise):
        release(town)
    assert not PrivateRelease.objects.exists()
    assert budget_of(2026, RULES).spent == 0


def test_a_person_counts_in_a_few_kinds_with_a_bounded_number_of_acts_and_a_bounded_mass(town: Town) -> None:
    town.settle("ab")
    town.take(
        *[metro(f"m{hour}", "a", 10_000, hour=hour) for hour in (6, 8, 10, 12)],
        act("rooftop_pv_output", "p1", "a", energy_wh=3_000),
        act("rooftop_pv_output", "p2", "a", hour=9, energy_wh=1_000),
        act("bike_trip", "b1", "a", hour=20, distance_m=1_000),
        metro("m9", "b", 1_000),
    )
    town.close()
    frame = frame_of(town.jurisdiction, RULES, town.library)

    found = counted(town)
    by_kind = dict(
        zip(frame.kinds, zip(found.kind_persons, found.kind_acts, found.kind_grams, strict=True), strict=True)
    )

    # a: roof 2 acts, 1,680 g; metro 4 acts, 1,868 g, the most; a bike, the least. Of these two kinds, five acts and
    # 1,000 g: all four by metro, which fill the kilogram, and one of the roof without any mass. b: one, 46.7 g.
    assert by_kind["metro_trip"] == (2, 4 + 1, 1_000 + 46)
    assert by_kind["rooftop_pv_output"] == (1, 1, 0)
    assert by_kind["bike_trip"] == (0, 0, 0)
    assert found.persons == 2
    assert sum(found.kind_persons) == 3


def test_without_any_one_resident_no_table_changes_by_more_than_its_noise_is_for() -> None:
    """Random months, each resident's whole month taken out in turn; and each table against sums over plain lists."""
    random = Random(7)
    kinds = 5
    changed: dict[str, set[int]] = defaultdict(set)
    engine = duckdb.connect()
    for _ in range(15):
        rules = replace(
            RULES,
            most_kinds=random.randint(1, 6),
            most_acts=random.randint(1, 9),
            most_kg=random.randint(1, 3),
        )
        month = {
            (account, kind): (
                random.randint(1, 6),
                random.choice((0, 999, 1_000_000, random.randrange(3_000_000))),
            )
            for account in range(1, 6)
            for kind in range(kinds)
            if random.random() < 0.7
        }
        whole = _cut(engine, month, kinds, rules)
        assert whole == _oracle(month, kinds, rules)
        for account in {account for account, _ in month}:
            rest = {key: value for key, value in month.items() if key[0] != account}
            without = _cut(engine, rest, kinds, rules)
            far = [_l1([whole[0]], [without[0]]), *map(_l1, whole[1:], without[1:])]
            assert far[0] == 1
            assert far[1] <= min(rules.most_kinds, kinds)
            assert far[2] <= rules.most_acts
            assert far[3] <= rules.most_kg * 1_000
            changed["kinds"].add(far[1] - min(rules.most_kinds, kinds))
            changed["acts"].add(far[2] - rules.most_acts)
            changed["grams"].add(far[3] - rules.most_kg * 1_000)

    assert {name: max(found) for name, found in changed.items()} == {"kinds": 0, "acts": 0, "grams": 0}, (
        "the bounds are reached"
    )


Month = dict[tuple[int, int], tuple[int, int]]
Cut = tuple[int, list[int], list[int], list[int]]


def _l1(first: Sequence[int], second: Sequence[int]) -> int:
    return sum(abs(a - b) for a, b in zip(first, second, strict=True))


def _cut(engine: duckdb.DuckDBPyConnection, month: Month, kinds: int, rules: PrivateFigures) -> Cut:
    rows = [(account, kind, acts, mg) for (account, kind), (acts, mg) in month.items()]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    names = ("account_id", "kind", "acts", "mg")
    table = pa.table(
        {name: pa.array(column, pa.int64()) for name, column in zip(names, columns, strict=True)}
    )
    engine.register("gathered", table)
    return cut(engine, kinds, rules)


def _oracle(month: Month, kinds: int, rules: PrivateFigures) -> Cut:
    """The same, resident by resident: the acts and grams of the kinds that count laid in a row, and the row cut off."""
    persons, acts, grams = [0] * kinds, [0] * kinds, [0] * kinds
    everybody = {account for account, _ in month}
    for account in everybody:
        mine = [(-mg, kind, number) for (who, kind), (number, mg) in month.items() if who == account]
        counts = sorted(mine)[: rules.most_kinds]
        for _, kind, _ in counts:
            persons[kind] += 1
        for kind in [kind for _, kind, number in counts for _ in range(number)][: rules.most_acts]:
            acts[kind] += 1
        for kind in [kind for mg, kind, _ in counts for _ in range(-mg // 1_000)][: rules.most_kg * 1_000]:
            grams[kind] += 1
    return len(everybody), persons, acts, grams


def test_each_table_asks_for_the_noise_of_its_bound_and_all_together_cost_what_is_charged(town: Town) -> None:
    asked: list[tuple[int, int, int]] = []

    def heard(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
        asked.append((len(values), sensitivity, epsilon))
        return list(values)

    found = release(town, noise=heard)

    kinds = len({scene.kind for scene in town.jurisdiction.scenes})
    assert asked == [
        (16, 1, 300_000),
        (16, 1_000, 300_000),
        # Everybody, and two kinds at most.
        (1 + kinds, 3, 100_000),
        (kinds, 5, 100_000),
        (kinds, 1_000, 200_000),
    ]
    assert sum(epsilon for *_, epsilon in asked) == found.epsilon == RULES.epsilon_release == 1_000_000


def test_what_is_shown_of_a_kind_is_decided_by_its_noisy_number(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 1_000))
    town.close()
    # Of one resident: 89 where noise was added, and of nobody 90, which is the threshold: see below.
    frame = frame_of(town.jurisdiction, RULES, town.library)
    row = 1 + list(frame.kinds).index("metro_trip")

    def loud(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
        if len(values) == len(frame.kinds):
            return [value - 7 for value in values]
        return [value + 88 if place == row else value + 90 for place, value in enumerate(values)]

    body = release(town, noise=loud).body
    rows = {one["kind"]: one for one in body["kinds"]["rows"]}

    # A scale of 3 / 0.1 = 30: noise is beyond 90 with 2 r**91 / (1 + r) = 0.0490 and beyond 89 with 0.0506.
    assert (body["kinds"]["threshold"], body["kinds"]["persons_error"]) == (90, 90)
    assert rows["metro_trip"] == {
        "kind": "metro_trip",
        "sector": "transport",
        "persons": None,
        "acts": None,
        "credited_g": None,
        "left_out": True,
    }
    assert (rows["bike_trip"]["persons"], rows["bike_trip"]["acts"], rows["bike_trip"]["left_out"]) == (
        90,
        0,
        False,
    )
    assert body["kinds"]["all"]["persons"] == 91
    table = table_of("2026-03")
    assert table is not None
    assert [one.kind for one in table.rows][-1] == "metro_trip"
    assert table.rows[0].persons_error == 90


def test_where_all_together_are_too_few_no_kind_is_shown_however_large_its_noise(town: Town) -> None:
    def loud(values: Sequence[int], *, sensitivity: int, epsilon: int) -> list[int]:
        # Everybody, then each kind, of which a resident has two at most; 90 is the threshold, as above.
        return [89, *[1_000] * (len(values) - 1)] if sensitivity == 1 + RULES.most_kinds else list(values)

    told = release(town, noise=loud).body["kinds"]

    assert (told["all"]["persons"], told["all"]["left_out"]) == (None, True)
    assert {(row["persons"], row["acts"], row["left_out"]) for row in told["rows"]} == {(None, None, True)}


def test_publishing_goes_the_private_way_once_a_month(town: Town) -> None:
    pytest.importorskip("opendp", reason="OpenDP is not installed (requirements/dp.txt)")
    rules = replace(town.jurisdiction, private=RULES)
    given = {"at": APRIL, "places": town.places, "jurisdiction": rules, "library": town.library}
    release(town, "2026-02")
    private_row("2025-12", 1, limit=1)

    with transaction.atomic():
        first, again = publish("2026-03", **given), publish("2026-03", **given)

    assert (first, first.noisy, len(first.rows)) == (again, True, len({one.kind for one in rules.scenes}))
    assert budget_of(2026, RULES).left == 0
    with pytest.raises(BudgetSpent), transaction.atomic():
        publish("2026-01", **given)
    with pytest.raises(ReleasedWithoutKinds), transaction.atomic():
        publish("2025-12", **given)


def test_a_district_is_said_changed_and_taken_back(town: Town) -> None:
    account = town.settle("a")["a"]
    say_district(account, PUDONG, at=APRIL)
    say_district(account, HUANGPU, at=APRIL)

    assert district_of(account) == HUANGPU
    assert (forget_district(account), forget_district(account), district_of(account)) == (True, False, None)


def test_days_of_a_month() -> None:
    assert days_of("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    assert days_of("2026-12") == (date(2026, 12, 1), date(2026, 12, 31))
    # 16:30 in Greenwich is the first of the next month in Shanghai.
    assert last_month(datetime(2026, 3, 31, 16, 30, tzinfo=UTC), "Asia/Shanghai") == "2026-03"
    assert last_month(datetime(2026, 1, 31, 15, 30, tzinfo=UTC), "Asia/Shanghai") == "2025-12"


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


def test_error_bars_of_sums_hold_and_are_not_wider_than_needed() -> None:
    """Against draws, and against the bar of one number, which rounding widens by less than two."""
    random = np.random.default_rng(5)
    for number, sensitivity, epsilon in ((1, 20_000, 500_000), (2, 100, 250_000), (13, 20_000, 500_000)):
        rate = math.exp(-1 / scale_of(sensitivity, epsilon))
        drawn = random.geometric(1 - rate, (2, number, 100_000))
        off = np.abs((drawn[0] - drawn[1]).sum(axis=0))

        beyond = float(np.mean(off > error_bar_of_sum(number, sensitivity, epsilon)))

        assert 0.045 < beyond < 0.0525
    assert 0 <= error_bar_of_sum(1, 20_000, 500_000) - error_bar(20_000, 500_000) <= 2
