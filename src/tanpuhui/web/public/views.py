"""Views for everybody: the first page, and pages of text."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.access.demo import ROLES
from tanpuhui.consent.policy import policy
from tanpuhui.registry.monthly import latest
from tanpuhui.web.public.example import first_example
from tanpuhui.web.public.figures import figures
from tanpuhui.web.public.glossary import words
from tanpuhui.web.public.names import month_name
from tanpuhui.web.public.rules import here


def home(request: HttpRequest) -> HttpResponse:
    """What this is, what it has done so far, how a gram is counted, and where to go on."""
    table = latest()
    context = {
        "figures": figures(),
        "table": table,
        "month_name": month_name(table.month) if table else "",
        "example": first_example(),
        "jurisdiction": here(),
        "demo_roles": ROLES if settings.DEMO else (),
    }
    return render(request, "public/home.html", context)


def about(request: HttpRequest) -> HttpResponse:
    """What the platform is and who runs it."""
    return render(
        request, "public/about.html", {"platform": policy().parties["platform"], "jurisdiction": here()}
    )


def privacy(request: HttpRequest) -> HttpResponse:
    """What is processed about whom, for what, and which rights there are: from the policy of consent itself."""
    rules = policy()
    context = {"policy": rules, "platform": rules.parties["platform"], "purposes": rules.purposes.values()}
    return render(request, "public/privacy.html", context)


def accessibility(request: HttpRequest) -> HttpResponse:
    """How far these pages can be used by everybody, how that was tested, and whom to tell."""
    return render(request, "public/accessibility.html", {"platform": policy().parties["platform"]})


def glossary(request: HttpRequest) -> HttpResponse:
    """The words of the platform, one for each thing."""
    language = request.LANGUAGE_CODE or ""
    rows = [{"word": word, "meaning": word.meaning(language)} for word in words()]
    return render(request, "public/glossary.html", {"rows": rows})
