"""Build: values that fit the schema become a methodology whose names, dates, numbers and units work out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from tanpuhui.kit.exact import parse_decimal
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.expression import Expression, is_condition, names_in
from tanpuhui.methodology.methodology import (
    FOREVER,
    Cap,
    Clause,
    Document,
    Field,
    Methodology,
    Parameter,
    Result,
    Step,
    Text,
    Value,
    periods_of,
)
from tanpuhui.methodology.parse import RESERVED, parse
from tanpuhui.methodology.read import shown_path
from tanpuhui.methodology.refusals import (
    BadBounds,
    BadDate,
    BadDecimal,
    CapBook,
    FolderMismatch,
    NameReserved,
    NameTwice,
    NameUnknown,
    NotACondition,
    NotANumber,
    StepOrder,
    UnitMismatch,
    ValidityGap,
    ValidityOverlap,
)
from tanpuhui.methodology.seal import content_digest, verify_seal
from tanpuhui.methodology.survey import check_value
from tanpuhui.methodology.unit_rules import check_condition, count_of
from tanpuhui.methodology.units import Unit, parse_unit, show_dimensions

T = TypeVar("T")


@dataclass(slots=True)
class Findings:
    """Refusals found so far; checks go on after one, so that an author sees all of them."""

    refusals: list[Refusal] = field(default_factory=list)

    def attempt(self, check: Callable[[], T]) -> T | None:
        """What a check returns, or None when it refuses."""
        try:
            return check()
        except Refusal as refusal:
            self.refusals.append(refusal)
            return None

    def each(self, check: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        """What a check returns for every item that it does not refuse."""
        kept = []
        for item in items:
            found = self.attempt(lambda item=item: check(item))  # type: ignore[misc]
            if found is not None:
                kept.append(found)
        return kept


def build(folder: Path, raw: Mapping[str, Any], findings: Findings) -> Methodology | None:
    """The methodology of a folder; None when anything was found, and then the findings say what."""
    return Builder(folder, raw, findings).methodology()


class Builder:
    """The parts of one ``methodology.toml``, in the order in which they lean on each other."""

    def __init__(self, folder: Path, raw: Mapping[str, Any], findings: Findings) -> None:
        self.folder = folder
        self.raw = raw
        self.findings = findings
        self.file = shown_path(folder / "methodology.toml")

    def methodology(self) -> Methodology | None:
        attempt, each, raw = self.findings.attempt, self.findings.each, self.raw
        attempt(self._check_folder)
        attempt(self._check_names)
        days = attempt(self._days)
        fields = {field.name: field for field in each(self._field, raw["fields"])}
        parameters = {part.name: part for part in each(self._parameter, raw.get("parameters", []))}
        if self.findings.refusals or days is None:
            return None
        for parameter in parameters.values():
            attempt(lambda parameter=parameter: self._check_cover(parameter, *days))  # type: ignore[misc]
        units = self._units(fields, parameters)
        clauses = self._clauses(units)
        steps = self._steps(units)
        result = attempt(lambda: self._result(steps))
        caps = each(lambda cap: self._cap(cap, fields), raw.get("caps", []))
        if self.findings.refusals or result is None:
            return None
        sealed = attempt(lambda: verify_seal(self.folder))
        if sealed is None:
            return None
        return self._assemble(
            days=days,
            fields=fields,
            parameters=parameters,
            steps=tuple(steps),
            result=result,
            caps=tuple(caps),
            clauses=clauses,
            sealed=sealed,
        )

    def _assemble(
        self,
        *,
        days: tuple[date, date | None],
        fields: dict[str, Field],
        parameters: dict[str, Parameter],
        steps: tuple[Step, ...],
        result: Result,
        caps: tuple[Cap, ...],
        clauses: list[Clause],
        sealed: bool,
    ) -> Methodology:
        raw = self.raw
        return Methodology(
            code=raw["code"],
            version=raw["version"],
            kind=raw["kind"],
            scope=raw["scope"],
            book=raw["book"],
            jurisdiction=raw["jurisdiction"],
            status=raw["status"],
            title=Text(**raw["title"]),
            summary=Text(**raw["summary"]),
            document=self._document(),
            valid_from=days[0],
            valid_to=days[1],
            fields=fields,
            parameters=parameters,
            steps=steps,
            result=result,
            caps=caps,
            applicability=tuple(clause for clause in clauses if not clause.excludes_when),
            exclusions=tuple(clause for clause in clauses if clause.excludes_when),
            periods=periods_of(parameters, *days),
            members=_members(fields),
            clipped_to=_clips(caps),
            folder=self.folder,
            digest=content_digest(self.folder),
            sealed=sealed,
        )

    # Identity

    def _check_folder(self) -> None:
        expected = "/".join(self.folder.parts[-3:])
        found = f"{self.raw['code']}/v{self.raw['version']}"
        if found != expected:
            raise FolderMismatch(where=f"{self.file}: code, version", found=found, expected=expected)
        if self.raw["jurisdiction"] != self.raw["code"].split("/")[0]:
            raise FolderMismatch(
                where=f"{self.file}: jurisdiction",
                found=self.raw["jurisdiction"],
                expected=self.raw["code"].split("/")[0],
            )

    def _check_names(self) -> None:
        """One name for one thing, among fields, parameters and steps, and one id for one clause."""
        for kinds, key in (
            (("fields", "parameters", "steps"), "name"),
            (("applicability", "exclusions"), "id"),
        ):
            seen: set[str] = set()
            for kind in kinds:
                for part in self.raw.get(kind, []):
                    if part[key] in RESERVED:
                        raise NameReserved(where=f"{self.file}: {kind}", name=part[key])
                    if part[key] in seen:
                        raise NameTwice(where=f"{self.file}: {kind}", name=part[key])
                    seen.add(part[key])

    def _document(self) -> Document:
        document = dict(self.raw["document"])
        if "issued_on" in document:
            document["issued_on"] = self._day(document["issued_on"], "document.issued_on")
        return Document(**document)

    # Days

    def _day(self, text: str, key: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise BadDate(where=f"{self.file}: {key}", problem=f"{text} is no day") from error

    def _days(self) -> tuple[date, date | None]:
        first = self._day(self.raw["valid_from"], "valid_from")
        last = self._day(self.raw["valid_to"], "valid_to") if "valid_to" in self.raw else None
        if last is not None and last < first:
            raise BadDate(where=f"{self.file}: valid_to", problem=f"{last} is before valid_from, {first}")
        self._document()
        return first, last

    # Fields and parameters

    def _unit(self, symbol: str, key: str) -> Unit:
        return parse_unit(symbol, f"{self.file}: {key}")

    def _field(self, raw: Mapping[str, Any]) -> Field:
        where = f"fields.{raw['name']}"
        codes: dict[str, int] = raw.get("values", {})
        self._check_field(raw, codes, where)
        low, high = (min(codes.values()), max(codes.values())) if codes else (raw["min"], raw["max"])
        unit = self._unit(raw["unit"], f"{where}.unit")
        if codes and (unit.dimensions or unit.scale != 1):
            raise UnitMismatch(
                where=f"{self.file}: {where}.unit", problem='the unit of an enumeration is "1"'
            )
        return Field(raw["name"], unit, low, high, raw.get("default"), codes, Text(**raw["title"]))

    def _check_field(self, raw: Mapping[str, Any], codes: Mapping[str, int], where: str) -> None:
        place, default = f"{self.file}: {where}", raw.get("default")
        if len(set(codes.values())) != len(codes):
            raise NameTwice(where=place, name="of a code")
        if codes and default is not None and default not in codes.values():
            raise BadBounds(where=place, problem=f"default {default} is not one of the codes")
        if codes:
            return
        if raw["min"] > raw["max"]:
            raise BadBounds(where=place, problem=f"min {raw['min']} is above max {raw['max']}")
        if default is not None and not raw["min"] <= default <= raw["max"]:
            raise BadBounds(
                where=place, problem=f"default {default} is not within {raw['min']} .. {raw['max']}"
            )

    def _parameter(self, raw: Mapping[str, Any]) -> Parameter:
        where = f"parameters.{raw['name']}"
        values = [self._value(value, f"{where}.values[{at}]") for at, value in enumerate(raw["values"])]
        unit = self._unit(raw["unit"], f"{where}.unit")
        for at, value in enumerate(values):
            if value.survey is not None:
                place = f"{self.file}: {where}.values[{at}].survey"
                check_value(value, unit, self.folder / value.survey, place)
        return Parameter(raw["name"], unit, Text(**raw["title"]), tuple(sorted(values, key=_starts)))

    def _value(self, raw: Mapping[str, Any], where: str) -> Value:
        first = self._day(raw["from"], f"{where}.from")
        last = self._day(raw["to"], f"{where}.to") if "to" in raw else FOREVER
        if last < first:
            raise BadDate(where=f"{self.file}: {where}.to", problem=f"{last} is before from, {first}")
        try:
            number = parse_decimal(raw["value"])
        except ValueError as error:
            raise BadDecimal(where=f"{self.file}: {where}.value", value=repr(raw["value"])) from error
        review_by = self._day(raw["review_by"], f"{where}.review_by")
        note, survey = raw.get("note"), raw.get("survey")
        return Value(first, last, number, raw["status"], raw["source"], review_by, note, survey)

    def _check_cover(self, parameter: Parameter, first: date, last: date | None) -> None:
        """The values follow each other day by day, from ``first`` to ``last``."""
        where = f"{self.file}: parameters.{parameter.name}"
        needed, end = first, last or FOREVER
        for earlier, later in zip(parameter.values, parameter.values[1:], strict=False):
            if later.valid_from <= earlier.valid_to:
                raise ValidityOverlap(where=where, first=later.valid_from)
        for value in parameter.values:
            if value.valid_from > needed:
                raise ValidityGap(
                    where=where, first=needed, last=min(value.valid_from - timedelta(days=1), end)
                )
            if value.valid_to >= end:
                return
            needed = max(needed, value.valid_to + timedelta(days=1))
        raise ValidityGap(where=where, first=needed, last=last or "any later day")

    def _units(self, fields: Mapping[str, Field], parameters: Mapping[str, Parameter]) -> dict[str, Unit]:
        """What every name counts; the codes of enumerations are plain numbers."""
        units = {name: field.unit for name, field in fields.items()}
        units |= {name: parameter.unit for name, parameter in parameters.items()}
        return units | {name: Unit("1", (), Fraction(1)) for name in _members(fields)}

    # Formulas

    def _clauses(self, units: Mapping[str, Unit]) -> list[Clause]:
        found = []
        for kind, key in (("applicability", "requires"), ("exclusions", "when")):
            read = self._reader_of_clauses(kind, key, units)
            found += self.findings.each(read, self.raw.get(kind, []))
        return found

    def _reader_of_clauses(
        self, kind: str, key: str, units: Mapping[str, Unit]
    ) -> Callable[[Mapping[str, Any]], Clause]:
        def read(raw: Mapping[str, Any]) -> Clause:
            formula = raw.get(key)
            condition = None
            if formula is not None:
                where = f"{self.file}: {kind}.{raw['id']}.{key}"
                condition = self._condition(formula, where, units)
            return Clause(raw["id"], Text(**raw["text"]), formula, condition, kind == "exclusions")

        return read

    def _condition(self, formula: str, where: str, units: Mapping[str, Unit]) -> Expression:
        condition = parse(formula, where)
        self._check_known(condition, where, units)
        if not is_condition(condition):
            raise NotACondition(where=where, formula=formula)
        check_condition(condition, units, where)
        return condition

    def _steps(self, units: Mapping[str, Unit]) -> list[Step]:
        known, steps = dict(units), []
        for raw in self.raw["steps"]:
            step = self.findings.attempt(lambda raw=raw: self._step(raw, known))  # type: ignore[misc]
            if step is not None:
                steps.append(step)
                known[step.name] = step.unit
            else:
                unit = self.findings.attempt(lambda raw=raw: parse_unit(raw["unit"]))  # type: ignore[misc]
                known[raw["name"]] = unit or Unit("1", (), Fraction(1))
        return steps

    def _step(self, raw: Mapping[str, Any], units: Mapping[str, Unit]) -> Step:
        where = f"{self.file}: steps.{raw['name']}"
        unit = self._unit(raw["unit"], f"steps.{raw['name']}.unit")
        expression = parse(raw["formula"], f"{where}.formula")
        later = {step["name"] for step in self.raw["steps"]}
        self._check_known(expression, f"{where}.formula", units, later)
        if is_condition(expression):
            raise NotANumber(where=f"{where}.formula", formula=raw["formula"])
        counted = count_of(expression, units, f"{where}.formula").dimensions
        if counted is not None and counted != unit.dimensions:
            raise UnitMismatch(
                where=f"{where}.unit",
                problem=f"{raw['formula']} counts {show_dimensions(counted)}, but the unit is {unit.symbol}",
            )
        return Step(raw["name"], raw["formula"], expression, unit, Text(**raw["title"]))

    def _check_known(
        self, expression: Expression, where: str, known: Mapping[str, Unit], later: Container[str] = ()
    ) -> None:
        for name in names_in(expression):
            if name.name in known:
                continue
            if name.name in later:
                raise StepOrder(where=where, name=name.name, column=name.at + 1)
            raise NameUnknown(where=where, name=name.name, column=name.at + 1, hint=_hint(name.name, known))

    # Result and caps

    def _result(self, steps: list[Step]) -> Result:
        raw, where = self.raw["result"], f"{self.file}: result"
        step = next((step for step in steps if step.name == raw["step"]), None)
        if step is None:
            names = {step.name: step.unit for step in steps}
            raise NameUnknown(
                where=f"{where}.step", name=raw["step"], column=1, hint=_hint(raw["step"], names)
            )
        expected = "point" if self.raw["book"] == "points" else "mgCO2e"
        unit = self._unit(raw["unit"], "result.unit")
        if raw["unit"] != expected:
            raise UnitMismatch(
                where=f"{where}.unit", problem=f"the book {self.raw['book']} counts {expected}"
            )
        if step.unit.dimensions != unit.dimensions:
            problem = f"the step {step.name} is in {step.unit.symbol}, the result in {unit.symbol}"
            raise UnitMismatch(where=f"{where}.step", problem=problem)
        return Result(step.name, unit, raw["nets"])

    def _cap(self, raw: Mapping[str, Any], fields: Mapping[str, Field]) -> Cap:
        where = f"{self.file}: caps"
        if raw["per"] != "activity":
            expected = "limit_points" if self.raw["book"] == "points" else "limit_mg"
            if expected not in raw:
                raise CapBook(where=where, book=self.raw["book"], expected=expected)
            return Cap(**{**raw, "per": raw["per"]})
        capped = fields.get(raw["field"])
        if capped is None:
            units = {field.name: field.unit for field in fields.values()}
            hint = _hint(raw["field"], units)
            raise NameUnknown(where=f"{where}.field", name=raw["field"], column=1, hint=hint)
        if not capped.min <= raw["limit"] <= capped.max or capped.values:
            problem = f"limit {raw['limit']} is not within {capped.min} .. {capped.max} of {capped.name}"
            raise BadBounds(where=where, problem=problem)
        return Cap(**raw)


def _starts(value: Value) -> date:
    return value.valid_from


def _members(fields: Mapping[str, Field]) -> dict[str, int]:
    """``field.value`` for every value of every enumeration."""
    return {f"{name}.{value}": code for name, field in fields.items() for value, code in field.values.items()}


def _clips(caps: Iterable[Cap]) -> dict[str, int]:
    """The lowest limit of every capped field."""
    limits: dict[str, int] = {}
    for cap in caps:
        if cap.field is not None and cap.limit is not None:
            limits[cap.field] = min(cap.limit, limits.get(cap.field, cap.limit))
    return limits


def _hint(name: str, known: Mapping[str, Unit]) -> str:
    near = get_close_matches(name, known, n=3)
    return f"Did you mean {', '.join(near)}?" if near else "Known here: " + ", ".join(sorted(known)) + "."
