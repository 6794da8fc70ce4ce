"""Scheme: what a rule is given and what it must answer, so that any rule can be put beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tanpuhui.baseline.arrays import Whole

MONTHS, DAYS_IN_MONTH = 12, 30


@dataclass(frozen=True)
class Readings:
    """Meters in Wh: of homes that joined (by home), and of peers that did not.

    ``before_wh`` (homes, 24) and ``after_wh`` (homes, 12) are months from January on; ``days_before_wh`` (homes, 7) are
    the days before the reporting year and ``days_wh`` (homes, 360) its days. ``seed`` is for a rule that draws.
    """

    home: Whole
    before_wh: Whole
    after_wh: Whole
    days_before_wh: Whole
    days_wh: Whole
    peers_before_wh: Whole
    peers_after_wh: Whole
    seed: int


class Rule(Protocol):
    """From readings to the Wh issued to each home that joined, in their order: whole, 0 or more."""

    def __call__(self, readings: Readings, /) -> Whole: ...


@dataclass(frozen=True)
class Scheme:
    code: str
    title: str
    rule: Rule
