"""Errors: pages for what went wrong, in the reader's language, with the request's id and never a trace.

Below ``/api/`` the API's own middleware says the same as problem+json.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from tanpuhui.web.shared.security_log import note

RETRY_AFTER_S = 60


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    note("bad_request", request, refused=True, why=type(exception).__name__ if exception else "bytes")
    return _page(
        request,
        400,
        _("This request could not be read"),
        _("Go back, check what you entered, and send it again."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    note("forbidden", request, refused=True)
    return _page(
        request,
        403,
        _("This page is not for your role"),
        _(
            "You are signed in, but not as somebody who may see it. Ask your administrator, or sign in otherwise."
        ),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(
        request,
        404,
        _("There is nothing at this address"),
        _("It may have been mistyped, or belong to somebody else. Start again from the home page."),
    )


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    note("too_many", request, refused=True)
    answer = _page(
        request,
        429,
        _("Too many attempts"),
        _("To keep accounts safe, attempts are slowed down. Wait a few minutes and try again."),
    )
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def too_long(request: HttpRequest, status: int) -> HttpResponse:
    """414 for an address, 431 for headers."""
    note("too_long", request, refused=True, status=status)
    return _page(
        request,
        status,
        _("This request is too long"),
        _("Go back, check what you entered, and send it again."),
    )


def not_allowed(request: HttpRequest, methods: Sequence[str]) -> HttpResponse:
    note("method_refused", request, refused=True)
    answer = _page(
        request,
        405,
        _("This request could not be read"),
        _("Go back, check what you entered, and send it again."),
    )
    answer["Allow"] = ", ".join(methods)
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    del reason
    note("csrf_refused", request, refused=True)
    return _page(
        request,
        403,
        _("This form was open for too long"),
        _(
            "Nothing was changed. Go back, load the page again and send it once more; cookies must be allowed."
        ),
    )


def our_fault(request: HttpRequest) -> HttpResponse:
    """Drawn without database or session, which may be what is broken."""
    title = _("Something went wrong on our side")
    text = _("Nothing you did is lost or half-done. Try again; if it stays, tell us the number below.")
    context = {"status": 500, "title": title, "text": text, **_frame(request)}
    return HttpResponse(render_to_string("shared/our_fault.html", context), status=500)


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context = {"status": status, "title": title, "text": text}
    return render(request, "shared/error.html", context, status=status)


def _frame(request: HttpRequest) -> dict[str, object]:
    from tanpuhui.web.shared.context import page

    return page(request)
