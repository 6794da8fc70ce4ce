"""The steps' SQL as Spark reads it, and what their text alone says of rows that there cannot be."""

from __future__ import annotations

import pytest
from sqlglot import parse_one

from tanpuhui.kit.step import Step
from tanpuhui.quantify.engines.dialect import for_spark, read_by, type_for_spark
from tanpuhui.quantify.engines.emptiness import surely_empty
from tanpuhui.quantify.engines.spark import read_more_than_once


def test_whole_division_stays_whole_and_128_bits_become_38_digits() -> None:
    assert (
        for_spark("SELECT CAST(a AS HUGEINT) // 7 AS b, c // d AS e FROM x")
        == "SELECT CAST(a AS DECIMAL(38, 0)) DIV 7 AS b, c DIV d AS e FROM x"
    )
    assert (type_for_spark("VARCHAR"), type_for_spark("INTEGER"), type_for_spark("HUGEINT")) == (
        "STRING",
        "INT",
        "DECIMAL(38, 0)",
    )


def test_a_relation_is_counted_as_often_as_it_is_named() -> None:
    assert read_by("SELECT * FROM a JOIN b ON a.c = b.c JOIN (SELECT * FROM a) AS d ON a.c = d.c") == {
        "a": 2,
        "b": 1,
    }


@pytest.mark.parametrize(
    ("query", "empty"),
    [
        ("SELECT a FROM none", True),
        ("SELECT a FROM some", False),
        ("SELECT a FROM some WHERE FALSE", True),
        ("SELECT a FROM some JOIN none ON x = y", True),
        ("SELECT a FROM some CROSS JOIN none", True),
        ("SELECT a FROM some SEMI JOIN none ON x = y", True),
        ("SELECT a FROM some ANTI JOIN none ON x = y", False),
        ("SELECT a FROM none ANTI JOIN some ON x = y", True),
        ("SELECT a FROM some LEFT JOIN none ON x = y", False),
        ("SELECT a FROM none LEFT JOIN some ON x = y", True),
        ("SELECT a FROM none RIGHT JOIN some ON x = y", False),
        ("SELECT a FROM none FULL JOIN some ON x = y", False),
        ("SELECT SUM(a) AS s FROM none", False),
        ("SELECT COUNT(*) AS s FROM none", False),
        ("SELECT b, SUM(a) AS s FROM none GROUP BY b", True),
        ("SELECT a, SUM(a) OVER (PARTITION BY b) AS s FROM none", True),
        ("SELECT a FROM none UNION ALL SELECT a FROM some", False),
        ("SELECT a FROM none UNION ALL SELECT a FROM none UNION ALL SELECT a FROM none", True),
        ("SELECT a FROM (SELECT a FROM none) AS inner_one", True),
        ("SELECT 1 AS a", False),
    ],
)
def test_what_cannot_have_rows_is_told_from_the_text(query: str, empty: bool) -> None:
    assert surely_empty(parse_one(query, read="duckdb"), {"none"}) is empty


def test_what_is_read_once_is_no_folder_of_files_however_many_views_are_between() -> None:
    steps = [
        Step("twice_by_a_view", "SELECT * FROM given"),
        Step("once", "SELECT * FROM given"),
        Step("view", "SELECT * FROM twice_by_a_view", kept=False),
        Step("left_one", "SELECT * FROM view"),
        Step("right_one", "SELECT * FROM view JOIN once ON view.a = once.a"),
    ]

    assert read_more_than_once(steps) == {"twice_by_a_view"}
