"""Methodologies as pages: a list, one page a version for good, its formulas as pictures, and a calculator."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from tanpuhui.kit.exact import format_fraction
from tanpuhui.methodology.describe import description
from tanpuhui.methodology.methodology import FOREVER, STATUSES, Methodology
from tanpuhui.methodology.typeset import plain
from tanpuhui.web.public.calculator import Calculator
from tanpuhui.web.public.library import examples_of, library, methodology_or_404, said, versions_of
from tanpuhui.web.public.names import kind_name, sector_name
from tanpuhui.web.public.rules import here
from tanpuhui.web.public.text import in_language, rendered

FILES = ("README.md", "methodology.toml", "examples.toml")


def all_of_them(request: HttpRequest) -> HttpResponse:
    """Every methodology, the latest version of each, by sector."""
    language = request.LANGUAGE_CODE or ""
    used = {scene.methodology for scene in here().scenes}
    newest = {one.code: one for one in library().all()}
    rows = [
        {
            "methodology": one,
            "title": said(one.title, language),
            "summary": said(one.summary, language),
            "kind": kind_name(one.kind),
            "sector": sector_name(one.scope.partition(".")[0]),
            "status": weakest(one),
            "is_used": one.code in used,
        }
        for one in newest.values()
    ]
    rows.sort(key=lambda row: (not row["is_used"], str(row["sector"]), str(row["title"])))
    counts = [(status, sum(row["status"] == status for row in rows)) for status in STATUSES]
    context = {"rows": rows, "counts": [one for one in counts if one[1]], "jurisdiction": here()}
    return render(request, "public/methodologies.html", context)


def newest(request: HttpRequest, place: str, name: str) -> HttpResponseBase:
    """The latest version; every version keeps an address of its own."""
    del request
    found = methodology_or_404(f"{place}/{name}")
    return redirect("methodology", place=place, name=name, version=found.version)


def one(request: HttpRequest, place: str, name: str, version: int) -> HttpResponse:
    """One version: what it says, its numbers and where they are from, and a calculator."""
    methodology = methodology_or_404(f"{place}/{name}", version)
    language = request.LANGUAGE_CODE or ""
    readme = (methodology.folder / "README.md").read_text(encoding="utf-8")
    today = timezone.localdate()
    calculator = Calculator(
        methodology, language, today, request.GET if _asks(request, methodology) else None
    )
    answer = calculator.answer()
    later = [other for other in versions_of(methodology.code) if other.version > version]
    context = {
        "methodology": methodology,
        "place": place,
        "name": name,
        "title": said(methodology.title, language),
        "summary": said(methodology.summary, language),
        "kind": kind_name(methodology.kind),
        "status": weakest(methodology),
        "superseded_by": later[-1] if later else None,
        "versions": versions_of(methodology.code),
        "text": rendered(in_language(readme, language)),
        "fields": [{"field": one, "title": said(one.title, language)} for one in methodology.fields.values()],
        "steps": [
            {"step": step, "title": said(step.title, language), "text": plain(step.expression)}
            for step in methodology.steps
        ],
        "factors": factors(methodology, language),
        "clauses": [
            {
                "clause": clause,
                "text": said(clause.text, language),
                "is_exclusion": clause in methodology.exclusions,
            }
            for clause in methodology.clauses
        ],
        "examples": [_example(case) for case in examples_of(methodology)],
        "files": FILES,
        "calculator": calculator,
        "answer": answer,
    }
    status = 422 if calculator.is_bound and answer is None else 200
    return render(request, "public/methodology.html", context, status=status)


def factors(methodology: Methodology, language: str) -> list[dict[str, Any]]:
    """Every value of every parameter, with whether it is in force and due for review."""
    today = timezone.localdate()
    return [
        {
            "parameter": parameter,
            "title": said(parameter.title, language),
            "value": value,
            "number": format_fraction(value.value),
            "last_day": None if value.valid_to == FOREVER else value.valid_to,
            "is_stale": value.review_by < today <= value.valid_to,
        }
        for parameter in methodology.parameters.values()
        for value in parameter.values
    ]


def file(request: HttpRequest, place: str, name: str, version: int, file: str) -> HttpResponse:
    """One of the files that the digest is of, as it is."""
    del request
    methodology = methodology_or_404(f"{place}/{name}", version)
    if file not in FILES:
        raise Http404
    return HttpResponse((methodology.folder / file).read_bytes(), content_type="text/plain; charset=utf-8")


def as_json(request: HttpRequest, place: str, name: str, version: int) -> HttpResponse:
    """Everything but the text, for programs."""
    del request
    methodology = methodology_or_404(f"{place}/{name}", version)
    return JsonResponse(description(methodology), json_dumps_params={"ensure_ascii": False})


def weakest(methodology: Methodology) -> str:
    """The weakest status among the document and the numbers in its latest period."""
    return methodology.weakest_status(methodology.periods[-1].valid_from)


def _asks(request: HttpRequest, methodology: Methodology) -> bool:
    return any(name in request.GET for name in ("day", *methodology.fields))


def _example(case: Any) -> dict[str, Any]:
    return {
        "name": case["name"],
        "source": case["source"],
        "activity": ", ".join(f"{name} = {value}" for name, value in case["activity"].items()),
        "on": case.get("on"),
        "expected_mg": case.get("expected_mg"),
        "expected_points": case.get("expected_points"),
        "excluded_by": case.get("excluded_by"),
    }
