"""A refusal on a page: it says what to do there, and names no command of a terminal that the reader has not."""

from __future__ import annotations

import re
import string

import pytest
from django.utils import translation

from tanpuhui.kit.refusal import Refusal
from tanpuhui.market import refusals as market
from tanpuhui.market.refusals import NotAMember
from tanpuhui.money import refusals as money
from tanpuhui.offsetting import refusals as offsetting
from tanpuhui.points import refusals as points
from tanpuhui.pooling import refusals as pooling
from tanpuhui.web.shared.refused import text_of

MET_BY_RESIDENTS_AND_COMPANIES = [
    kind
    for stage in (market, money, offsetting, points, pooling)
    for kind in vars(stage).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]


@pytest.mark.parametrize("kind", MET_BY_RESIDENTS_AND_COMPANIES, ids=lambda kind: str(kind.code))
def test_a_page_names_no_command(kind: type[Refusal]) -> None:
    said = kind.on_page or kind.message

    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert not re.search(r"(?<![/\w])tanpuhui [a-z]", translation.gettext(said))
    assert _facts(said) <= _facts(kind.message)


def test_a_page_and_a_terminal_name_different_next_steps() -> None:
    refusal = NotAMember(organisation="acme")

    with translation.override("en"):
        assert text_of(refusal) == "acme may not trade here. Ask the operator to admit it."
    assert str(refusal).endswith("('tanpuhui market admit').")


def _facts(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}
