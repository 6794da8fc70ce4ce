"""Views of going to the identity service and of coming back; where it does not answer, that is said."""

from __future__ import annotations

from typing import Any

import requests
from allauth.account.internal.decorators import login_not_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from tanpuhui.web.shared.access import has_shown_recently
from tanpuhui.web.sign_in.identity_service import ServiceAdapter


@login_not_required  # type: ignore[untyped-decorator]
def login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """To the service. Whoever adds it to how they sign in shows first who they are."""
    adds = request.GET.get("process") == "connect"
    if (
        adds
        and request.user.is_authenticated
        and request.method == "POST"
        and not has_shown_recently(request)
    ):
        raise ReauthenticationRequired
    return _answer(OAuth2LoginView, request, provider_id)


@login_not_required  # type: ignore[untyped-decorator]
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Back from the service."""
    return _answer(OAuth2CallbackView, request, provider_id)


def _answer(view: Any, request: HttpRequest, provider_id: str) -> HttpResponseBase:
    adapter = ServiceAdapter(request, provider_id)
    try:
        answer: HttpResponseBase = view.adapter_view(adapter)(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (OAuth2Error, requests.RequestException, ValueError, KeyError) as error:
        failed: HttpResponseBase = render_authentication_error(
            request, adapter.get_provider(), exception=error
        )
        return failed
    return answer
