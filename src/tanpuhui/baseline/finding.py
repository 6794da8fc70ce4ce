"""Finding: what is unusual about reads or temperatures, counted; some findings forbid a baseline.

``RULES`` lists every one: whether it forbids, what it means, and the clause of CalTRACK 2.0 that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """A kind of finding. One that forbids leaves no baseline to claim anything from."""

    forbids: bool
    says: str
    clause: str = ""


RULES: dict[str, Rule] = {
    # What the file is like
    "baseline.no_rows": Rule(True, "The file has no row that can be used."),
    "baseline.no_time_zone": Rule(
        True, "Times have no offset from UTC. Give the zone they are in (--zone).", "2.3.3"
    ),
    "baseline.time_unreadable": Rule(False, "Rows whose time is no ISO 8601 time are left out."),
    "baseline.time_ambiguous": Rule(
        False, "Local times that occur twice or not at all on a day of the clock's change."
    ),
    "baseline.not_a_number": Rule(False, "Values that are no number count as missing."),
    "baseline.not_finite": Rule(False, "Values that are infinite or beyond 1e12 count as missing."),
    "baseline.duplicate_rows": Rule(False, "Rows that repeat a time and its value are left out."),
    "baseline.conflicting_rows": Rule(False, "Times with more than one value count as missing."),
    "baseline.out_of_order": Rule(False, "Rows that came before an earlier one were put in order."),
    "baseline.off_grid": Rule(False, "Rows between the regular times of the series are left out."),
    "baseline.temperature_impossible": Rule(False, "Temperatures no weather has count as missing."),
    "baseline.day_starts_elsewhere": Rule(
        False,
        "Reads start their day at another hour than the days counted here. Give the zone of the days (--zone).",
    ),
    # What the reads are like
    "baseline.too_coarse": Rule(True, "Reads are further apart than a day. Use caltrack-billing."),
    "baseline.no_reads": Rule(True, "There is no read in the baseline."),
    "baseline.too_short": Rule(True, "The baseline spans fewer than 329 days.", "2.2.1.1"),
    "baseline.meter_coverage": Rule(
        True, "Days without a read are more than a tenth of the baseline.", "2.2.1.2"
    ),
    "baseline.temperature_coverage": Rule(
        True, "Days without a temperature are more than a tenth of the baseline.", "2.2.1.2"
    ),
    "baseline.joint_coverage": Rule(
        True, "Days without both read and temperature are more than a tenth of the baseline.", "2.2.1.2"
    ),
    "baseline.month_without_temperature": Rule(
        True, "Months of the year with temperatures on fewer than nine days in ten."
    ),
    "baseline.month_without_reads": Rule(
        False, "Months of the year with reads on fewer than nine days in ten."
    ),
    "baseline.missing_reads": Rule(False, "Days or bills of the baseline without a read.", "2.2.1.2"),
    "baseline.zero_reads": Rule(False, "Reads of 0 of an electricity meter count as missing.", "2.2.1.4"),
    "baseline.negative_reads": Rule(False, "Reads below 0: the home feeds the grid.", "2.3.5"),
    "baseline.negative_gas": Rule(True, "Reads below 0 of a gas meter.", "2.3.5"),
    "baseline.net_metering_change": Rule(
        True,
        "Feeding the grid began or ended within the window. Choose one on one side of that day.",
        "2.2.6",
    ),
    "baseline.window_changed": Rule(
        True,
        "Something at the home changed within the window (--changed-on). Choose one on one side of it.",
        "2.2.6-7",
    ),
    "baseline.estimated_reads": Rule(
        False, "Estimated reads were added to the next actual one, or count as missing.", "2.2.3.1"
    ),
    "baseline.bill_length": Rule(False, "Bills too short or too long count as missing.", "2.2.3.4-5"),
    "baseline.constant": Rule(True, "All reads of the baseline are one and the same."),
    "baseline.few_distinct": Rule(True, "Fewer than one read in ten differs from all the others."),
    "baseline.noise": Rule(
        True, "Reads follow neither weather, nor the day before, nor the week: they say nothing about a home."
    ),
    "baseline.extreme_reads": Rule(
        False, "Reads further than three interquartile ranges from the quartiles: look at them.", "2.3.6"
    ),
    # What the model is like
    "baseline.weak_fit": Rule(
        True, "The model's error is larger than the mean use, and than 1.6 interquartile ranges.", "4.3.2.1"
    ),
    "baseline.level_step": Rule(
        False,
        "Use steps to another level within the baseline beyond what weather explains: a car, a heat pump, another "
        "household. Where it is true the window ends there.",
        "2.2.7",
    ),
    # What the reporting period is like
    "baseline.no_band": Rule(
        True, "The uncertainty of the savings is not defined: no result without a band."
    ),
    "baseline.report_empty": Rule(True, "No day of the reporting period has both a read and a temperature."),
    "baseline.report_missing": Rule(
        False, "Days of the reporting period without read or temperature: not counted."
    ),
    "baseline.report_before_baseline": Rule(False, "The reporting period lies before the baseline."),
    "baseline.report_overlaps": Rule(True, "The reporting period lies in the baseline."),
}


@dataclass(frozen=True)
class Finding:
    """One rule that was met ``count`` times, with the facts that help to see why."""

    code: str
    count: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def forbids(self) -> bool:
        return RULES[self.code].forbids

    def as_json(self) -> dict[str, Any]:
        rule = RULES[self.code]
        return {
            "code": self.code,
            "count": self.count,
            "forbids": rule.forbids,
            "says": rule.says,
            "clause": rule.clause,
            "facts": self.facts,
        }


def finding(code: str, count: int, **facts: Any) -> list[Finding]:
    """The finding, or nothing when nothing was counted."""
    assert code in RULES, code
    return [Finding(code, int(count), facts)] if count > 0 else []


def forbidden(findings: Iterable[Finding]) -> bool:
    """Whether any of them forbids a baseline."""
    return any(found.forbids for found in findings)
