"""Bad reads: each ends in a named finding, or in none where it does no harm; never in a traceback."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from baseline.home import counts, forbidding, hours, measured, reads, temperatures, write
from tanpuhui.baseline.finding import RULES
from tanpuhui.baseline.measure import Question, measure
from tanpuhui.baseline.refusals import (
    ColumnMissing,
    FileUnreadable,
    PeriodBackwards,
    UnknownModel,
    UnknownZone,
)
from tanpuhui.baseline.series import read_meter, read_temperature, zone_of

BASELINE = range(1, 366)


def with_values(values: dict[int, str]) -> list[tuple[str, str]]:
    return [(time, values.get(n, value)) for n, (time, value) in enumerate(reads())]


def test_a_sound_home_has_no_finding_and_nearly_no_savings(tmp_path: Path) -> None:
    measurement = measured(tmp_path)

    assert measurement.findings == ()
    assert measurement.savings is not None
    assert abs(measurement.savings.amount[0]) < 0.01 * measurement.savings.expected[0]


def test_electricity_that_is_always_zero_has_no_read(tmp_path: Path) -> None:
    measurement = measured(tmp_path, with_values(dict.fromkeys(range(430), "0")))

    assert "baseline.no_reads" in forbidding(measurement)
    assert counts(measurement)["baseline.zero_reads"] == 430


def test_electricity_that_is_always_below_zero_has_no_band_and_does_not_stand(tmp_path: Path) -> None:
    measurement = measured(tmp_path, [(time, value and f"-{value}") for time, value in reads()])

    assert "baseline.no_band" in forbidding(measurement)
    assert not measurement.stands


@pytest.mark.parametrize("value", ["0", "5"])
def test_gas_that_never_changes_is_constant(tmp_path: Path, value: str) -> None:
    measurement = measured(tmp_path, with_values(dict.fromkeys(range(430), value)), gas=True)

    assert forbidding(measurement) == {"baseline.constant"}
    assert counts(measurement)["baseline.constant"] == 365


def test_a_hundred_and_sixty_five_zero_days_are_missing_electricity_and_summer_gas(tmp_path: Path) -> None:
    summer = with_values({n: "0" for n in BASELINE if 100 <= n < 265})

    assert "baseline.meter_coverage" in forbidding(measured(tmp_path, summer))
    gas = measured(tmp_path, summer, gas=True)
    assert gas.stands
    assert "baseline.zero_reads" not in counts(gas)


def test_repeated_and_shuffled_rows_change_nothing_and_are_counted(tmp_path: Path) -> None:
    rows = reads()
    shuffled = [*rows[200:], *rows[:200], *rows[50:60]]

    sound, measurement = measured(tmp_path), measured(tmp_path, shuffled)

    assert counts(measurement) == {"baseline.duplicate_rows": 10, "baseline.out_of_order": 210}
    assert sound.savings is not None and measurement.savings is not None
    assert measurement.savings.amount[0] == sound.savings.amount[0]


def test_times_with_two_values_are_missing(tmp_path: Path) -> None:
    rows = reads()
    measurement = measured(tmp_path, [*rows, (rows[40][0], "99")])

    assert counts(measurement)["baseline.conflicting_rows"] == 1
    assert counts(measurement)["baseline.missing_reads"] == 1
    assert measurement.stands


def test_times_without_a_zone_are_found_and_with_a_zone_are_taken(tmp_path: Path) -> None:
    naive = [(time.removesuffix("+00:00"), value) for time, value in reads()]

    assert "baseline.no_time_zone" in forbidding(measured(tmp_path, naive))
    file = write(tmp_path / "naive.csv", "start,value", naive)
    assert counts(read_meter(file, zone_of("UTC"))) == {}


@pytest.mark.parametrize("hours_ahead", [-6, 1, 8])
def test_daily_reads_of_other_zones_are_of_the_day_in_which_most_of_them_lies(
    tmp_path: Path, hours_ahead: int
) -> None:
    """A day in Shanghai begins at 16:00 UTC the day before, and two thirds of it lie in the UTC day of its date."""
    offset = f"{hours_ahead:+03}:00"
    sound = measured(tmp_path)
    measurement = measured(tmp_path, [(time.replace("+00:00", offset), value) for time, value in reads()])

    assert counts(measurement) == {"baseline.day_starts_elsewhere": 430}
    assert sound.savings is not None and measurement.savings is not None
    assert measurement.savings.amount[0] == pytest.approx(sound.savings.amount[0])


def test_words_in_place_of_numbers_are_missing_reads(tmp_path: Path) -> None:
    measurement = measured(tmp_path, with_values({30: "Null", 31: "Null", 32: "n/a", 33: ""}))

    assert counts(measurement)["baseline.not_a_number"] == 3
    assert counts(measurement)["baseline.missing_reads"] == 4
    assert measurement.stands


def test_an_infinite_value_is_a_missing_read(tmp_path: Path) -> None:
    measurement = measured(tmp_path, with_values({30: "inf", 31: "-inf"}))

    assert counts(measurement)["baseline.not_finite"] == 2
    assert counts(measurement)["baseline.missing_reads"] == 2


@pytest.mark.parametrize("rows", [[], [("yesterday", "1"), ("", "")]])
def test_a_file_without_a_row_that_can_be_used_is_found(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    assert "baseline.no_rows" in forbidding(measured(tmp_path, rows))
    assert "baseline.no_rows" in forbidding(measured(tmp_path, None, rows))


def test_one_spike_is_extreme_and_its_fit_too_weak(tmp_path: Path) -> None:
    measurement = measured(tmp_path, with_values({200: "1000000"}))

    assert counts(measurement)["baseline.extreme_reads"] == 1
    assert "baseline.weak_fit" in forbidding(measurement)


def test_fifty_days_fifty_times_too_high_are_forbidden(tmp_path: Path) -> None:
    rows = reads()
    measurement = measured(tmp_path, with_values({n: str(50 * float(rows[n][1])) for n in range(150, 200)}))

    assert counts(measurement)["baseline.extreme_reads"] == 50
    assert "baseline.weak_fit" in forbidding(measurement)


def test_scattered_days_below_zero_are_noted_and_a_block_of_them_ends_the_window(tmp_path: Path) -> None:
    scattered = measured(tmp_path, with_values(dict.fromkeys(range(10, 350, 17), "-3")))
    block = measured(tmp_path, with_values(dict.fromkeys(range(300, 320), "-3")))

    assert counts(scattered)["baseline.negative_reads"] == 20
    assert "baseline.net_metering_change" not in counts(scattered)
    assert forbidding(block) == {"baseline.net_metering_change"}


def test_gas_below_zero_is_forbidden(tmp_path: Path) -> None:
    assert "baseline.negative_gas" in forbidding(measured(tmp_path, with_values({40: "-1"}), gas=True))


@pytest.mark.parametrize("heavy", [False, True])
def test_noise_is_told_from_a_home(tmp_path: Path, heavy: bool) -> None:
    random = np.random.default_rng(5)
    draws = np.abs(random.standard_cauchy(430) if heavy else random.normal(0, 1, 430))
    measurement = measured(tmp_path, with_values({n: f"{value:.6f}" for n, value in enumerate(draws)}))

    assert "baseline.noise" in forbidding(measurement)


@pytest.mark.parametrize(("missing", "forbidden"), [(30, False), (36, False), (37, True), (50, True)])
def test_a_tenth_of_the_days_may_be_missing(tmp_path: Path, missing: int, forbidden: bool) -> None:
    """Nine tenths of 365 days are 328.5: with 36 missing 329 are there, with 37 there are 328."""
    spread = np.linspace(2, 364, missing).astype(int)
    measurement = measured(tmp_path, with_values({int(n): "nan" for n in spread}))

    assert counts(measurement)["baseline.missing_reads"] == missing
    assert (forbidding(measurement) >= {"baseline.meter_coverage"}) is forbidden
    assert measurement.stands is not forbidden


@pytest.mark.parametrize(("days", "forbidden"), [(329, False), (328, True)])
def test_a_baseline_has_at_least_329_days(tmp_path: Path, days: int, forbidden: bool) -> None:
    measurement = measured(tmp_path, reads()[366 - days :])

    assert ("baseline.too_short" in forbidding(measurement)) is forbidden
    assert measurement.stands is not forbidden


def test_a_hole_of_45_days_in_the_file_is_missing_reads(tmp_path: Path) -> None:
    measurement = measured(tmp_path, [row for n, row in enumerate(reads()) if not 100 <= n < 145])

    assert counts(measurement)["baseline.missing_reads"] == 45
    assert "baseline.meter_coverage" in forbidding(measurement)


def test_twenty_days_without_temperature_leave_a_month_without(tmp_path: Path) -> None:
    """2024-05-10 is day 130 from 0: days 130 to 149 are the 10th to the 29th of May."""
    degrees = [row for n, row in enumerate(hours()) if not 130 * 24 <= n < 150 * 24]
    measurement = measured(tmp_path, None, degrees)

    (found,) = [one for one in measurement.findings if one.code == "baseline.month_without_temperature"]
    assert found.facts == {"months": [5]}
    assert forbidding(measurement) == {"baseline.month_without_temperature"}


def test_impossible_temperatures_count_as_missing(tmp_path: Path) -> None:
    degrees = [(time, "999" if n < 5 else value) for n, (time, value) in enumerate(hours())]

    assert counts(measured(tmp_path, None, degrees))["baseline.temperature_impossible"] == 5


def test_few_distinct_values_are_found(tmp_path: Path) -> None:
    values = {n: str(5 + (n // 30) % 3) for n in range(430)}

    assert forbidding(measured(tmp_path, with_values(values))) == {"baseline.few_distinct"}


def test_a_car_that_charges_from_july_on_is_a_step_and_ends_the_window_where_it_is_known(
    tmp_path: Path,
) -> None:
    rows = reads()
    car = with_values({n: f"{float(rows[n][1]) + 12 + n % 5:.3f}" for n in range(180, 430)})

    measurement = measured(tmp_path, car)
    (step,) = [one for one in measurement.findings if one.code == "baseline.level_step"]
    assert step.facts["since"][:7] in {"2024-06", "2024-07"}

    known = measured(tmp_path, car, changed_us=1_719_792_000_000_000)
    assert forbidding(known) == {"baseline.window_changed"}


def test_estimated_daily_reads_are_missing(tmp_path: Path) -> None:
    rows = [(time, value, "true" if n in (20, 21) else "false") for n, (time, value) in enumerate(reads())]
    measurement = measured(tmp_path, rows, header="start,value,estimated")

    assert counts(measurement)["baseline.estimated_reads"] == 2
    assert counts(measurement)["baseline.missing_reads"] == 2


def bills(estimated: set[int] | None = None) -> list[tuple[str, str, str]]:
    """A bill every 30 days from 1 January 2024, with the sum of its days; 14 of them and the row that closes."""
    rows, found = reads(), []
    for number in range(15):
        part = rows[30 * number : 30 * number + 30]
        total = sum(float(value) for _, value in part)
        found.append(
            (part[0][0] if part else "", f"{total:.4f}", str(number in (estimated or set())).lower())
        )
    return [row for row in found if row[0]]


def test_estimated_bills_are_joined_to_the_next_actual_one(tmp_path: Path) -> None:
    sound = measured(tmp_path, bills(), model="caltrack-billing", header="start,value,estimated")
    joined = measured(tmp_path, bills({5}), model="caltrack-billing", header="start,value,estimated")

    assert counts(joined)["baseline.estimated_reads"] == 1
    assert sound.fits is not None and joined.fits is not None
    assert joined.fits.periods[0] == sound.fits.periods[0] - 1


def test_three_estimated_bills_in_a_row_are_too_long_together(tmp_path: Path) -> None:
    measurement = measured(
        tmp_path, bills({4, 5, 6}), model="caltrack-billing", header="start,value,estimated"
    )

    assert counts(measurement)["baseline.bill_length"] == 1
    assert "baseline.meter_coverage" in forbidding(measurement)


def test_daily_reads_are_no_bills_and_bills_no_daily_reads(tmp_path: Path) -> None:
    assert "baseline.meter_coverage" in forbidding(measured(tmp_path, model="caltrack-billing"))
    assert forbidding(measured(tmp_path, bills(), header="start,value,estimated")) == {"baseline.too_coarse"}


def test_half_hourly_reads_with_nulls_repeats_and_a_stray_row_are_rolled_up(tmp_path: Path) -> None:
    """As London's meters send them: 48 rows a day, a row at a stray second, 'Null', a day that comes twice."""
    rows = []
    for time, value in reads():
        day = time.removesuffix("T00:00:00+00:00")
        each = f"{float(value) / 48:.9f}"
        rows += [(f"{day} {n // 2:02}:{30 * (n % 2):02}:00.0000000+00:00", each) for n in range(48)]
    rows[1000] = (rows[1000][0], "Null")
    rows += rows[4800:4848]
    rows.append(("2024-06-01 15:13:41+00:00", "7"))

    sound, measurement = measured(tmp_path), measured(tmp_path, rows)

    assert counts(measurement)["baseline.duplicate_rows"] == 48
    assert counts(measurement)["baseline.off_grid"] == 1
    assert counts(measurement)["baseline.not_a_number"] == 1
    assert sound.savings is not None and measurement.savings is not None
    assert measurement.savings.amount[0] == pytest.approx(sound.savings.amount[0], abs=1e-3)


def test_a_year_no_calendar_reaches_is_an_unreadable_time(tmp_path: Path) -> None:
    rows = [*reads(), ("0001-01-01T00:00:00+00:00", "3"), ("9999-12-31T23:59:59-12:00", "3")]

    assert counts(measured(tmp_path, rows))["baseline.time_unreadable"] == 2


def test_the_real_dirty_meters_are_measured_or_refused_by_name(shared_data: Path) -> None:
    samples, london = shared_data / "opendsm_samples", zone_of("Europe/London")
    for number, weather in ((0, "0"), (1, "1_2"), (2, "1_2")):
        meter = read_meter(samples / f"uk-electricity-hdd-only-hourly-sample-{number}.csv.gz", london)
        temperature = read_temperature(samples / f"uk-tempC-sample-{weather}.csv.gz", london)
        last = int(temperature.at_us[-1])
        day = 86_400_000_000
        asked = Question("caltrack-daily", last - 60 * day, last - 425 * day, last - 60 * day, last, london)
        measurement = measure(meter, temperature, asked)
        assert measurement.stands or forbidding(measurement)


def test_a_home_with_panels_in_australia_has_no_weather_here_and_is_refused_by_name(
    shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "ausgrid_solar_customer12" / "customer12_2011-2012.csv"
    lines = source.read_text(encoding="utf-8").splitlines()[1:]
    net = [(row[0], str(float(row[1]) - float(row[2]))) for row in (line.split(",") for line in lines)]
    sydney = zone_of("Australia/Sydney")
    meter = read_meter(write(tmp_path / "net.csv", "start,value", net), sydney)
    temperature = read_temperature(write(tmp_path / "weather.csv", "dt,tempF", hours()), None)
    end, day = int(meter.at_us[-1]), 86_400_000_000

    measurement = measure(
        meter, temperature, Question("caltrack-daily", end, end - 365 * day, end, end + day, sydney)
    )

    assert forbidding(measurement) >= {"baseline.temperature_coverage"}


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"start,value\n" * 99)[:20])
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"start,value\n\xff\xfe,1\n")
    for file in (tmp_path / "nowhere.csv", tmp_path, broken, latin):
        with pytest.raises(FileUnreadable, match="CSV"):
            read_meter(file, None)
    with pytest.raises(ColumnMissing, match="start"):
        read_meter(write(tmp_path / "other.csv", "when,kwh", [("a", "b")]), None)
    with pytest.raises(ColumnMissing, match="nothing"):
        read_meter(write(tmp_path / "empty.csv", "", []), None)


def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="caltrack-daily"):
        measured(tmp_path, model="guess")
    with pytest.raises(UnknownZone):
        zone_of("Asia/Nowhere")
    sound = read_meter(write(tmp_path / "a.csv", "start,value", reads()), None)
    with pytest.raises(PeriodBackwards):
        measure(sound, sound, Question("caltrack-daily", 2, 1, 5, 4, zone_of("UTC")))


def test_every_finding_is_in_the_reference_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/baselines.md").read_text(encoding="utf-8")
    for code, rule in RULES.items():
        assert f"| `{code}` | {'yes' if rule.forbids else ''} | {rule.clause} | {rule.says} |" in page


def test_every_rule_says_what_it_means_and_every_home_s_temperature_is_weather() -> None:
    assert all(rule.says.endswith(".") for rule in RULES.values())
    assert 10 < temperatures().min() < temperatures().max() < 100
