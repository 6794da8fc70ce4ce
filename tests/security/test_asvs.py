"""docs/reference/asvs.csv answers every requirement of ASVS 5.0, levels 1 and 2, once, with something that is there."""

from __future__ import annotations

import ast
import csv
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "reference" / "asvs.csv"
with FILE.open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream))
#: How many requirements of level 1 and of level 2 each chapter has.
COUNTS = {
    1: (8, 19), 2: (4, 7), 3: (8, 11), 4: (2, 8), 5: (4, 5), 6: (13, 22), 7: (6, 12), 8: (4, 3), 9: (4, 3), 10: (5, 24),
    11: (3, 11), 12: (3, 6), 13: (1, 12), 14: (2, 7), 15: (3, 10), 16: (0, 16), 17: (0, 7),
}  # fmt: skip
#: Fewer than this many are open.
MOST_OPEN = 10


def of(how: str) -> list[dict[str, str]]:
    return [row for row in ROWS if row["how"] == how]


def collected() -> set[str]:
    """The ids of every test, read from the files without running any."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.relative_to(ROOT)}::{node.name}")
    return found


def test_every_requirement_of_levels_1_and_2_is_answered_once() -> None:
    ids = [row["id"] for row in ROWS]

    assert len(ids) == len(set(ids)) == 253
    for chapter, counts in COUNTS.items():
        levels = [row["level"] for row in ROWS if row["id"].startswith(f"V{chapter}.")]
        assert (levels.count("1"), levels.count("2")) == counts, chapter
    assert {row["level"] for row in ROWS} == {"1", "2"}
    assert all(row["requirement"].strip() and len(row["requirement"]) < 120 for row in ROWS)


def test_the_answers_are_to_the_requirements_that_are_published(shared_reference: Path) -> None:
    with (shared_reference / "asvs-5.0.0.csv").open(encoding="utf-8-sig", newline="") as published:
        asked = [(row["req_id"], row["L"]) for row in csv.DictReader(published) if row["L"] in ("1", "2")]

    assert [(row["id"], row["level"]) for row in ROWS] == asked


def test_every_answer_is_of_a_kind() -> None:
    assert {row["how"] for row in ROWS} <= {"test", "setting", "not applicable", "open"}


def test_every_named_test_is_there() -> None:
    there = collected()

    named = {(row["id"], one) for row in of("test") for one in row["evidence"].split("; ")}
    assert len(named) > 200
    assert sorted((number, one) for number, one in named if one not in there) == []


def test_every_named_setting_is_there() -> None:
    for row in of("setting"):
        for one in row["evidence"].split("; "):
            module, _, name = one.partition(" ")
            assert hasattr(importlib.import_module(module), name), one


def test_what_does_not_apply_says_why() -> None:
    for row in of("not applicable"):
        assert re.fullmatch(r"because [^.]{15,300}\.", row["evidence"]), row


def test_what_is_open_is_told_in_the_documents_and_is_little() -> None:
    text = (ROOT / "docs" / "reference" / "security.md").read_text()
    told = dict(re.findall(r"^\| (V[\d.]+): [^|]+ \| ([^|]+) \|$", text, re.MULTILINE))

    assert told == {row["id"]: row["evidence"] for row in of("open")}
    assert len(told) < MOST_OPEN
    assert all(len(row["evidence"]) > 40 for row in of("open"))


def test_nine_of_ten_that_apply_name_a_test() -> None:
    apply = len(ROWS) - len(of("not applicable"))

    assert len(of("test")) * 10 >= apply * 9


@pytest.mark.parametrize("word", ["Verify that", "the application"])
def test_the_words_are_our_own(word: str) -> None:
    assert word not in FILE.read_text()
