"""Machines: what robots and researchers look for: robots.txt, a map of the pages, and whom to tell of a weakness."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from tanpuhui.registry.models import Lot
from tanpuhui.web.public.library import library

PAGES = (
    "home",
    "statistics",
    "methodologies",
    "lots",
    "look_up",
    "market",
    "open_data",
    "log",
    "rules",
    "glossary",
    "about",
    "privacy",
    "accessibility",
)
#: What nobody needs to find by a search engine.
CLOSED = (
    "/sign-in/",
    "/resident/",
    "/provider/",
    "/operator/",
    "/company/",
    "/merchant/",
    "/bank/",
    "/verifier/",
    "/demo/",
)
#: A statement of whom to tell is good for less than a year (RFC 9116, 2.5.5).
GOOD_FOR = timedelta(days=180)
MOST_ADDRESSES = 50_000


def robots(request: HttpRequest) -> HttpResponse:
    """Public pages may be found; nobody's own pages are looked for."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED)]
    lines += ["", f"Sitemap: {request.build_absolute_uri(reverse('sitemap'))}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page, each version of a methodology and each lot (sitemaps.org)."""
    addresses = [reverse(name) for name in PAGES]
    for one in library().all():
        place, _slash, name = one.code.partition("/")
        addresses.append(
            reverse("methodology", kwargs={"place": place, "name": name, "version": one.version})
        )
    lots = Lot.objects.order_by("-serial_first").values_list("code", flat=True)
    addresses += [reverse("lot", kwargs={"code": code}) for code in lots[: MOST_ADDRESSES - len(addresses)]]
    urls = "".join(f"<url><loc>{escape(request.build_absolute_uri(one))}</loc></url>" for one in addresses)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>\n'
    return HttpResponse(text, content_type="application/xml; charset=utf-8")


def security(request: HttpRequest) -> HttpResponse:
    """Whom to tell of a weakness (RFC 9116); not there while the installation has named nobody."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    expires = (timezone.now() + GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: zh, en",
        f"Canonical: {request.build_absolute_uri(reverse('security'))}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
