"""Formula: the steps of a methodology typeset by typst; the line of text beside each says the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tanpuhui.methodology.methodology import Step
from tanpuhui.methodology.typeset import typst as mathematics
from tanpuhui.methodology.typeset import typst_string
from tanpuhui.web.public.picture import INK
from tanpuhui.web.shared.pdf import fonts

_PAGE = """\
#set page(width: auto, height: auto, margin: 3pt, fill: none)
#set text(size: 13pt, fill: rgb("{ink}"))
#let word(it) = text(font: "Noto Sans CJK SC", size: 11pt, it)
$ word({name}) = {formula} $
"""


def step_source(step: Step) -> str:
    """One step as a typst document: its name, and how it is worked out, in the names that factors and fields have."""
    formula = mathematics(step.expression)
    return _PAGE.format(ink=INK, name=typst_string(step.name), formula=formula)


def drawn(source: str) -> str:
    """A typst document as SVG."""
    import typst

    svg = typst.compile(source.encode(), font_paths=fonts(), format="svg")
    assert isinstance(svg, bytes)
    return svg.decode()


def maker(source: str) -> Callable[[], str]:
    """Draws it when it is wanted."""
    return partial(drawn, source)
