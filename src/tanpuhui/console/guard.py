"""Guard: the console is for members of the operator; an auditor looks at everything and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from tanpuhui.access import audit
from tanpuhui.access.membership import memberships_of
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.second_factor import needs_second_factor
from tanpuhui.access.session import shorten

View = Callable[..., HttpResponseBase]


class ConsoleRequest(HttpRequest):
    """A request of somebody of the operator's staff. ``may_act``: not an auditor."""

    user: User
    membership: Membership
    organisation: Organisation
    may_act: bool


def console_page(view: View, *, acts: bool = False) -> View:
    """For the operator's staff with a second factor; with ``acts``, for those who may change something."""

    @never_cache
    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            return redirect_to_login(request.get_full_path())
        found = memberships_of(user, Organisation.OPERATOR) if user.is_staff else []
        if not found:
            raise PermissionDenied
        if needs_second_factor(user):
            return redirect("mfa_index")
        shorten(request.session)
        request.membership = next((one for one in found if one.role != Membership.AUDITOR), found[0])
        request.organisation = request.membership.organisation
        request.may_act = request.membership.role != Membership.AUDITOR
        if acts and not request.may_act:
            raise PermissionDenied
        return view(request, *arguments, **named)

    return guarded


def request_id(request: HttpRequest) -> str:
    """The number under which this request is in the log."""
    return str(request.META.get("REQUEST_ID", ""))


def record(
    request: ConsoleRequest,
    verb: str,
    *,
    at: datetime,
    object_kind: str = "",
    object_key: object = "",
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write down that somebody of the staff did something, in the transaction of what they did."""
    audit.record(
        verb,
        who=request.user,
        at=at,
        organisation=request.organisation,
        object_kind=object_kind,
        object_key=object_key,
        reason=reason,
        facts=facts,
        request_id=request_id(request),
    )
