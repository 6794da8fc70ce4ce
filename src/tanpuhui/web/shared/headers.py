"""Headers that no library sets: what the browser may use, and that pages of signed-in people are not kept.

When somebody signs out, the browser is told to forget what it kept of this site.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

#: Passkeys are used by our own pages; nothing else of the machine is.
PERMISSIONS = (
    "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), "
    "display-capture=(), geolocation=(), gyroscope=(), hid=(), interest-cohort=(), magnetometer=(), microphone=(), "
    "midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=(), "
    "publickey-credentials-get=(self), publickey-credentials-create=(self)"
)


class Headers:
    """Middleware around everything that makes pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.cookies and "no-store" not in response.headers.get("Cache-Control", ""):
            # Whatever the page says of itself: a cookie is never kept by anybody in between.
            response.headers["Cache-Control"] = "no-store, private"
        elif settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.headers.setdefault("Cache-Control", "no-store, private")
        ended = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if ended is not None and not ended.value:
            # A session that ran out clears no storage: a till keeps there what it took without a network (V14.3.1).
            is_leaving = request.path == reverse("account_logout")
            response.headers.setdefault("Clear-Site-Data", '"cache", "storage"' if is_leaving else '"cache"')
        return response
