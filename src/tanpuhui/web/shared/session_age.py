"""Session age: sessions begin with signing in, are used, and end when they are old or were left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tanpuhui.access import session
from tanpuhui.access.models import Membership, User
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.shared.browser import browser_of
from tanpuhui.web.shared.security_log import note


@receiver(user_logged_in)
def begin_with_signing_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Whoever acts for an organisation, or is of the staff, has short limits from the start."""
    acts = user.is_staff or Membership.objects.filter(user=user, ended_at__isnull=True).exists()
    browser = browser_of(request.headers.get("User-Agent", ""))
    session.begin(request.session, short=acts, browser=browser, at=utc_now())


class SessionAge:
    """Middleware after authentication: a session past its limits is over, and its user is nobody from here on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Public pages do not look at the session where there is no cookie of one.
        if request.session.session_key and request.user.is_authenticated:
            now = utc_now()
            if session.has_ended(request.session, at=now):
                note("session_over", request)
                logout(request)
            else:
                session.use(request.session, at=now)
        return self.get_response(request)
