"""docs/reference/pipl.csv answers every rule that this program carries with a test, or with what people must do."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
with (ROOT / "docs" / "reference" / "pipl.csv").open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream))
#: Articles of the reference's table: each has a row at least.
ARTICLES = {
    4, 6, 13, 14, 15, 16, 17, 19, 20, 21, 23, 24, 25, 28, 29, 30, 31, 38, 39, 41, 44, 45, 46, 47, 48, 49, 50, 51, 54,
    55, 56, 57, 58, 69,
}  # fmt: skip
LEAST_WORDS = 8


def there() -> set[str]:
    """The ids of every test, read from the files without running any."""
    return {
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_row_is_full_and_every_rule_is_there_once() -> None:
    rules = [row["rule"] for row in ROWS]

    assert [row for row in ROWS if not all((value or "").strip() for value in row.values())] == []
    assert len(rules) == len(set(rules))
    assert {int(row["article"].partition("(")[0]) for row in ROWS} >= ARTICLES


def test_every_place_and_every_test_that_is_named_is_there() -> None:
    known = there()
    named = [
        (row["rule"], one) for row in ROWS if row["how"] == "test" for one in row["evidence"].split("; ")
    ]

    assert sorted(row["where"] for row in ROWS if not (ROOT / row["where"]).exists()) == []
    assert sorted((rule, one) for rule, one in named if one not in known) == []


def test_what_no_test_shows_says_what_the_operator_must_do() -> None:
    others = [row for row in ROWS if row["how"] != "test"]

    assert {row["how"] for row in others} == {"organisational"}
    assert [row["rule"] for row in others if len(row["evidence"].split()) < LEAST_WORDS] == []
