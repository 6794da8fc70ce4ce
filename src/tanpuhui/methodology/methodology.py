"""Methodology: what a folder says, loaded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias

from tanpuhui.methodology.expression import Expression
from tanpuhui.methodology.refusals import NotInForce
from tanpuhui.methodology.units import Unit

Status: TypeAlias = Literal["official", "published", "secondary", "illustrative"]
Book: TypeAlias = Literal["reduction", "points"]
Per: TypeAlias = Literal["person-day", "person-year", "activity"]

#: From the strongest to the weakest.
STATUSES: tuple[Status, ...] = ("official", "published", "secondary", "illustrative")
FOREVER = date.max


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Chinese and in English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Document:
    """The document that was transcribed."""

    title: str
    issuer: str
    source: str
    issued_on: date | None = None
    number: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """An integer that an activity carries. ``values`` are the names of an enumeration's codes."""

    name: str
    unit: Unit
    min: int
    max: int
    default: int | None
    values: Mapping[str, int]
    title: Text

    def accepts(self, value: int) -> bool:
        return value in self.values.values() if self.values else self.min <= value <= self.max


@dataclass(frozen=True, slots=True)
class Value:
    """What a parameter is from one local day to another, both inclusive.

    ``survey`` is the file beside the methodology that it comes from; it is no more than that file carries.
    """

    valid_from: date
    valid_to: date
    value: Fraction
    status: Status
    source: str
    review_by: date
    note: str | None = None
    survey: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that somebody decided, dated and sourced."""

    name: str
    unit: Unit
    title: Text
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Factor:
    """A parameter's value in force on a day."""

    name: str
    unit: Unit
    value: Fraction
    status: Status
    source: str
    review_by: date
    note: str | None


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause on applicability or an exclusion. ``speaks_against`` is None where it is text for people."""

    id: str
    text: Text
    formula: str | None
    condition: Expression | None
    excludes_when: bool

    def excludes(self, met: bool) -> bool:
        """Does the clause exclude an act for which its condition is (not) met?"""
        return met == self.excludes_when


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the calculation, exact in its unit."""

    name: str
    formula: str
    expression: Expression
    unit: Unit
    title: Text


@dataclass(frozen=True, slots=True)
class Result:
    """Which step is the result, in which unit it is rounded down, and whether it may be negative."""

    step: str
    unit: Unit
    nets: bool


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit: on what a person gets in a day or a year, or on a field of one activity."""

    per: Per
    clause: str
    status: Status
    limit_mg: int | None = None
    limit_points: int | None = None
    field: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """Days, both inclusive, on which no parameter changes."""

    valid_from: date
    valid_to: date
    factors: Mapping[str, Factor]


@dataclass(frozen=True, eq=False)
class Methodology:
    """A loaded methodology: everything in it has been checked. Two of the same digest say the same."""

    code: str
    version: int
    kind: str
    scope: str
    book: Book
    jurisdiction: str
    status: Status
    title: Text
    summary: Text
    document: Document
    valid_from: date
    valid_to: date | None
    fields: Mapping[str, Field]
    parameters: Mapping[str, Parameter]
    steps: tuple[Step, ...]
    result: Result
    caps: tuple[Cap, ...]
    applicability: tuple[Clause, ...]
    exclusions: tuple[Clause, ...]
    periods: tuple[Period, ...]
    members: Mapping[str, int]
    clipped_to: Mapping[str, int]
    folder: Path
    digest: str
    sealed: bool

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The clauses in the order in which they are asked."""
        return self.applicability + self.exclusions

    def in_force(self, day: date) -> bool:
        """May an act of this local day be quantified by it?"""
        return self.valid_from <= day <= (self.valid_to or FOREVER)

    def period(self, day: date) -> Period:
        """The period that holds a local day; refused as ``methodology.not_in_force`` outside all of them."""
        for period in self.periods:
            if period.valid_from <= day <= period.valid_to:
                return period
        raise NotInForce(methodology=str(self), day=day, periods=self.validity)

    @property
    def validity(self) -> str:
        """The days on which it is in force, in words."""
        return f"from {self.valid_from}" + (f" to {self.valid_to}" if self.valid_to else " on")

    def weakest_status(self, day: date) -> Status:
        """The weakest status among the document and the parameters in force on a day."""
        statuses = [self.status, *(factor.status for factor in self.period(day).factors.values())]
        return max(statuses, key=STATUSES.index)


def periods_of(
    parameters: Mapping[str, Parameter], valid_from: date, valid_to: date | None
) -> tuple[Period, ...]:
    """Cut the validity wherever a parameter changes. The values cover the validity without gap or overlap."""
    last = valid_to or FOREVER
    starts = {value.valid_from for parameter in parameters.values() for value in parameter.values}
    cuts = sorted({valid_from} | {day for day in starts if valid_from < day <= last})
    ends = [day - timedelta(days=1) for day in cuts[1:]] + [last]
    return tuple(
        Period(start, end, {name: _factor(parameter, start) for name, parameter in parameters.items()})
        for start, end in zip(cuts, ends, strict=True)
    )


def _factor(parameter: Parameter, day: date) -> Factor:
    value = next(value for value in parameter.values if value.valid_from <= day <= value.valid_to)
    return Factor(
        name=parameter.name,
        unit=parameter.unit,
        value=value.value,
        status=value.status,
        source=value.source,
        review_by=value.review_by,
        note=value.note,
    )
