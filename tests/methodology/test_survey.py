"""A factor that comes from a survey is worked out again, is never more than it, and is what a close credits by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tanpuhui.cli import mobility
from tanpuhui.kit import home
from tanpuhui.methodology.load import examine
from tanpuhui.methodology.survey import read_survey

SOURCE = home.content("methodologies") / "national/metro-by-survey/v1"


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SOURCE, tmp_path / "national/metro-by-survey/v1"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")


def codes(folder: Path) -> list[str]:
    return [refusal.code for refusal in examine(folder)[1]]


def test_the_survey_of_the_library_by_hand() -> None:
    """Without walking: (.25 x 271.8 + .15 x 67.9 + .20 x 61.4 + .25 x 12) / .85 = 109.9, less 61.4 = 48.5.
    Answers: .26 x 271.8 + .44 x 67.9 + .15 x 12 = 102.344, less 61.4 = 40.944. Its variance: factors
    3.5334^2 + 1.4938^2 + 0.36^2, the metro's own 3.07^2, the answers (.26 x 169.456^2 + .44 x 34.444^2 + .15 x 90.344^2
    + .15 x 102.344^2) / 1200 = 8.985; root of 33.257 is 5.767; 1.645 x 5.767 / 40.944 = 23.17 %; deduction 7.386 %."""
    read = read_survey(SOURCE / "survey.toml")

    assert read.avoided.mean.avoided_g_pkm == pytest.approx(48.5)
    assert read.avoided.substitution.avoided_g_pkm == pytest.approx(40.944)
    assert read.avoided.substitution.half_width_90 == pytest.approx(0.2317, abs=1e-4)
    assert read.avoided.credited_g_pkm == pytest.approx(40.944 * (1 - 0.07386), abs=1e-3)
    assert (read.status, read.asked) == ("illustrative", 1200)


def test_a_factor_above_its_survey_is_refused_and_one_below_is_not(folder: Path) -> None:
    edit(folder / "methodology.toml", 'value = "37.9"', 'value = "37.92"')
    assert "methodology.survey_exceeded" in codes(folder)

    said = str(examine(folder)[1][0])
    assert "37.92 (illustrative)" in said and "37.919754 gCO2e/(person*km)" in said

    edit(folder / "methodology.toml", 'value = "37.92"', 'value = "37.919"')
    edit(folder / "examples.toml", "expected_mg = 379000", "expected_mg = 379190")
    assert codes(folder) == []


def test_a_factor_is_no_better_known_than_its_survey(folder: Path) -> None:
    edit(
        folder / "methodology.toml",
        'value = "37.9"\nstatus = "illustrative"',
        'value = "37.9"\nstatus = "published"',
    )

    assert codes(folder) == ["methodology.survey_exceeded"]


def test_a_city_with_fewer_answers_may_credit_less(folder: Path) -> None:
    """120 instead of 1,200 answers: variance 24.27 + 89.85, error 10.683, half-width 42.9 %, deduction 13.68 %:
    35.34 is left."""
    edit(folder / "survey.toml", "asked = 1200", "asked = 120")
    assert codes(folder) == ["methodology.survey_exceeded"]

    assert read_survey(folder / "survey.toml").avoided.credited_g_pkm == pytest.approx(35.34, abs=0.01)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('ridden = "metro"', 'ridden = "tram"', "methodology.survey_mode"),
        ('excluded = ["walk"]', 'excluded = ["swim"]', "methodology.survey_mode"),
        ('excluded = ["walk"]', 'excluded = ["metro"]', "methodology.survey_excluded"),
        ('excluded = ["walk"]', 'excluded = ["walk", "e_bike"]', "methodology.survey_excluded"),
        ('none = "0.05"', 'ferry = "0.05"', "methodology.survey_mode"),
        ('none = "0.05"', 'none = "0.06"', "baseline.shares"),
        ('name = "e_bike"', 'name = "bus"', "methodology.name_twice"),
        ("asked = 1200", "asked = 0", "methodology.schema"),
        ('rebound = "0"', 'rebound = "1.5"', "methodology.schema"),
        ('rebound = "0"', "rebound = 0", "methodology.schema"),
        ("schema = 1", "schema = 2", "methodology.schema"),
        ("schema = 1", "schema = ", "methodology.toml_broken"),
    ],
)
def test_a_survey_that_is_wrong_is_refused(folder: Path, old: str, new: str, code: str) -> None:
    edit(folder / "survey.toml", old, new)

    assert codes(folder) == [code]


def test_a_survey_that_is_missing_or_gives_something_else_is_refused(folder: Path) -> None:
    (folder / "survey.toml").unlink()
    assert codes(folder) == ["methodology.file_missing"]

    shutil.copy(SOURCE / "survey.toml", folder)
    edit(folder / "methodology.toml", 'unit = "gCO2e/(person*km)"', 'unit = "gCO2e/kg"')
    assert codes(folder) == ["methodology.survey_unit"]


def test_the_unit_of_the_factor_may_be_written_otherwise(folder: Path) -> None:
    """37.9 g a person-kilometre are 0.0379 kg; 0.038 kg are more than the survey gives."""
    edit(folder / "methodology.toml", 'unit = "gCO2e/(person*km)"', 'unit = "kgCO2e/(person*km)"')
    edit(folder / "methodology.toml", 'value = "37.9"', 'value = "0.0379"')
    assert codes(folder) == []

    edit(folder / "methodology.toml", 'value = "0.0379"', 'value = "0.038"')
    assert codes(folder) == ["methodology.survey_exceeded"]


def test_the_command_prints_both_methods_and_what_is_credited(capsys: Any) -> None:
    assert mobility.mobility(SOURCE / "survey.toml", as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)

    assert answer["credited_by"] == "substitution" and answer["substitution"]["asked"] == 1200
    assert answer["mean"]["avoided_g_pkm"] == pytest.approx(48.5)
    assert answer["credited_g_pkm"] == answer["substitution"]["credited_g_pkm"]

    assert mobility.mobility(SOURCE / "survey.toml") == 0
    assert "credited: 37.920 g/pkm by substitution (illustrative)" in capsys.readouterr().out


def test_a_mode_that_saves_nothing_has_no_band(tmp_path: Path, capsys: Any) -> None:
    file = Path(shutil.copy(SOURCE / "survey.toml", tmp_path))
    edit(file, 'ridden = "metro"', 'ridden = "car"')

    assert mobility.mobility(file, as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)

    assert (answer["mean"]["half_width_90"], answer["credited_g_pkm"]) == (None, 0)
