"""``tanpuhui integrity run``: what scripts rely on: JSON keys, exit status, the figure, another scheme's rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tanpuhui.cli.main import status_of

SMALL = ("--seeds", "2", "--homes", "100")


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = status_of(["integrity", "run", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_table_has_a_row_for_each_scheme_and_another_rule_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule that issues a tenth of what is used: 10 % with no effect, 9.7 % at a true 3 %, 9.2 % at 8 %."""
    (tmp_path / "our_town.py").write_text(
        "def tenth(readings):\n    return readings.after_wh.sum(axis=1) // 10\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    status, answer = answered(capsys, *SMALL, "--scheme", "our_town:tenth")

    assert status == (3 if any(claim["holds"] is False for claim in answer["claims"]) else 0)
    rows = {row["scheme"]: row for row in answer["schemes"]}
    assert list(rows) == [
        "korean_bands",
        "own_seven_days",
        "own_last_year",
        "own_history_bound",
        "unchecked_bound",
        "peers_bound",
        "our_town:tenth",
    ]
    town = rows["our_town:tenth"]
    assert (town["no_effect_percent"], town["mild_percent"], town["falsely_percent"]) == (10, 10, 100)
    # 0.1 x 0.97 / 0.03 and 0.1 x 0.92 / 0.08
    assert (town["true_3_of_truth"], town["true_8_of_truth"]) == (3.23, 1.15)


def test_the_figure_says_in_words_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "issued.svg"
    _, answer = answered(capsys, *SMALL, "--figure", str(figure))

    root = ElementTree.fromstring(figure.read_text())
    words = root.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert root.get("role") == "img"
    for row in answer["schemes"]:
        assert row["title"] in words
        assert f"{row['issued_percent']['true_8']:g} %" in words


def test_a_figure_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = answered(capsys, *SMALL, "--figure", str(tmp_path))

    assert (status, answer["refused"]["code"]) == (2, "baseline.file_unwritable")


def test_people_read_tables(capsys: pytest.CaptureFixture[str]) -> None:
    status_of(["integrity", "run", *SMALL])

    shown = capsys.readouterr().out
    assert "Tanpuhui" in shown
    assert "What ours must keep" in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--scheme", "no_such_module:rule"), "baseline.scheme_unknown"),
        (("--scheme", "math:no_such_rule"), "baseline.scheme_unknown"),
        (("--scheme", "math:pi"), "baseline.scheme_unknown"),
        (("--scheme", ":"), "baseline.scheme_unknown"),
        (("--scheme", "builtins:id"), "baseline.scheme_answer"),
        (("--seeds", "1"), "baseline.too_few_cities"),
        (("--homes", "99"), "baseline.too_few_homes"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_a_code(
    arguments: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = answered(capsys, *arguments, *(() if arguments[0] != "--scheme" else SMALL))

    assert status == 2
    assert answer["refused"]["code"] == code
