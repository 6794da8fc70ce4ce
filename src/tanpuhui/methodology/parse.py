"""Parse: a formula's text becomes an expression, or is refused with the place where it goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn, cast

from tanpuhui.methodology.expression import (
    Arithmetic,
    ArithmeticOperator,
    Choice,
    Comparison,
    ComparisonOperator,
    Expression,
    Extreme,
    Logic,
    Name,
    Negation,
    Not,
    Number,
    children,
    is_condition,
)
from tanpuhui.methodology.refusals import FormulaSyntax

MAX_LENGTH = 1_000
MAX_DEPTH = 64
MAX_DIGITS = 40
RESERVED = frozenset({"min", "max", "if", "and", "or", "not"})

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)"
    r"|(?P<symbol><=|>=|==|!=|[-+*/(),<>]))",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula; ``kind`` is number, name, symbol or end."""

    kind: str
    text: str
    at: int


def parse(formula: str, where: str = "formula") -> Expression:
    """Parse a formula; ``where`` names the file and key for the refusal.

    >>> from tanpuhui.methodology.expression import unparse
    >>> unparse(parse("(a+b)*c"))
    '(a + b) * c'
    """
    return Parser(formula, where).whole()


class Parser:
    """Recursive descent over the tokens of one formula; depth and length are limited, so it always ends."""

    def __init__(self, formula: str, where: str) -> None:
        self.formula = formula
        self.where = where
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0

    def whole(self) -> Expression:
        expression = self._either()
        if self._here.kind != "end":
            self._refuse(f"expected an operator or the end, found {self._here.text!r}", self._here.at)
        self._limit_height(expression)
        return expression

    # The grammar, loosest binding first.

    def _either(self) -> Expression:
        self._enter()
        left = self._both()
        while token := self._take("or"):
            left = Logic("or", self._truth(left, token), self._truth(self._both(), token), at=token.at)
        self.depth -= 1
        return left

    def _both(self) -> Expression:
        left = self._negated()
        while token := self._take("and"):
            left = Logic("and", self._truth(left, token), self._truth(self._negated(), token), at=token.at)
        return left

    def _negated(self) -> Expression:
        if token := self._take("not"):
            self._enter()
            operand = self._truth(self._negated(), token)
            self.depth -= 1
            return Not(operand, at=token.at)
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        if not (token := self._take("<", "<=", ">", ">=", "==", "!=")):
            return left
        right = self._sum()
        if again := self._take("<", "<=", ">", ">=", "==", "!="):
            self._refuse("comparisons do not chain: join two of them with and", again.at)
        operator = cast(ComparisonOperator, token.text)
        return Comparison(operator, self._value(left, token), self._value(right, token), at=token.at)

    def _sum(self) -> Expression:
        left = self._product()
        while token := self._take("+", "-"):
            left = self._arithmetic(token, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while token := self._take("*", "/"):
            left = self._arithmetic(token, left, self._signed())
        return left

    def _signed(self) -> Expression:
        if token := self._take("-"):
            self._enter()
            operand = self._value(self._signed(), token)
            self.depth -= 1
            return Negation(operand, at=token.at)
        return self._atom()

    def _atom(self) -> Expression:  # noqa: RET503 (the last line never returns)
        token = self._here
        self.next += 1
        if token.kind == "number":
            return self._number(token)
        if token.text == "(":
            inner = self._either()
            self._expect(")")
            return inner
        if token.text in ("min", "max", "if"):
            return self._call(token)
        if token.kind == "name" and token.text not in RESERVED:
            return Name(token.text, at=token.at)
        found = "the end" if token.kind == "end" else repr(token.text)
        self._refuse(f"expected a number, a name or '(', found {found}", token.at)

    def _call(self, token: Token) -> Expression:
        self._expect("(")
        operands = [self._either()]
        while self._take(","):
            operands.append(self._either())
        self._expect(")")
        if token.text == "if":
            return self._choice(token, operands)
        if len(operands) < 2:
            self._refuse(f"{token.text} takes two or more values", token.at)
        checked = tuple(self._value(operand, token) for operand in operands)
        return Extreme("min" if token.text == "min" else "max", checked, at=token.at)

    def _choice(self, token: Token, operands: list[Expression]) -> Expression:
        if len(operands) != 3:
            self._refuse("if takes a condition and two values", token.at)
        condition, then, otherwise = operands
        return Choice(
            self._truth(condition, token),
            self._value(then, token),
            self._value(otherwise, token),
            at=token.at,
        )

    def _arithmetic(self, token: Token, left: Expression, right: Expression) -> Expression:
        operator = cast(ArithmeticOperator, token.text)
        return Arithmetic(operator, self._value(left, token), self._value(right, token), at=token.at)

    def _number(self, token: Token) -> Expression:
        if len(token.text) > MAX_DIGITS:
            self._refuse(f"a number has at most {MAX_DIGITS} characters", token.at)
        return Number(Fraction(token.text), at=token.at)

    # What the grammar leans on.

    @property
    def _here(self) -> Token:
        return self.tokens[self.next]

    def _take(self, *texts: str) -> Token | None:
        token = self._here
        if token.text not in texts or token.kind == "end":
            return None
        self.next += 1
        return token

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            found = "the end" if self._here.kind == "end" else repr(self._here.text)
            self._refuse(f"expected {text!r}, found {found}", self._here.at)

    def _truth(self, expression: Expression, token: Token) -> Expression:
        if not is_condition(expression):
            self._refuse(f"{token.text!r} takes a condition here, not a number", token.at)
        return expression

    def _value(self, expression: Expression, token: Token) -> Expression:
        if is_condition(expression):
            self._refuse(f"{token.text!r} takes a number here, not a condition", token.at)
        return expression

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} levels deep", self._here.at)

    def _limit_height(self, expression: Expression) -> None:
        """Chains such as a + a + … nest to the left: without a limit, as deep as they are long."""
        level, height = [expression], 0
        while level:
            height += 1
            level = [child for parent in level for child in children(parent)]
        if height > MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} levels deep (split it into steps)", 0)

    def _tokens(self) -> list[Token]:
        if len(self.formula) > MAX_LENGTH:
            self._refuse(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
        tokens, at, end = [], 0, len(self.formula.rstrip())
        while at < end:
            match = _TOKEN.match(self.formula, at)
            if match is None:
                start = at + len(self.formula[at:]) - len(self.formula[at:].lstrip())
                self._refuse(f"{self.formula[start]!r} is not part of the language", start)
            assert match.lastgroup is not None
            tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        return [*tokens, Token("end", "", end)]

    def _refuse(self, problem: str, at: int) -> NoReturn:
        raise FormulaSyntax(where=self.where, problem=problem, column=at + 1, formula=self.formula)
