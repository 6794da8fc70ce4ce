"""Credentials: the issuer's keys and status lists as files, and how anybody checks a credential without us."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from tanpuhui.consent.policy import policy
from tanpuhui.transparency.credentials.status_list import MEDIA_TYPE
from tanpuhui.transparency.issuer import list_uri, lists, metadata_text

FOR_A_WHILE = "public, max-age=60"


def page(request: HttpRequest) -> HttpResponse:
    """What a credential is, and the three files with which one is checked."""
    origin = policy().origin
    published = sorted(int(one.name) for one in lists().glob("*") if one.name.isdecimal())
    context = {"origin": origin, "lists": [(number, list_uri(origin, number)) for number in published]}
    return render(request, "public/credentials.html", context)


def issuer(request: HttpRequest) -> HttpResponse:
    """The issuer's keys (SD-JWT VC, JWT VC Issuer Metadata)."""
    del request
    return _said(metadata_text(policy().origin).encode(), "application/json")


def status_list(request: HttpRequest, number: int) -> HttpResponse:
    """A status list as it was published last (draft-ietf-oauth-status-list); a stale one says so itself."""
    del request
    try:
        content = (lists() / str(number)).read_bytes()
    except FileNotFoundError:
        raise Http404 from None
    return _said(content, MEDIA_TYPE)


def _said(content: bytes, kind: str) -> HttpResponse:
    """For programs of any site: a wallet or a verifier in somebody's browser asks for these."""
    headers = {
        "Cache-Control": FOR_A_WHILE,
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return HttpResponse(content, content_type=kind, headers=headers)
