"""Columns: a methodology on a day as SQL expressions over whole columns, in whole numbers only.

The expressions are sqlglot nodes in a small dialect that DuckDB runs as it is. Numbers that may leave 64 bits
are computed in HUGEINT (``INT128``); an engine without it takes DECIMAL(38, 0), which holds every number that
loading let through. There is no float, no decimal and no ROUND, and the one division, ``//``, is of a number
that is not negative by a positive one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TypeAlias

from sqlglot import exp

from tanpuhui.kit.exact import INT64_MAX, INT64_MIN
from tanpuhui.methodology.methodology import Field, Methodology
from tanpuhui.methodology.plan import (
    Column,
    Compare,
    Constant,
    Division,
    Either,
    Join,
    Operation,
    Test,
    Whole,
)
from tanpuhui.methodology.plan_period import plan_clauses, plan_result

LITERAL, BIGINT, HUGEINT = range(3)
#: A node and its type. A literal takes the type of what it meets; alone, DuckDB makes it a 32-bit INTEGER.
Typed: TypeAlias = tuple[exp.Expr, int]

_COMPARISONS: dict[str, type[exp.Binary]] = {
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
    "==": exp.EQ,
    "!=": exp.NEQ,
}
_ARITHMETIC: dict[str, type[exp.Binary]] = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}


@dataclass(frozen=True)
class Columns:
    """Expressions over BIGINT columns named as the fields; copy a node before you put it into a query.

    ``invalid``: a required field is NULL or a field is out of bounds. ``excluded_by``: the id of the clause
    that speaks against the act, or NULL. ``avoided``: the result (mg of CO2e, or points) as BIGINT, rounded
    down. Both are NULL where ``invalid`` holds, and ``avoided`` counts only where ``excluded_by`` is NULL.
    """

    avoided: exp.Expression
    excluded_by: exp.Expression
    invalid: exp.Expression

    def of_valid(self) -> tuple[exp.Expression, exp.Expression]:
        """``avoided`` and ``excluded_by`` without their guard, for a query that keeps invalid rows out itself."""
        return _guarded(self.avoided), _guarded(self.excluded_by)


def compile_columns(methodology: Methodology, day: date) -> Columns:
    """The columns of a methodology with the parameters of a local day; built once for a whole period."""
    return _compile(methodology, methodology.period(day).valid_from)


@lru_cache(maxsize=256)
def _compile(methodology: Methodology, day: date) -> Columns:
    period = methodology.period(day)
    valid = exp.and_(*[_inside(field) for field in methodology.fields.values()])
    return Columns(
        avoided=_where(valid, _floored(plan_result(methodology, period))),
        excluded_by=_where(valid, _first_clause(plan_clauses(methodology, period))),
        invalid=exp.not_(valid),
    )


def _where(valid: exp.Expr, value: exp.Expr) -> exp.Expression:
    """NULL in invalid rows: bounds are proven for valid ones only, and a CASE keeps the others out."""
    return exp.Case().when(valid.copy(), value)


def _guarded(case: exp.Expression) -> exp.Expression:
    value = case.args["ifs"][0].args["true"]
    assert isinstance(value, exp.Expression)
    return value.copy()


def _inside(field: Field) -> exp.Expr:
    """Is the field's value acceptable? Never NULL."""
    if field.default is not None:
        return _accepts(field, _or_default(field.name, field.default))
    return exp.func("COALESCE", _accepts(field, exp.column(field.name, quoted=True)), exp.false())


def _accepts(field: Field, column: exp.Expr) -> exp.Expr:
    codes = sorted(field.values.values())
    if codes and codes[-1] - codes[0] != len(codes) - 1:
        return exp.In(this=column, expressions=[_literal(code) for code in codes])
    return exp.Between(this=column, low=_literal(field.min), high=_literal(field.max))


def _first_clause(clauses: list[tuple[str, Test]]) -> exp.Expr:
    """The id of the first clause whose exclusion holds, or NULL."""
    case = exp.Case()
    for clause, test in clauses:
        if test is not False:
            case = case.when(_test(test), exp.Literal.string(clause))
    return case if case.args.get("ifs") else exp.cast(exp.null(), "TEXT")


def _floored(division: Division) -> exp.Expr:
    """Rounded towards minus infinity, dividing magnitudes only: engines disagree on negative numbers."""
    quotient = _quotient(division.numerator, division.denominator)
    if division.shift:
        quotient = exp.Sub(this=_wrapped(quotient), expression=_literal(division.shift))
    if division.mirrored is None:
        return quotient
    not_negative = _binary(exp.GTE, division.numerator, Constant(0))[0]
    mirrored = _quotient(division.mirrored, division.denominator)
    return exp.Case().when(not_negative, quotient).else_(exp.Neg(this=_wrapped(mirrored)))


def _quotient(numerator: Whole, denominator: Whole) -> exp.Expr:
    """``numerator // denominator`` of a non-negative and a positive number, as BIGINT."""
    by_one = denominator == Constant(1)
    node, kind = _whole(numerator) if by_one else _binary(exp.IntDiv, numerator, denominator)
    return node if kind == BIGINT else exp.cast(node, "BIGINT")


# Rendering of plans


def _whole(whole: Whole) -> Typed:
    match whole:
        case Column():
            return _column(whole), BIGINT
        case Constant(value):
            return _literal(value), LITERAL if abs(value) <= INT64_MAX else HUGEINT
        case Operation("least" | "greatest", left, right):
            function = exp.Least if whole.operator == "least" else exp.Greatest
            (first, second), kind = _alike(whole, left, right)
            return function(this=first, expressions=[second], ignore_nulls=True), kind
        case Operation(operator, left, right):
            return _binary(_ARITHMETIC[operator], left, right, whole)
        case Either(test, then, otherwise):
            (first, second), kind = _alike(whole, then, otherwise)
            return exp.Case().when(_test(test), first).else_(second), kind


def _binary(node: type[exp.Binary], left: Whole, right: Whole, result: Whole | None = None) -> Typed:
    (first, second), kind = _alike(result, left, right)
    return node(this=_wrapped(first), expression=_wrapped(second)), kind


def _alike(result: Whole | None, *operands: Whole) -> tuple[list[exp.Expr], int]:
    """The operands in one type: BIGINT where they and the result are proven to fit, HUGEINT otherwise."""
    typed = [_whole(operand) for operand in operands]
    kind = max(BIGINT, *(kind for _, kind in typed))
    if result is not None and not _fits(result):
        kind = HUGEINT
    untyped = all(kind == LITERAL for _, kind in typed)
    return [_as(node, own, kind, untyped=untyped) for node, own in typed], kind


def _as(node: exp.Expr, own: int, kind: int, *, untyped: bool) -> exp.Expr:
    """The node in a type; a literal needs a cast only where nothing else gives it one."""
    if own == kind or (own == LITERAL and not untyped):
        return node
    return exp.cast(node, "INT128" if kind == HUGEINT else "BIGINT")


def _fits(whole: Whole) -> bool:
    return whole.low >= INT64_MIN and whole.high <= INT64_MAX


def _column(column: Column) -> exp.Expr:
    node: exp.Expr = exp.column(column.field, quoted=True)
    if column.default is not None:
        node = _or_default(column.field, column.default)
    if column.clip is None:
        return node
    return exp.Least(this=node, expressions=[_literal(column.clip)], ignore_nulls=True)


def _or_default(field: str, default: int) -> exp.Expr:
    return exp.func("COALESCE", exp.column(field, quoted=True), _literal(default))


def _literal(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _test(test: Test) -> exp.Expr:
    match test:
        case bool():
            return exp.true() if test else exp.false()
        case Compare(operator, left, right):
            return _binary(_COMPARISONS[operator], left, right)[0]
        case Join("and", left, right):
            return exp.and_(_test(left), _test(right))
        case Join(_, left, right):
            return exp.or_(_test(left), _test(right))


def _wrapped(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary | exp.Neg) else node
