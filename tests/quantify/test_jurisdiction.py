"""Jurisdictions: dated rules that never rewrite the past, districts under a city, and files that are refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tanpuhui.kit.home import content
from tanpuhui.quantify.jurisdiction import (
    UnknownJurisdiction,
    known_jurisdictions,
    load_jurisdiction,
)
from tanpuhui.quantify.rule_changes import between_days, between_versions
from tanpuhui.quantify.rule_tables import TABLES, BadJurisdiction

SOURCED = 'status = "illustrative"\nsource = "a test"\n'
PLACE = f"""
code = "town"
title = {{ zh = "镇", en = "Town" }}
zone = "Asia/Shanghai"
[[serials]]
from = 2020-01-01
format = "T-{{methodology}}-{{vintage}}-{{first}}-{{last}}"
{SOURCED}
[[accepted_statuses]]
from = 2020-01-01
statuses = ["official"]
{SOURCED}
"""
NOISE = """
[statistics.private]
districts = "shanghai"
epsilon_districts = "0.25"
epsilon_kinds = "0.75"
epsilon_year = "1"
most_kg = 20
most_kinds = 2
most_acts = 9
threshold = 20
status = "illustrative"
source = "a test"
"""
CAP = f"""
[[offset_caps]]
from = 2020-01-01
share_percent = "10"
denominator = "verified_emissions"
{SOURCED}
"""


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    return Path(copytree(content("jurisdictions"), tmp_path / "jurisdictions"))


def place(folder: Path, text: str, code: str = "town") -> str:
    (folder / f"{code}.toml").write_text(text, encoding="utf-8")
    return code


def test_every_jurisdiction_that_comes_along_loads_and_none_claims_an_official_text() -> None:
    known = known_jurisdictions()

    assert known == ["beijing", "demo", "guangdong", "hainan", "pudong", "shanghai", "shenzhen"]
    rules = [rule for code in known for _, rule in load_jurisdiction(code).every_rule()]
    assert {rule.status for rule in rules} == {"published", "secondary", "illustrative"}
    assert all(len(rule.source) > 10 for rule in rules)


def test_guangdongs_cap_is_a_tenth_of_emissions_and_its_pool_of_2021_a_million_tonnes() -> None:
    guangdong = load_jurisdiction("guangdong")

    cap = guangdong.rule_of_year("offset_caps", 2022)
    pools = [guangdong.rule_of_year("offset_pools", year) for year in (2020, 2021, 2022)]

    assert cap is not None
    assert (cap.content["share_percent"], cap.content["denominator"]) == ("10", "verified_emissions")
    assert cap.status == "secondary"
    assert [pool and pool.content["pool_t"] for pool in pools] == [None, 1_000_000, None]


@pytest.mark.parametrize(
    ("code", "year", "found"),
    [
        ("guangdong", 2020, None),
        ("guangdong", 2021, "verified_emissions"),
        ("shanghai", 2015, "allowances"),
        ("shanghai", 2016, None),
        ("shanghai", 2024, "allowances"),
        ("beijing", 2014, "allowances"),
        ("shenzhen", 2024, None),
        ("hainan", 2024, None),
    ],
)
def test_a_year_has_the_rule_of_its_last_day_or_none(code: str, year: int, found: str | None) -> None:
    rule = load_jurisdiction(code).rule_of_year("offset_caps", year)

    assert (rule and rule.content["denominator"]) == found


def test_points_of_shenzhen_and_hainan_are_not_transferable() -> None:
    for code in ("shenzhen", "hainan"):
        rule = load_jurisdiction(code).rule("points_transfers", date(2026, 1, 1))
        assert rule is not None
        assert rule.content["transferable"] is False


def test_shanghai_has_three_sinks_and_pudong_a_fourth_of_its_own() -> None:
    day = date(2026, 1, 1)

    def sinks(code: str) -> set[str]:
        return {rule.content["sink"] for rule in load_jurisdiction(code).sinks if rule.covers(day)}

    three = {"allowance_surrender", "voluntary_cancellation", "points"}
    assert sinks("shanghai") == three
    assert sinks("pudong") == three | {"financial_product"}


def test_a_district_has_its_citys_rules_and_its_digest_changes_with_them(folder: Path) -> None:
    before = load_jurisdiction("pudong", folder)
    path = folder / "shanghai.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")

    after = load_jurisdiction("pudong", folder)

    assert (after.zone, after.serial_format[:9]) == ("Asia/Shanghai", "SH-SHCER-")
    assert after.offset_caps == load_jurisdiction("shanghai", folder).offset_caps
    assert after.is_within("shanghai")
    assert not load_jurisdiction("shanghai", folder).is_within("pudong")
    assert before.digest != after.digest


def test_a_rule_of_the_district_stands_in_the_place_of_the_citys(folder: Path) -> None:
    with (folder / "pudong.toml").open("a", encoding="utf-8") as file:
        file.write(CAP)

    pudong = load_jurisdiction("pudong", folder)

    assert [rule.content["share_percent"] for rule in pudong.offset_caps] == ["10"]


def test_a_change_takes_effect_on_its_date_and_leaves_the_day_before_as_it_was(folder: Path) -> None:
    ended = CAP.replace("from = 2020-01-01", "from = 2020-01-01\nto = 2025-06-30")
    then = load_jurisdiction(place(folder, PLACE + CAP), folder)
    changed = ended + CAP.replace("from = 2020-01-01", "from = 2025-07-01").replace('"10"', '"5"')
    now = load_jurisdiction(place(folder, PLACE + changed), folder)

    def shares(day: date) -> list[str]:
        rules = [jurisdiction.rule("offset_caps", day) for jurisdiction in (then, now)]
        return [rule.content["share_percent"] for rule in rules if rule]

    assert shares(date(2025, 6, 30)) == ["10", "10"]
    assert shares(date(2025, 7, 1)) == ["10", "5"]
    assert [now.rule_of_year("offset_caps", year).content["share_percent"] for year in (2024, 2025)] == [  # type: ignore[union-attr]
        "10",
        "5",
    ]
    for on, rewritten in ((date(2025, 7, 1), False), (date(2025, 7, 2), True)):
        found = between_versions(then, now, on=on)
        assert [change.what for change in found] == ["last_day", "added"]
        assert any(change.rewrites_past for change in found) is rewritten


def test_what_is_altered_or_removed_after_it_was_in_force_rewrites_the_past(folder: Path) -> None:
    then = load_jurisdiction(place(folder, PLACE + CAP), folder)

    for text, what in ((PLACE + CAP.replace('"10"', '"20"'), "altered"), (PLACE, "removed")):
        (change,) = between_versions(
            then, load_jurisdiction(place(folder, text), folder), on=date(2026, 1, 1)
        )
        assert (change.what, change.table, change.rewrites_past) == (what, "offset_caps", True)


def test_between_two_days_some_rules_begin_and_some_end() -> None:
    beijing = load_jurisdiction("beijing")
    last = date(2015, 12, 31)

    changes = between_days(beijing, last, last + timedelta(days=1))

    assert [(change.what, change.table) for change in changes] == [
        ("ended", "offset_caps"),
        ("began", "offset_caps"),
    ]
    assert between_days(beijing, last, last) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (PLACE + CAP + CAP, "offset_caps"),
        (PLACE + CAP.replace('"10"', "10"), "offset_caps[1].share_percent"),
        (PLACE + CAP.replace('"10"', '"100.1"'), "offset_caps[1].share_percent"),
        (PLACE + CAP.replace('"10"', '"-1"'), "offset_caps[1].share_percent"),
        (PLACE + CAP.replace('"10"', '"0.0000001"'), "offset_caps[1].share_percent"),
        (PLACE + CAP.replace("verified_emissions", "turnover"), "offset_caps[1].denominator"),
        (PLACE + CAP.replace('denominator = "verified_emissions"', ""), "offset_caps[1].denominator"),
        (PLACE + CAP.replace("denominator", "denominater"), "offset_caps[1].denominater"),
        (PLACE + CAP.replace("from = 2020-01-01", ""), "offset_caps[1].from"),
        (PLACE + CAP.replace("2020-01-01", '"2020-01-01"'), "offset_caps[1].from"),
        (PLACE + CAP.replace("2020-01-01", "2020-01-02\nto = 2020-01-01"), "offset_caps[1].to"),
        (PLACE + CAP.replace('"a test"', '""'), "offset_caps[1].status, source"),
        (PLACE + CAP.replace('"illustrative"', '"certain"'), "offset_caps[1].status, source"),
        (PLACE + "[[offset_cap]]\n", "offset_cap"),
        (PLACE + "[offset_pools]\npool_t = 1\n", "offset_pools"),
        (PLACE.replace('code = "town"', 'code = "village"'), "code"),
        (PLACE.replace("{first}", "{number}"), "serials[1].format"),
        (PLACE.replace("-{last}", ""), "serials[1].format"),
        (PLACE.replace("zone", "zome"), "zome"),
        ('parent = "nowhere"\n' + PLACE, "parent"),
        ('parent = "town"\n' + PLACE, "parent"),
        ('parent = "pudong"\n' + PLACE, "parent"),
        (PLACE + "[", "(file)"),
        (PLACE + NOISE.replace("most_acts = 9\n", ""), "statistics.private"),
        (PLACE + NOISE + "epsilon_release = '1'\n", "statistics.private"),
        (PLACE + NOISE.replace("shanghai", "atlantis"), "statistics.private.districts"),
        (PLACE + NOISE.replace("most_kinds = 2", "most_kinds = 0"), "statistics.private.most_kinds"),
        (PLACE + NOISE.replace("threshold = 20", "threshold = 4"), "statistics.private.threshold"),
        (PLACE + NOISE.replace('"0.75"', "0.75"), "statistics.private.epsilon_kinds"),
        # Together they are more than the year has by a millionth.
        (PLACE + NOISE.replace('"1"', '"0.999999"'), "statistics.private.epsilon_kinds"),
        (PLACE + NOISE.replace('"illustrative"', '"certain"'), "statistics.private.status"),
        (PLACE + NOISE.replace('"a test"', '""'), "statistics.private.status"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_key(folder: Path, text: str, key: str) -> None:
    with pytest.raises(BadJurisdiction) as refused:
        load_jurisdiction(place(folder, text), folder)

    assert refused.value.facts["file"] == "town.toml"
    assert refused.value.facts["key"] == key


def test_both_tables_of_a_month_may_take_all_that_a_year_has_and_no_more(folder: Path) -> None:
    rules = load_jurisdiction(place(folder, PLACE + NOISE), folder).private

    assert rules is not None
    assert (rules.epsilon_districts, rules.epsilon_kinds) == (250_000, 750_000)
    assert rules.epsilon_release == rules.epsilon_year == 1_000_000


def test_an_unknown_jurisdiction_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownJurisdiction) as refused:
        load_jurisdiction("atlantis")

    assert "guangdong" in refused.value.facts["known"]


def test_every_table_is_documented() -> None:
    text = (content("jurisdictions") / "README.md").read_text(encoding="utf-8")

    for name, shape in TABLES.items():
        assert f"`[[{name}]]`" in text
        for key in shape.keys:
            assert f"`{key}`" in text or key in ("reason", "statuses"), (name, key)
