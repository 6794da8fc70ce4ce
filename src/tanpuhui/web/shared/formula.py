"""Formula: a step of a methodology as a drawing for people, typeset once for each language and kept by its digest."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext, override

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import home
from tanpuhui.methodology.expression import names_in, unparse
from tanpuhui.methodology.methodology import Methodology, Step
from tanpuhui.methodology.typeset import plain_signs, typst, typst_string

#: Words in the font that comes with the installation, signs in a font of mathematics.
HEAD = """\
#set page(width: auto, height: auto, margin: 2pt, fill: none)
#set text(font: "Noto Sans CJK SC", size: 10.5pt)
#set par(leading: 0.8em)
#show math.equation: set text(font: ("New Computer Modern Math", "Noto Sans CJK SC"))
#show math.equation: set align(start)
#let word(it) = text(font: "Noto Sans CJK SC", size: 10.5pt, it)
"""
#: A product goes on in the next line where a phone's width ends; fractions and cases stand as they are.
IN_LINES = (
    HEAD
    + """\
#let formula = ${formula}$
#let words = ({words})
#context {{
  let widest = calc.max(250pt, ..words.map(it => measure(word(it)).width + 16pt))
  box(width: calc.min(measure(formula).width, widest), formula)
}}
"""
)
AS_IT_IS = HEAD + "$ {formula} $\n"
FOREVER_S = 31_536_000


def formula(request: HttpRequest, key: str, step: str, language: str, digest: str) -> HttpResponse:
    """A formula as SVG. The address holds the methodology's digest, so that it may be kept for good."""
    del request
    methodology = find_methodology(key)
    if methodology is None or short(methodology.digest) != digest or language not in ("zh", "en"):
        raise Http404
    found = next((one for one in methodology.steps if one.name == step), None)
    if found is None:
        raise Http404
    response = HttpResponse(
        gzip.decompress(drawing(methodology, found, language)), content_type="image/svg+xml; charset=utf-8"
    )
    response["Cache-Control"] = f"public, max-age={FOREVER_S}, immutable"
    return response


def short(digest: str) -> str:
    """Enough of a digest for an address."""
    return digest.rpartition(":")[2][:16]


def titles(methodology: Methodology, language: str) -> dict[str, str]:
    """What the names in a methodology's formulas are called in a language (``zh`` or ``en``)."""
    named = {
        **{name: field.title for name, field in methodology.fields.items()},
        **{name: parameter.title for name, parameter in methodology.parameters.items()},
        **{step.name: step.title for step in methodology.steps},
    }
    return {name: getattr(title, language) for name, title in named.items()}


def spoken(methodology: Methodology, step: Step, language: str) -> str:
    """A formula as one line of text, for whoever does not see the drawing."""
    known = titles(methodology, language)
    return plain_signs(unparse(step.expression, lambda name: known.get(name, name)))


def drawing(methodology: Methodology, step: Step, language: str) -> bytes:
    """The drawing, compressed; made once and kept in this installation's home."""
    known = titles(methodology, language)
    with override("zh-hans" if language == "zh" else "en"):
        known["otherwise"] = gettext("otherwise")
    text = typst(step.expression, lambda name: known.get(name, name))
    page = AS_IT_IS if ")/(" in text or "cases(" in text else IN_LINES
    words = "".join(
        f"{typst_string(known.get(name.name, name.name))}, " for name in names_in(step.expression)
    )
    source = page.format(formula=text, words=words)
    path = _folder() / f"{digest_json({'source': source}).rpartition(':')[2]}.svg.gz"
    if path.exists():
        return path.read_bytes()
    content = gzip.compress(_typeset(source), mtime=0)
    write_bytes(path, content)
    return content


def _folder() -> Path:
    return home() / "drawings"


@lru_cache(maxsize=1)
def fonts() -> list[Any]:
    """Where the Chinese font is that comes with the installation."""
    import noto_cjk_sans_otc

    return [str(Path(noto_cjk_sans_otc.__file__).parent)]


def _typeset(source: str) -> bytes:
    import typst as typesetter

    drawn: Any = typesetter.compile(
        source.encode(), format="svg", font_paths=fonts(), ignore_system_fonts=True
    )
    assert isinstance(drawn, bytes), "a formula is one page"
    return drawn
