"""Picture: SVG made on the server, kept by the digest of what it shows, and following the reader's light or dark."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.http import quote_etag
from django.views.decorators.http import condition

from tanpuhui.kit.digest import PREFIX, digest_json
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import home

#: Changes when pictures of the same content are to look otherwise.
LOOK = 6
INK, BAR, SOFT, LINE = "#17231e", "#0b6b53", "#51605a", "#d9dfd8"
#: What these colours are in the dark; the same as in page.css.
DARK = {INK: "#e8eeea", BAR: "#5cc7a4", SOFT: "#a9b8b0", LINE: "#2c3a33"}
YEAR_S = 365 * 24 * 3600


def kept(shows: object, make: Callable[[], str]) -> str:
    """The picture of something, made once; ``shows`` is everything that decides it."""
    name = digest_json([LOOK, shows]).removeprefix(PREFIX)
    path = home() / "cache" / "pictures" / f"{name}.svg"
    if not path.exists():
        write_bytes(path, in_both_lights(make()).encode())
    return path.read_text(encoding="utf-8")


def in_both_lights(svg: str) -> str:
    """Add what colours become in the dark, inside the picture, so that one file serves both."""
    rules = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in DARK.items()
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
    head, closed, rest = svg.partition(">")
    return f"{head}{closed}{style}{rest}"


def svg_response(request: HttpRequest, shows: object, make: Callable[[], str]) -> HttpResponse:
    """A picture as an answer that a browser may keep; its mark is the digest of what it shows."""
    mark = quote_etag(digest_json([LOOK, shows]).removeprefix(PREFIX)[:32])

    def draw(_request: HttpRequest) -> HttpResponse:
        answer = HttpResponse(kept(shows, make), content_type="image/svg+xml; charset=utf-8")
        answer["Cache-Control"] = f"public, max-age={YEAR_S if 'v' in request.GET else 3600}"
        return answer

    return condition(etag_func=lambda _request: mark)(draw)(request)
