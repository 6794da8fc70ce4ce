"""Typeset: a formula for people, as a line of text and as LaTeX mathematics."""

from __future__ import annotations

from collections.abc import Callable

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
    return plain_signs(unparse(expression))


def plain_signs(text: str) -> str:
    """A formula's text with the signs of mathematics in place of those that are typed.

    >>> plain_signs("a * b <= c")
    'a × b ≤ c'
    """
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


def typst(expression: Expression, show: Callable[[str], str] = str) -> str:
    """Mathematics for the typesetter typst: quotients as fractions, choices as cases; ``show`` words the names.

    How words look is the caller's: a function ``word`` must be there.

    >>> from tanpuhui.methodology.parse import parse
    >>> print(typst(parse("a / (b + 1)"), lambda name: f"the {name}"))
    (word("the a"))/(word("the b") + 1)
    """
    return _typst(expression, OR, show)


_TYPST_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "!="}
_TYPST_WORDS = {"and": "and", "or": "or"}


def _typst(expression: Expression, at_least: int, show: Callable[[str], str]) -> str:
    text = _typst_bare(expression, show)
    enclosed = isinstance(expression, Arithmetic) and expression.operator == "/"
    if enclosed or binding(expression) >= at_least:
        return text
    return f"lr(({text}))"


def _typst_bare(expression: Expression, show: Callable[[str], str]) -> str:
    match expression:
        case Number(value):
            return format_fraction(value)
        case Name(name):
            return _word(show(name))
        case Negation(operand):
            return f"-{_typst(operand, NEGATE, show)}"
        case Not(operand):
            return f"not {_typst(operand, NOT + 1, show)}"
        case Arithmetic("/", left, right):
            return f"({_typst(left, OR, show)})/({_typst(right, OR, show)})"
        case Arithmetic(operator, left, right):
            sign, own = ("times" if operator == "*" else operator), binding(expression)
            return f"{_typst(left, own, show)} {sign} {_typst(right, own + 1, show)}"
        case Comparison(operator, left, right):
            return f"{_typst(left, ADD, show)} {_TYPST_SIGNS[operator]} {_typst(right, ADD, show)}"
        case Logic(operator, left, right):
            own = binding(expression)
            return f"{_typst(left, own, show)} {_TYPST_WORDS[operator]} {_typst(right, own + 1, show)}"
        case Extreme(which, operands):
            return f"{which}({', '.join(_typst(operand, OR, show) for operand in operands)})"
        case Choice():
            return f"cases({_typst_cases(expression, show)})"


def _typst_cases(choice: Choice, show: Callable[[str], str]) -> str:
    first = f'{_typst(choice.then, OR, show)} &"  "{_typst(choice.condition, OR, show)}, '
    if isinstance(choice.otherwise, Choice):
        return first + _typst_cases(choice.otherwise, show)
    return first + f'{_typst(choice.otherwise, OR, show)} &"  "{_word(show("otherwise"))}'


def _word(text: str) -> str:
    return f"word({typst_string(text)})"


def typst_string(text: str) -> str:
    """Text as a string of typst.

    >>> print(typst_string('say "a"'))
    "say \\"a\\""
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
