"""Formula: the steps of a methodology typeset by typst; the line of text beside each says the same."""

from __future__ import annotations

from functools import partial

from tanpuhui.methodology.methodology import Methodology, Step
from tanpuhui.methodology.typeset import typst as mathematics
from tanpuhui.web.public.picture import INK

_PAGE = '#set page(width: auto, height: auto, margin: 3pt, fill: none)\n#set text(size: 15pt, fill: rgb("%s"))\n$ %s $'


def step_source(methodology: Methodology, step: Step) -> str:
    """One step as a typst document: its name, and how it is worked out."""
    del methodology
    return _PAGE % (INK, f'"{step.name}" = {mathematics(step.expression)}')


def drawn(source: str) -> str:
    """A typst document as SVG."""
    import typst

    svg = typst.compile(source.encode(), format="svg")
    assert isinstance(svg, bytes)
    return svg.decode()


def maker(source: str) -> partial[str]:
    return partial(drawn, source)
