"""Typeset: a formula for people, as a line of text and as LaTeX mathematics."""

from __future__ import annotations

from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.expression import (
    ADD,
    NEGATE,
    NOT,
    OR,
    Arithmetic,
    Choice,
    Comparison,
    Expression,
    Extreme,
    Logic,
    Name,
    Negation,
    Not,
    Number,
    binding,
    unparse,
)

_SIGNS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}
_WORDS = {"and": r"\land", "or": r"\lor"}
_TEXT_SIGNS = {"*": "×", "/": "÷", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}


def plain(expression: Expression) -> str:
    """One line of text with the signs of mathematics.

    >>> from tanpuhui.methodology.parse import parse
    >>> plain(parse("distance_m * factor"))
    'distance_m × factor'
    """
    text = unparse(expression)
    for written, shown in _TEXT_SIGNS.items():
        text = text.replace(f" {written} ", f" {shown} ")
    return text


def latex(expression: Expression) -> str:
    """LaTeX mathematics: quotients as fractions, choices as cases.

    >>> from tanpuhui.methodology.parse import parse
    >>> print(latex(parse("a / (b + 1)")))
    \\frac{\\mathrm{a}}{\\mathrm{b} + 1}
    """
    return _math(expression, OR)


def _math(expression: Expression, at_least: int) -> str:
    text = _bare(expression)
    enclosed = isinstance(expression, Arithmetic) and expression.operator == "/"
    if enclosed or binding(expression) >= at_least:
        return text
    return rf"\left({text}\right)"


def _bare(expression: Expression) -> str:
    match expression:
        case Number(value):
            return format_fraction(value)
        case Name(name):
            return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
        case Negation(operand):
            return f"-{_math(operand, NEGATE)}"
        case Not(operand):
            return rf"\lnot {_math(operand, NOT + 1)}"
        case Arithmetic("/", left, right):
            return rf"\frac{{{_math(left, OR)}}}{{{_math(right, OR)}}}"
        case Arithmetic(operator, left, right):
            sign, own = (r"\cdot" if operator == "*" else operator), binding(expression)
            return f"{_math(left, own)} {sign} {_math(right, own + 1)}"
        case Comparison(operator, left, right):
            return f"{_math(left, ADD)} {_SIGNS[operator]} {_math(right, ADD)}"
        case Logic(operator, left, right):
            own = binding(expression)
            return f"{_math(left, own)} {_WORDS[operator]} {_math(right, own + 1)}"
        case Extreme(which, operands):
            inner = ", ".join(_math(operand, OR) for operand in operands)
            return rf"\{which}\left({inner}\right)"
        case Choice():
            return rf"\begin{{cases}}{_cases(expression)}\end{{cases}}"


def _cases(choice: Choice) -> str:
    """The lines of a choice; a choice in the last branch goes on in the same brace."""
    first = rf"{_math(choice.then, OR)} & {_math(choice.condition, OR)} \\ "
    if isinstance(choice.otherwise, Choice):
        return first + _cases(choice.otherwise)
    return first + rf"{_math(choice.otherwise, OR)} & \text{{otherwise}}"


_TYPST_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "!="}


def typst(expression: Expression) -> str:
    """Typst mathematics, for pictures: quotients as fractions, choices as cases.

    >>> from tanpuhui.methodology.parse import parse
    >>> print(typst(parse("a * 2 / (b + 1)")))
    frac("a" dot 2, "b" + 1)
    """
    return _typst(expression, OR)


def _typst(expression: Expression, at_least: int) -> str:
    text = _typst_bare(expression)
    enclosed = isinstance(expression, Arithmetic) and expression.operator == "/"
    if enclosed or binding(expression) >= at_least:
        return text
    return f"({text})"


def _typst_bare(expression: Expression) -> str:
    match expression:
        case Number(value):
            return format_fraction(value).replace("/", " slash ")
        case Name(name):
            return f'"{name}"'
        case Negation(operand):
            return f"-{_typst(operand, NEGATE)}"
        case Not(operand):
            return f"not {_typst(operand, NOT + 1)}"
        case Arithmetic("/", left, right):
            return f"frac({_typst(left, OR)}, {_typst(right, OR)})"
        case Arithmetic(operator, left, right):
            sign, own = ("dot" if operator == "*" else operator), binding(expression)
            return f"{_typst(left, own)} {sign} {_typst(right, own + 1)}"
        case Comparison(operator, left, right):
            return f"{_typst(left, ADD)} {_TYPST_SIGNS[operator]} {_typst(right, ADD)}"
        case Logic(operator, left, right):
            own = binding(expression)
            return f"{_typst(left, own)} {operator} {_typst(right, own + 1)}"
        case Extreme(which, operands):
            inner = ", ".join(_typst(operand, OR) for operand in operands)
            return f"{which}({inner})"
        case Choice():
            return f"cases({_typst_cases(expression)})"


def _typst_cases(choice: Choice) -> str:
    first = f"{_typst(choice.then, OR)} & quad {_typst(choice.condition, OR)}, "
    if isinstance(choice.otherwise, Choice):
        return first + _typst_cases(choice.otherwise)
    return first + f'{_typst(choice.otherwise, OR)} & quad "otherwise"'
