"""Frozen baselines, limits, weather and peers, as a programme is opened, settled and verified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pgtrigger
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.db import IntegrityError, transaction

from programme.village import (
    BASELINE,
    CODE,
    HOMES,
    MARCH,
    MAY,
    OPENED_AT,
    SETTLED_AT,
    SHANGHAI,
    USED_WH,
    Village,
)
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import Library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.models import Period, Window
from tanpuhui.programme.month import last_day, months_between
from tanpuhui.programme.refusals import (
    BadComparison,
    BadLimit,
    BaselineEmpty,
    BaselineIncomplete,
    BaselineMonthsMissing,
    BaselineNeeded,
    BaselineNotOver,
    BaselineOtherwise,
    HomeUnknown,
    LimitBelowUse,
    ReadBefore,
    SettledOtherwise,
    ShortHistoryLate,
    TemperatureMissing,
    TemperatureNeeded,
    TemperatureOtherwise,
    TemperatureUnused,
)
from tanpuhui.programme.unseal import unseal
from tanpuhui.programme.verify import Checked, verify
from tanpuhui.programme.window import declare
from tanpuhui.quantify.jurisdiction import load_jurisdiction

SAVED_WH = 600_000
FEBRUARY, JANUARY = date(2024, 2, 1), date(2025, 1, 1)
#: Twelve months that are over when the programme opens.
YEAR = list(months_between(FEBRUARY, JANUARY))
SPRING = list(months_between(MARCH, MAY))


@pytest.fixture()
def village(db: None, fresh_home: Path, library: Library) -> Village:
    """Nothing is opened yet."""
    return Village(fresh_home, library, load_jurisdiction("demo"))


def baseline(village: Village, months: list[date], without: tuple[str, ...] = ()) -> Path:
    return village.write((home, month, USED_WH) for home in HOMES if home not in without for month in months)


def after(village: Village, without: tuple[str, ...] = ()) -> Path:
    """Months of the period alone: those asked use a fifth less."""
    asked = set(village.asked)
    return village.write(
        (home, month, USED_WH - SAVED_WH * (home in asked))
        for home in HOMES
        if home not in without
        for month in SPRING
    )


def test_what_was_used_before_is_frozen_and_need_not_be_brought_again(village: Village) -> None:
    """28 homes save 3 x 600 kWh without any noise, as where the file brings both years: 50.4 MWh."""
    village.open(baseline=baseline(village, list(months_between(BASELINE, JANUARY))))
    village.join(10)

    period = village.settle(after(village))
    unseal(CODE, at=SETTLED_AT)

    window = get_programme(CODE).windows.get()
    assert window.baseline.startswith("sha256:")
    assert (period.saved_wh, period.bound_wh, period.left_out) == (50_400_000, 50_400_000, 0)
    assert verify(CODE, places=village.places, library=village.library).stands


def test_a_home_held_out_that_is_missing_after_counts_as_one_that_used_nothing(village: Village) -> None:
    """Eleven of twelve at 9 MWh and one at 0: a mean of 8.25 MWh, and 28 homes at 7.2: 28 x 1.05 = 29.4 MWh."""
    village.open(baseline=baseline(village, list(months_between(BASELINE, JANUARY))))

    period = village.settle(after(village, without=(village.held[0],)))

    assert abs(period.saved_wh - 29_400_000) <= 1
    assert (period.left_out, period.limited, period.above_limit) == (1, 1, 0)


def test_readings_of_a_frozen_month_are_what_they_were(village: Village) -> None:
    """One home that used 1 Wh more before; and a home of which nothing was frozen."""
    gone = HOMES[7]
    village.open(baseline=baseline(village, list(months_between(BASELINE, JANUARY)), without=(gone,)))
    same = [(home, month, USED_WH) for home in HOMES if home != gone for month in (*YEAR[1:4], *SPRING)]

    with pytest.raises(BaselineOtherwise) as refused:
        village.settle(village.write([(same[0][0], same[0][1], USED_WH + 1), *same[1:]]))
    with pytest.raises(BaselineOtherwise):
        village.settle(village.write([*same, (gone, MARCH.replace(year=2024), USED_WH)]))
    period = village.settle(village.write(same))

    assert refused.value.facts == {"count": 1, "months": "2024-03"}
    assert (period.left_out, period.limited) == (1, 0)


def test_a_window_whose_frozen_baseline_is_exchanged_is_found(village: Village) -> None:
    village.open(baseline=baseline(village, list(months_between(BASELINE, JANUARY))))
    village.settle(after(village))
    other = Window(
        programme=get_programme(CODE), rung="L5", baseline_from=BASELINE, starts_on=date(2026, 3, 1)
    )
    same = baseline(village, list(months_between(BASELINE, JANUARY)))
    declare(other, at=SETTLED_AT, baseline=same, places=village.places)
    unseal(CODE, at=SETTLED_AT)
    table = pq.read_table(village.places.frozen.checked(other.baseline))
    more = table.set_column(2, "energy_wh", pc.add(table["energy_wh"], 1))
    digest = village.places.frozen.put(more)

    def exchanged(starts_on: date) -> Checked:
        with pgtrigger.ignore("programme.Window:append_only"), transaction.atomic():
            Window.objects.filter(starts_on=starts_on).update(baseline=digest)
            found = verify(CODE, places=village.places, library=village.library)
            transaction.set_rollback(True)
        return found

    # A window of which nothing is settled is compared with what the other one says of the same months.
    year = tuple(f"{one:%Y-%m}" for one in months_between(BASELINE, JANUARY))
    whole = verify(CODE, places=village.places, library=village.library)
    assert (whole.differs, whole.read_twice, whole.stands) == ((), (), True)
    of_first, of_other = exchanged(MARCH), exchanged(other.starts_on)
    assert (of_first.differs, of_first.read_twice, of_first.stands) == (("2025-03-01",), year, False)
    assert (of_other.differs, of_other.read_twice, of_other.stands) == ((), year, False)


def test_a_month_that_a_window_or_a_period_holds_has_one_reading(village: Village) -> None:
    """Frozen again with 1 Wh more; used after in spring, and said otherwise where spring is the year before."""
    march_2026 = date(2026, 3, 1)
    village.open(baseline=baseline(village, list(months_between(BASELINE, JANUARY))))
    village.settle(after(village))
    programme, rows = get_programme(CODE), [(home, month) for home in HOMES for month in YEAR[1:]]

    def again(more: int, first: date = BASELINE) -> Window:
        window = Window(programme=programme, rung="L3", baseline_from=first, starts_on=march_2026)
        said = [(home, month, USED_WH + more * (month == YEAR[1])) for home, month in rows]
        said += [(home, month, USED_WH) for home in HOMES for month in SPRING if month >= first]
        return declare(window, at=SETTLED_AT, baseline=village.write(said), places=village.places)

    with pytest.raises(ReadBefore) as frozen:
        again(1)
    with pytest.raises(ReadBefore) as settled:
        again(0, MARCH)

    assert frozen.value.facts == {"count": 40, "months": "2024-03", "code": CODE}
    # 28 homes that were asked used a fifth less in three months.
    assert settled.value.facts == {"count": 84, "months": "2025-03, 2025-04, 2025-05", "code": CODE}
    assert again(0).baseline == programme.windows.get(starts_on=MARCH).baseline


@pytest.mark.parametrize(
    ("other", "months", "refusal"),
    [
        ({"rung": "L4", "baseline_from": FEBRUARY}, None, BaselineNeeded),
        ({"limit_wh": 5_000_000}, None, BaselineNeeded),
        ({"rung": "L3", "comparison": "matched"}, None, BaselineNeeded),
        ({"comparison": "matched"}, YEAR, BadComparison),
        ({"rung": "L3", "comparison": "nearest"}, YEAR, BadComparison),
        ({"limit_percent": 99}, YEAR, BadLimit),
        ({"limit_wh": -1}, YEAR, BadLimit),
        ({"limit_wh": USED_WH - 1, "baseline_from": FEBRUARY}, YEAR, LimitBelowUse),
        ({"rung": "L4", "baseline_from": FEBRUARY}, YEAR[1:], BaselineMonthsMissing),
        (
            {"rung": "L3", "comparison": "stratified", "baseline_from": FEBRUARY},
            YEAR[1:],
            BaselineMonthsMissing,
        ),
        ({}, [date(2025, 2, 1)], BaselineNotOver),
        ({}, [date(2023, 2, 1)], BaselineEmpty),
    ],
)
def test_what_rests_on_no_frozen_baseline_is_refused(
    village: Village, other: dict[str, Any], months: list[date] | None, refusal: type[Refusal]
) -> None:
    path = baseline(village, months) if months else None

    with pytest.raises(refusal), transaction.atomic():
        village.open(baseline=path, **other)


def test_a_baseline_of_strangers_or_of_too_few_homes_is_refused(village: Village) -> None:
    stranger = village.write([("meter-of-somebody", MARCH.replace(year=2024), 1)])

    with pytest.raises(HomeUnknown), transaction.atomic():
        village.open(baseline=stranger)
    with pytest.raises(BaselineIncomplete) as refused, transaction.atomic():
        village.open(baseline=baseline(village, YEAR, without=tuple(HOMES[:12])), baseline_from=FEBRUARY)

    assert refused.value.facts["percent"] == 10


def test_a_short_history_needs_thirty_homes_held_out(village: Village) -> None:
    """Twelve are."""
    path = baseline(village, YEAR)

    with pytest.raises(Refusal) as refused, transaction.atomic():
        village.open(baseline=path, rung="L2", baseline_from=FEBRUARY)

    assert refused.value.code == "baseline.too_few_homes"


def test_the_database_refuses_weather_without_a_frozen_baseline(village: Village) -> None:
    village.open()

    with pytest.raises(IntegrityError), transaction.atomic():
        Window.objects.create(
            programme=get_programme(CODE),
            rung="L4",
            baseline_from=MARCH,
            starts_on=date(2026, 3, 1),
            declared_at=OPENED_AT,
        )


def test_strata_are_settled_and_verified(village: Village) -> None:
    """Without noise the same as with all: 50.4 MWh."""
    path = baseline(village, YEAR)
    village.open(baseline=path, rung="L3", comparison="stratified", baseline_from=FEBRUARY, limit_percent=150)

    period = village.settle(after(village))
    unseal(CODE, at=SETTLED_AT)

    assert (period.saved_wh, period.comparison) == (50_400_000, "stratified")
    assert verify(CODE, places=village.places, library=village.library).stands


#: Mean F of each month of the baseline, and of the period's, which is 6 F colder.
MEAN_F = dict(zip(YEAR, [28, 38, 48, 58, 66, 72, 71, 64, 54, 42, 32, 26], strict=True)) | dict(
    zip(SPRING, [32, 42, 52], strict=True)
)


def energy_wh(home: str, month: date) -> int:
    """So many times 8 kWh a day and 0.5 kWh for each F below 60; a home's size is 1 to 4."""
    size, days = 1 + HOMES.index(home) % 4, last_day(month).day
    return size * days * (8_000 + 500 * max(60 - MEAN_F[month], 0))


def degrees(village: Village, name: str, *, without: tuple[date, ...] = (), more: int = 0) -> Path:
    """A thermometer's file with a row a day; those of Shanghai, without an offset."""
    rows = [f"{day.isoformat()}T00:00:00,{f + more}" for day, f in _days() if day not in without]
    path = village.folder / name
    path.write_text("\n".join(["dt,tempF", *rows]) + "\n", encoding="utf-8")
    return path


def _days() -> Iterator[tuple[date, int]]:
    for month, f in MEAN_F.items():
        for number in range(last_day(month).day):
            yield month + timedelta(days=number), f


@pytest.fixture()
def weathered(village: Village) -> Village:
    """On L4; those asked use a tenth less than they would have."""
    before = village.write((home, month, energy_wh(home, month)) for home in HOMES for month in YEAR)
    village.open(rung="L4", baseline_from=FEBRUARY, baseline=before)
    village.join(10)
    return village


def used(village: Village) -> Path:
    asked = set(village.asked)
    return village.write(
        (home, month, energy_wh(home, month) * (9 if home in asked else 10) // 10)
        for home in HOMES
        for month in SPRING
    )


def test_a_colder_spring_is_in_the_baseline_and_verified_from_frozen_temperatures(weathered: Village) -> None:
    """March 31 x 22, April 30 x 17, May 31 x 12 kWh a size: 1,564 kWh; a tenth of it for the sizes of 28 homes."""
    sizes = sum(1 + HOMES.index(home) % 4 for home in weathered.asked)
    path, file = used(weathered), degrees(weathered, "degrees.csv")

    period = weathered.settle(path, temperature=file)
    again = weathered.settle(path, temperature=file)
    unseal(CODE, at=SETTLED_AT)

    assert period.saved_wh == pytest.approx(156_400 * sizes, abs=5)
    assert (period.modelled, period.left_out, again) == (40, 0, period)
    assert 0 < period.shared_mg <= period.certifiable_mg
    assert verify(CODE, places=weathered.places, library=weathered.library).stands
    with pytest.raises(SettledOtherwise):
        weathered.settle(path, temperature=degrees(weathered, "warmer.csv", more=1))
    with pgtrigger.ignore("programme.Period:append_only"):
        Period.objects.update(modelled=39)
    assert verify(CODE, places=weathered.places, library=weathered.library).differs == ("2025-03-01",)


def test_temperatures_are_asked_for_where_they_are_needed_and_only_there(weathered: Village) -> None:
    path = used(weathered)
    april = [date(2024, 4, 1) + timedelta(days=number) for number in range(4)]

    with pytest.raises(TemperatureNeeded):
        weathered.settle(path)
    with pytest.raises(TemperatureMissing) as refused:
        weathered.settle(path, temperature=degrees(weathered, "short.csv", without=tuple(april)))

    assert refused.value.facts | {"file": ""} == {"file": "", "month": "2024-04", "known": 26, "days": 30}


def test_a_later_period_has_the_temperatures_of_the_earlier_one(weathered: Village) -> None:
    """June after spring: one day of the baseline was a degree warmer in the second file."""
    june, july = date(2025, 6, 1), datetime(2025, 7, 2, tzinfo=SHANGHAI)
    weathered.settle(used(weathered), temperature=degrees(weathered, "degrees.csv"))
    rows = [f"{day}T00:00:00,{f + (day == YEAR[3])}" for day, f in (*_days(), *_june())]
    other = weathered.folder / "other.csv"
    other.write_text("\n".join(["dt,tempF", *rows]) + "\n", encoding="utf-8")
    path = weathered.write((home, june, 240_000) for home in HOMES)

    with pytest.raises(TemperatureOtherwise) as refused:
        weathered.settle(path, first=june, last=june, at=july, temperature=other)

    assert refused.value.facts == {"file": "other.csv", "count": 1, "day": YEAR[3].isoformat()}


def test_a_later_window_has_the_days_of_the_earlier_period_too(weathered: Village) -> None:
    """June on a window of its own, with three days of April of the baseline left out: nine in ten are there."""
    june, july = date(2025, 6, 1), datetime(2025, 7, 2, tzinfo=SHANGHAI)
    weathered.settle(used(weathered), temperature=degrees(weathered, "degrees.csv"))
    before = weathered.write((home, month, energy_wh(home, month)) for home in HOMES for month in YEAR)
    second = Window(programme=get_programme(CODE), rung="L4", baseline_from=FEBRUARY, starts_on=june)
    declare(second, at=SETTLED_AT.replace(month=5), baseline=before, places=weathered.places)
    gone = [date(2024, 4, 1) + timedelta(days=number) for number in range(3)]

    def file(name: str, without: list[date]) -> Path:
        rows = [f"{day}T00:00:00,{f}" for day, f in (*_days(), *_june()) if day not in without]
        path = weathered.folder / name
        path.write_text("\n".join(["dt,tempF", *rows]) + "\n", encoding="utf-8")
        return path

    path = weathered.write((home, june, 240_000) for home in HOMES)
    with pytest.raises(TemperatureOtherwise) as refused:
        weathered.settle(path, first=june, last=june, at=july, temperature=file("fewer.csv", gone))
    period = weathered.settle(path, first=june, last=june, at=july, temperature=file("all.csv", []))

    assert refused.value.facts == {"file": "fewer.csv", "count": 3, "day": "2024-04-01"}
    assert period.window == second


def _june() -> list[tuple[date, int]]:
    return [(date(2025, 6, 1) + timedelta(days=number), 66) for number in range(30)]


def test_short_histories_are_declared_as_a_programme_opens_and_not_later(village: Village) -> None:
    village.open()
    later = Window(
        programme=get_programme(CODE), rung="L2", baseline_from=FEBRUARY, starts_on=date(2026, 3, 1)
    )
    homes = [home for home in HOMES if home != HOMES[3]]

    with pytest.raises(ShortHistoryLate), transaction.atomic():
        path = village.write((home, month, USED_WH) for home in homes for month in YEAR)
        later.baseline = declare(
            Window(programme=later.programme, rung="L3", baseline_from=FEBRUARY, starts_on=date(2026, 2, 1)),
            at=SETTLED_AT,
            baseline=path,
            places=village.places,
        ).baseline
        declare(later, at=SETTLED_AT)


def test_temperatures_are_refused_on_a_rung_that_needs_none(village: Village) -> None:
    village.open()
    path = village.readings({})

    with pytest.raises(TemperatureUnused):
        village.settle(path, temperature=degrees(village, "degrees.csv"))


def test_the_applications_role_freezes_and_declares(village: Village) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        village.open(baseline=baseline(village, YEAR), baseline_from=FEBRUARY, limit_percent=200)
        period = village.settle(after(village), at=datetime(2025, 6, 2, 9, 0, tzinfo=SHANGHAI))
        cursor.execute("RESET ROLE")

    assert period.bound_wh == 50_400_000
