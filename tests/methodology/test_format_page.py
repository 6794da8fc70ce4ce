"""The reference page of the format says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology import refusals
from tanpuhui.methodology.parse import MAX_DEPTH, MAX_LENGTH
from tanpuhui.methodology.units import known_units

PAGE = (Path(__file__).parents[2] / "docs/reference/methodology-format.md").read_text(encoding="utf-8")


def test_every_refusal_of_the_stage_is_in_the_table_and_no_other() -> None:
    classes = [value for value in vars(refusals).values() if isinstance(value, type)]
    codes = {kind.code for kind in classes if issubclass(kind, Refusal) and kind is not Refusal}

    table = PAGE.split("## Refusals")[1]
    assert set(re.findall(r"^\| `(methodology\.\w+)` \|", table, re.MULTILINE)) == codes


def test_every_unit_is_in_the_table_and_no_other() -> None:
    section = PAGE.split("## Units")[1].split("Counts have no dimension")[0]

    assert set(re.findall(r"`([A-Za-z]\w*)`", section)) == known_units() - {"count"}


def test_the_limits_of_formulas_are_stated() -> None:
    assert f"At most {MAX_LENGTH:,} characters and {MAX_DEPTH} levels deep" in PAGE
