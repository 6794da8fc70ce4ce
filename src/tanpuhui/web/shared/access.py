"""Access: which pages need whom. Wrong role: 403. Somebody else's object: 404, as if there were none.

What changes how somebody signs in, or cannot be taken back, is ``shown_recently``: it asks again who they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from tanpuhui.access.hold import account_of
from tanpuhui.access.membership import memberships_of
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.second_factor import lacks_second_factor, needs_second_factor
from tanpuhui.access.session import shorten

View = Callable[..., HttpResponseBase]
M = TypeVar("M", bound=Model)


class ResidentRequest(HttpRequest):
    """A request of somebody with an account."""

    user: User
    account: int


class MemberRequest(HttpRequest):
    """A request of somebody who acts for an organisation."""

    user: User
    membership: Membership
    organisation: Organisation


def resident_page(view: View) -> View:
    """For whoever has an account, as ``request.account``; whoever has none yet is led to opening one."""

    @login_required
    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponseBase:
        account = account_of(request.user)
        if account is None:
            return redirect("open_account")
        if settings.SECOND_FACTOR_FOR_RESIDENTS and lacks_second_factor(request.user):
            return redirect("mfa_index")
        request.account = account
        return view(request, *arguments, **named)

    return guarded


def organisation_page(kind: str, *roles: str) -> Callable[[View], View]:
    """For members of an organisation of this kind, in one of these roles (or any).

    The address names the organisation as ``organisation`` (its code); the view gets it as
    ``request.organisation`` and the role as ``request.membership``. Whoever is in no organisation of this kind, or
    has none of the roles, gets 403; another organisation's code gets 404.
    """
    assert kind in dict(Organisation.KINDS), "one of the kinds"

    def guard(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: Any, organisation: str, *arguments: Any, **named: Any) -> HttpResponseBase:
            found = memberships_of(request.user, kind)
            if not found:
                raise PermissionDenied
            own = next((one for one in found if one.organisation.code == organisation), None)
            if own is None:
                raise Http404
            if own.role not in roles if roles else own.role in Membership.ONLY_WHERE_NAMED:
                raise PermissionDenied
            if needs_second_factor(request.user):
                return redirect("mfa_index")
            shorten(request.session)
            request.membership, request.organisation = own, own.organisation
            return view(request, *arguments, **named)

        return guarded

    return guard


def own_or_404(found: QuerySet[M], **wanted: Any) -> M:
    """The one object among one's own; anything else is not there."""
    one = found.filter(**wanted).first()
    if one is None:
        raise Http404
    return one


def shown_recently(view: View, *, methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})) -> View:
    """For whoever showed minutes ago who they are; others are asked again, and then get what they wanted."""
    from allauth.core.exceptions import ReauthenticationRequired

    @login_required
    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponseBase:
        if request.method in methods and not has_shown_recently(request):
            raise ReauthenticationRequired
        return view(request, *arguments, **named)

    return guarded


def has_shown_recently(request: HttpRequest) -> bool:
    """With a second factor: that it was shown again. Without one: that a code or the identity service was used."""
    from allauth.account import app_settings
    from allauth.account.internal.flows.login import get_authentication_records
    from allauth.account.internal.flows.reauthentication import (
        did_recently_reauthenticate,
        get_reauthentication_flows,
    )

    user = request.user
    assert isinstance(user, User)
    if get_reauthentication_flows(user):
        return bool(did_recently_reauthenticate(request))
    records = get_authentication_records(request, user)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
