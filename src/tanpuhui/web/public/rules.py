"""Rules: jurisdictions as pages, and whose rules apply here."""

from __future__ import annotations

from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.home import content
from tanpuhui.quantify.jurisdiction import Jurisdiction, UnknownJurisdiction, load_jurisdiction
from tanpuhui.web.public.library import library


def here() -> Jurisdiction:
    """The rules of this installation."""
    return jurisdiction()


def all_rules(request: HttpRequest) -> HttpResponse:
    """Every jurisdiction that this installation knows."""
    every = [rules_of(path.stem) for path in sorted(content("jurisdictions").glob("*.toml"))]
    return render(request, "public/rules.html", {"jurisdictions": every, "here": here()})


def one(request: HttpRequest, code: str) -> HttpResponse:
    """The rules of one place."""
    found = rules_of(code)
    known = {methodology.code for methodology in library().all()}
    context = {"rules": found, "is_here": found.code == here().code, "known": known}
    return render(request, "public/jurisdiction.html", context)


def file(request: HttpRequest, code: str) -> HttpResponse:
    """The file itself, as it goes into manifests by digest."""
    del request
    rules_of(code)
    text = (content("jurisdictions") / f"{code}.toml").read_bytes()
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def rules_of(code: str) -> Jurisdiction:
    try:
        return _rules(code)
    except UnknownJurisdiction:
        raise Http404 from None


@lru_cache(maxsize=64)
def _rules(code: str) -> Jurisdiction:
    return load_jurisdiction(code)
