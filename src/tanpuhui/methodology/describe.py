"""Describe: a methodology, an explanation and what is due for review, as values that are ready for JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.evaluate import Explanation
from tanpuhui.methodology.methodology import FOREVER, Clause, Field, Methodology
from tanpuhui.methodology.typeset import latex


def summary(methodology: Methodology) -> dict[str, Any]:
    """A methodology in one line of a list."""
    return {
        "code": methodology.code,
        "version": methodology.version,
        "title": {"zh": methodology.title.zh, "en": methodology.title.en},
        "kind": methodology.kind,
        "scope": methodology.scope,
        "book": methodology.book,
        "valid_from": methodology.valid_from.isoformat(),
        "valid_to": methodology.valid_to.isoformat() if methodology.valid_to else None,
        "status": methodology.weakest_status(methodology.periods[-1].valid_from),
        "digest": methodology.digest,
        "sealed": methodology.sealed,
    }


def description(methodology: Methodology) -> dict[str, Any]:
    """Everything of a methodology but its README: fields, steps, factors, clauses."""
    return {
        **summary(methodology),
        "fields": [_field(field) for field in methodology.fields.values()],
        "steps": [
            {
                "name": step.name,
                "formula": step.formula,
                "unit": step.unit.symbol,
                "latex": latex(step.expression),
            }
            for step in methodology.steps
        ],
        "factors": factor_rows(methodology),
        "clauses": [_clause(clause) for clause in methodology.clauses],
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "unit": field.unit.symbol,
        "min": field.min,
        "max": field.max,
        "default": field.default,
        "values": dict(field.values),
        "title": {"zh": field.title.zh, "en": field.title.en},
    }


def _clause(clause: Clause) -> dict[str, Any]:
    condition = {"when" if clause.excludes_when else "requires": clause.formula}
    return {"id": clause.id, "text": {"zh": clause.text.zh, "en": clause.text.en}, **condition}


def factor_rows(methodology: Methodology) -> list[dict[str, Any]]:
    """Every value of every parameter, with status, source and review date."""
    return [
        {
            "name": parameter.name,
            "from": value.valid_from.isoformat(),
            "to": None if value.valid_to == FOREVER else value.valid_to.isoformat(),
            "value": format_fraction(value.value),
            "unit": parameter.unit.symbol,
            "status": value.status,
            "source": value.source,
            "review_by": value.review_by.isoformat(),
        }
        for parameter in methodology.parameters.values()
        for value in parameter.values
    ]


def trace(explanation: Explanation) -> dict[str, Any]:
    """The JSON of ``explain``: a contract that others script against."""
    return {
        "code": explanation.code,
        "version": explanation.version,
        "digest": explanation.digest,
        "day": explanation.day.isoformat(),
        "avoided_mg": explanation.avoided_mg,
        "points": explanation.points,
        "excluded_by": explanation.excluded_by,
        "clipped": dict(explanation.clipped),
        "status": explanation.status,
        "steps": [
            {
                "name": line.name,
                "formula": line.formula,
                "value": line.value,
                "unit": line.unit,
                "substituted": line.substituted,
            }
            for line in explanation.steps
        ],
        "factors": [
            {
                "name": factor.name,
                "value": format_fraction(factor.value),
                "unit": factor.unit.symbol,
                "status": factor.status,
                "source": factor.source,
                "review_by": factor.review_by.isoformat(),
            }
            for factor in explanation.factors
        ],
    }


def overdue(methodology: Methodology, day: date) -> list[dict[str, Any]]:
    """The parameters in force on a day that were due for review before it."""
    if not methodology.in_force(day):
        return []
    return [
        {
            "code": methodology.code,
            "version": methodology.version,
            "parameter": factor.name,
            "review_by": factor.review_by.isoformat(),
            "status": factor.status,
        }
        for factor in methodology.period(day).factors.values()
        if factor.review_by < day
    ]
