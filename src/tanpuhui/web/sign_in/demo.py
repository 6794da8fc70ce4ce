"""Demo: sign in as one of the invented people of a demonstration, without proof. Never there in production."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from tanpuhui.access.demo import ROLES, address_of
from tanpuhui.access.models import User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def sign_in(request: HttpRequest, role: str) -> HttpResponseBase:
    """Sign in as a kind of user, and go to their home."""
    assert settings.DEMO, "the address of this view is there in a demonstration only"
    user = User.objects.filter(email=address_of(role), is_active=True).first() if role in ROLES else None
    if user is None:
        raise Http404
    record_authentication(request, user, method="demo")
    login(request, user, backend=BACKEND)
    return redirect("home_of_user")
