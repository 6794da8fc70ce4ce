"""The formula language: what it binds, what it refuses, and where it says so."""

from __future__ import annotations

import time

import pytest

from tanpuhui.methodology.expression import unparse
from tanpuhui.methodology.parse import parse
from tanpuhui.methodology.refusals import FormulaSyntax
from tanpuhui.methodology.typeset import latex, plain


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("a+b*c", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-b-c", "a - b - c"),
        ("a-(b-c)", "a - (b - c)"),
        ("a/b/c", "a / b / c"),
        ("a/(b/c)", "a / (b / c)"),
        ("-a*b", "-a * b"),
        ("-(a*b)", "-(a * b)"),
        ("--a", "--a"),
        ("((a))", "a"),
        ("min(a,b , 1.50)", "min(a, b, 1.5)"),
        ("if(a<b and not c==d or e!=1,a,b)", "if(a < b and not c == d or e != 1, a, b)"),
        ("if((a<b or c>=d) and e<=f,0,1)", "if((a < b or c >= d) and e <= f, 0, 1)"),
        ("mode == mode.rail", "mode == mode.rail"),
    ],
)
def test_text_comes_back_with_as_few_parentheses_as_it_needs(written: str, canonical: str) -> None:
    assert unparse(parse(written)) == canonical
    assert parse(canonical) == parse(written)


@pytest.mark.parametrize(
    ("formula", "column", "part"),
    [
        ("", 1, "found the end"),
        ("a +", 4, "found the end"),
        ("a b", 3, "found 'b'"),
        ("2a", 2, "found 'a'"),
        ("a + ;", 5, "';' is not part"),
        ("a ** b", 4, "found '*'"),
        ("(a", 3, "expected ')'"),
        ("a)", 2, "found ')'"),
        ("1e5", 2, "found 'e5'"),
        ("1.", 2, "'.' is not part"),
        ("A", 1, "'A' is not part"),
        ("__import__('os')", 1, "'_' is not part"),
        ("min(a)", 1, "two or more"),
        ("if(a < b, c)", 1, "a condition and two values"),
        ("if(a, b, c)", 1, "takes a condition"),
        ("a < b < c", 7, "do not chain"),
        ("a + (b < c)", 3, "takes a number"),
        ("not a", 1, "takes a condition"),
        ("a and b", 3, "takes a condition"),
        ("min", 4, "expected '('"),
        ("max(a, b > c)", 1, "takes a number"),
        ("距离", 1, "not part"),
        ("١ + a", 1, "not part"),
    ],
)
def test_a_formula_that_is_none_is_refused_where_it_goes_wrong(formula: str, column: int, part: str) -> None:
    with pytest.raises(FormulaSyntax, match="here") as refused:
        parse(formula, "here")

    assert refused.value.facts["column"] == column
    assert part in refused.value.facts["problem"]


@pytest.mark.parametrize(
    "formula",
    [
        "(" * 300 + "a" + ")" * 300,
        "-" * 500 + "a",
        "a" + "+a" * 400,
        "not " * 200 + "a < b",
        "a" * 1001,
        "9" * 41,
    ],
)
def test_length_and_depth_are_limited(formula: str) -> None:
    started = time.perf_counter()

    with pytest.raises(FormulaSyntax):
        parse(formula)

    assert time.perf_counter() - started < 1


def test_sixty_sums_in_a_row_are_not_too_deep() -> None:
    assert unparse(parse("a" + "+a" * 60)).count("a") == 61


def test_formulas_are_typeset_as_text_and_as_latex() -> None:
    formula = parse("if(n >= 2, a * (b - c) / n, if(n != 0, -a, 0))")

    assert plain(formula) == "if(n ≥ 2, a × (b − c) ÷ n, if(n ≠ 0, -a, 0))"
    assert latex(formula) == (
        r"\begin{cases}\frac{\mathrm{a} \cdot \left(\mathrm{b} - \mathrm{c}\right)}{\mathrm{n}} "
        r"& \mathrm{n} \ge 2 \\ -\mathrm{a} & \mathrm{n} \ne 0 \\ 0 & \text{otherwise}\end{cases}"
    )
    assert latex(parse("distance_m")) == r"\mathrm{distance\_m}"
