"""Access: which pages need whom. Wrong role: 403. Somebody else's object: 404, as if there were none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from tanpuhui.access.hold import account_of
from tanpuhui.access.membership import memberships_of
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.second_factor import needs_second_factor

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
