"""Cap: exact, by the rule of the year, with its arithmetic; what it cannot be reckoned from is refused."""

from __future__ import annotations

import pytest

from tanpuhui.kit.tonnes import BadTonnes, in_tonnes, parse_tonnes
from tanpuhui.offsetting.cap import YearOf, cap_of
from tanpuhui.offsetting.refusals import AmountMissing, BadYear, NoRule
from tanpuhui.quantify.jurisdiction import load_jurisdiction

T = 1_000_000_000


def test_of_a_million_tonnes_in_guangdong_a_hundred_thousand_may_be_offset() -> None:
    cap = cap_of(load_jurisdiction("guangdong"), YearOf(2022, 1_000_000 * T))

    said = cap.as_json()
    assert said["cap_mg"] == 100_000_000_000_000
    assert said["arithmetic"] == ("1000000 t verified emissions * 10 / 100 = 100000 t = 100000000000000 mg")
    assert said["rule"].startswith(
        "guangdong/offset_caps/2021-01-01: at most 10 % of the year's verified emissions"
    )
    assert said["status"] == "secondary"
    assert "19" in said["source"]
    assert said["pool_mg"] is None


def test_where_it_is_a_share_of_allowances_emissions_do_not_matter() -> None:
    beijing = load_jurisdiction("beijing")

    caps = [cap_of(beijing, YearOf(2015, emissions, 200_000 * T)).cap_mg for emissions in (None, 0, 10**18)]

    assert caps == [10_000 * T] * 3


@pytest.mark.parametrize(
    ("emissions_mg", "cap_mg"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (9 * 10**18, 9 * 10**17)]
)
def test_a_cap_is_rounded_down_to_a_milligram(emissions_mg: int, cap_mg: int) -> None:
    cap = cap_of(load_jurisdiction("guangdong"), YearOf(2022, emissions_mg))

    assert cap.cap_mg == cap_mg
    assert cap.arithmetic.endswith("rounded down to a milligram") is (emissions_mg % 10 != 0)


def test_the_pool_of_the_year_is_named() -> None:
    assert cap_of(load_jurisdiction("guangdong"), YearOf(2021, T)).pool_mg == 1_000_000 * T


@pytest.mark.parametrize(
    ("code", "year", "years"),
    [
        ("guangdong", 2020, "2021 on"),
        ("shanghai", 2016, "2013 to 2015, 2024, 2025 on"),
        ("hainan", 2024, "none"),
    ],
)
def test_a_year_without_a_rule_is_refused_with_those_that_have_one(code: str, year: int, years: str) -> None:
    with pytest.raises(NoRule) as refused:
        cap_of(load_jurisdiction(code), YearOf(year, T, T))

    assert refused.value.facts["years"] == years


def test_missing_denominators_are_refused_by_option() -> None:
    with pytest.raises(AmountMissing, match="--allowances-t"):
        cap_of(load_jurisdiction("beijing"), YearOf(2020, T))
    with pytest.raises(AmountMissing, match="--verified-emissions-t"):
        cap_of(load_jurisdiction("guangdong"), YearOf(2022, None, T))


@pytest.mark.parametrize("year", [0, -1, 1999, 3000, 10_000])
def test_a_year_that_is_none_is_refused(year: int) -> None:
    with pytest.raises(BadYear):
        cap_of(load_jurisdiction("guangdong"), YearOf(year, T))


@pytest.mark.parametrize(
    ("text", "amount_mg"),
    [
        ("0", 0),
        ("1", T),
        ("0.000000001", 1),
        ("1000000.5", 1_000_000 * T + T // 2),
        ("9000000000", 9 * 10**18),
    ],
)
def test_tonnes_are_exact_to_the_milligram(text: str, amount_mg: int) -> None:
    assert parse_tonnes(text, name="amount") == amount_mg
    assert in_tonnes(amount_mg) == f"{text} t"


@pytest.mark.parametrize(
    "text", ["-1", "1.0000000001", "1e6", "", " 1", "1,000", "NaN", "9000000000.1", "１０", "+1"]
)
def test_what_are_no_tonnes_is_refused(text: str) -> None:
    with pytest.raises(BadTonnes):
        parse_tonnes(text, name="amount")
