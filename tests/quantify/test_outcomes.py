"""Outcomes: the numbers that assembly writes are those of the close, and each end has a plain sentence."""

from __future__ import annotations

from tanpuhui.evidence.assemble import ENDS
from tanpuhui.quantify.outcome import MEANING, Outcome


def test_assembly_writes_the_numbers_of_the_close() -> None:
    assert {name: Outcome[name].value for name in ENDS} == ENDS


def test_every_outcome_is_explained_in_chinese_and_in_english() -> None:
    assert set(MEANING) == set(Outcome)
    assert all(chinese and english for chinese, english in MEANING.values())
