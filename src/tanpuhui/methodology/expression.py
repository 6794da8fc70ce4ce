"""Expression: the parsed formula, which both evaluators share, and its way back to text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from tanpuhui.kit.exact import format_fraction

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
ComparisonOperator: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]


def _position() -> int:
    """Where the node stands in its formula; two nodes are equal wherever they stand."""
    return field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: a decimal, never negative."""

    value: Fraction
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Name:
    """A field, a parameter, an earlier step, or ``field.value`` of an enumeration."""

    name: str
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Negation:
    """``-operand``."""

    operand: Expression
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right``."""

    operator: ArithmeticOperator
    left: Expression
    right: Expression
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Extreme:
    """``min(…)`` or ``max(…)`` of two or more."""

    which: Literal["min", "max"]
    operands: tuple[Expression, ...]
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Choice:
    """``if(condition, then, otherwise)``: only the branch that applies is worked out."""

    condition: Expression
    then: Expression
    otherwise: Expression
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition: ``left operator right``."""

    operator: ComparisonOperator
    left: Expression
    right: Expression
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Logic:
    """A condition: ``left and right``, ``left or right``; the right side may rely on the left one."""

    operator: Literal["and", "or"]
    left: Expression
    right: Expression
    at: int = _position()


@dataclass(frozen=True, slots=True)
class Not:
    """A condition: ``not operand``."""

    operand: Expression
    at: int = _position()


Expression: TypeAlias = Number | Name | Negation | Arithmetic | Extreme | Choice | Comparison | Logic | Not

OPPOSITE: dict[ComparisonOperator, ComparisonOperator] = {
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "==": "!=",
    "!=": "==",
}

OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE, ATOM = range(8)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly below one, in the order of the text."""
    match expression:
        case Number() | Name():
            return ()
        case Negation(operand) | Not(operand):
            return (operand,)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Logic(_, left, right):
            return (left, right)
        case Extreme(_, operands):
            return operands
        case Choice(condition, then, otherwise):
            return (condition, then, otherwise)


def names_in(expression: Expression) -> Iterator[Name]:
    """Every name of an expression, as often as it occurs, in the order of the text."""
    if isinstance(expression, Name):
        yield expression
    for child in children(expression):
        yield from names_in(child)


def is_condition(expression: Expression) -> bool:
    """Is it true or false, rather than a number?"""
    return isinstance(expression, Comparison | Logic | Not)


def unparse(expression: Expression, show: Callable[[str], str] = str) -> str:
    """The text of an expression, with as few parentheses as it needs; ``show`` writes the names.

    >>> unparse(Arithmetic("*", Name("a"), Arithmetic("+", Name("b"), Number(Fraction(1, 2)))))
    'a * (b + 0.5)'
    """
    return _text(expression, OR, show)


def _text(expression: Expression, at_least: int, show: Callable[[str], str]) -> str:
    text = _bare(expression, show)
    return text if binding(expression) >= at_least else f"({text})"


def binding(expression: Expression) -> int:
    """How tightly an expression holds together; a looser one needs parentheses inside a tighter one."""
    match expression:
        case Logic(operator):
            return OR if operator == "or" else AND
        case Not():
            return NOT
        case Comparison():
            return COMPARE
        case Arithmetic(operator):
            return ADD if operator in "+-" else MULTIPLY
        case Negation():
            return NEGATE
        case _:
            return ATOM


def _bare(expression: Expression, show: Callable[[str], str]) -> str:
    match expression:
        case Number(value):
            return format_fraction(value)
        case Name(name):
            return show(name)
        case Negation(operand):
            return f"-{_text(operand, NEGATE, show)}"
        case Not(operand):
            return f"not {_text(operand, NOT, show)}"
        case Comparison(operator, left, right):
            return f"{_text(left, ADD, show)} {operator} {_text(right, ADD, show)}"
        case Arithmetic(operator, left, right) | Logic(operator, left, right):
            own = binding(expression)
            return f"{_text(left, own, show)} {operator} {_text(right, own + 1, show)}"
        case Extreme(which, operands):
            return f"{which}({', '.join(_text(operand, OR, show) for operand in operands)})"
        case Choice(condition, then, otherwise):
            parts = (_text(part, OR, show) for part in (condition, then, otherwise))
            return f"if({', '.join(parts)})"
