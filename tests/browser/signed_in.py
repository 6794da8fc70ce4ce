"""Signed in: go on in a browser as one of the people of a test, without the steps of signing in."""

from __future__ import annotations

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from tanpuhui.access.models import User
from web.site import BACKEND


def sign_in(page: Page, user: User | None) -> None:
    """Go on as this user; the page must be one of the server's already."""
    assert user is not None
    client = Client()
    client.force_login(user, backend=BACKEND)
    name, origin = settings.SESSION_COOKIE_NAME, page.evaluate("location.origin")
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": origin}])
