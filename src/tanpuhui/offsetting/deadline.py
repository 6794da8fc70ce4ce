"""Deadline: until which day a year's filings and surrenders are taken, where the place has such a rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tanpuhui.offsetting.cap import rule_name
from tanpuhui.offsetting.refusals import DeadlinePassed
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import Rule

TABLE = "offset_deadlines"
FILE, SURRENDER = "file_by", "surrender_by"


@dataclass(frozen=True)
class Deadlines:
    """The last days of a compliance year, both of them taken still; filing may have none of its own."""

    jurisdiction: str
    year: int
    rule: Rule

    def last_day(self, of: str) -> date | None:
        """The last day of filing or surrender: in the year that follows the compliance year."""
        given = self.rule.content.get(of)
        return date.fromisoformat(f"{self.year + 1}-{given}") if given else None

    @property
    def file_by(self) -> date | None:
        return self.last_day(FILE)

    @property
    def surrender_by(self) -> date | None:
        return self.last_day(SURRENDER)

    def as_json(self) -> dict[str, Any]:
        return {
            "file_by": self.file_by.isoformat() if self.file_by else None,
            "surrender_by": self.surrender_by.isoformat() if self.surrender_by else None,
            "rule": rule_name(self.jurisdiction, TABLE, self.rule),
            "status": self.rule.status,
            "source": self.rule.source,
        }


def deadlines_of(place: Jurisdiction, year: int) -> Deadlines | None:
    """The deadlines of a compliance year, or ``None`` where no rule sets any."""
    rule = place.rule_of_year(TABLE, year)
    return Deadlines(place.code, year, rule) if rule else None


def refuse_late(place: Jurisdiction, year: int, of: str, on: date) -> None:
    """Refuse filing or surrender after its last day. Nobody's role gets around it: only another rule does."""
    found = deadlines_of(place, year)
    last = found.last_day(of) if found else None
    # What is surrendered was filed for: where only surrender has a day, filing has the same.
    if found and last is None:
        last = found.surrender_by
    if found and last and on > last:
        raise DeadlinePassed(
            year=year,
            jurisdiction=place.code,
            last_day=last,
            day=on,
            rule=rule_name(place.code, TABLE, found.rule),
            status=found.rule.status,
            source=found.rule.source,
        )
