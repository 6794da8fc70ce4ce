"""Homes: where each kind of user begins."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from tanpuhui.access.hold import account_of
from tanpuhui.access.membership import memberships_of
from tanpuhui.access.models import Membership, Organisation, User

#: The name of the home of each kind of organisation; each takes the organisation's code.
HOME_OF = {
    Organisation.OPERATOR: "operator:home",
    Organisation.PROVIDER: "provider:home",
    Organisation.COMPANY: "company:home",
    Organisation.MERCHANT: "merchant:home",
    Organisation.BANK: "bank:home",
    Organisation.VERIFIER: "verifier:home",
}


def home_address(membership: Membership) -> str:
    """Where a member of an organisation begins."""
    organisation = membership.organisation
    at_counter = membership.role == Membership.COUNTER
    name = "counter:home" if at_counter else HOME_OF[organisation.kind]
    return reverse(name, kwargs={"organisation": organisation.code})


@login_required
def home_of_user(request: HttpRequest) -> HttpResponseBase:
    """After signing in: the one place that is somebody's home, or a choice among several."""
    assert isinstance(request.user, User)
    has_account = account_of(request.user) is not None
    found = [one for kind, _ in Organisation.KINDS for one in memberships_of(request.user, kind)]
    if not found:
        return redirect("resident:home" if has_account else "open_account")
    if len(found) == 1 and not has_account:
        return redirect(home_address(found[0]))
    return _choice(request, found, has_account=has_account)


def homes_of(kind: str) -> Callable[[HttpRequest], HttpResponseBase]:
    """A view for members of one kind of organisation: the way to the only one, or a choice."""

    @login_required
    def view(request: HttpRequest) -> HttpResponseBase:
        assert isinstance(request.user, User)
        found = memberships_of(request.user, kind)
        if not found:
            raise PermissionDenied
        if len(found) == 1:
            return redirect(home_address(found[0]))
        return _choice(request, found, has_account=False)

    return view


def _choice(request: HttpRequest, found: list[Membership], *, has_account: bool) -> HttpResponse:
    homes = [
        {
            "name": one.organisation.name(request.LANGUAGE_CODE or ""),
            "kind": one.organisation.get_kind_display(),
            "role": one.get_role_display(),
            "address": home_address(one),
        }
        for one in found
    ]
    return render(request, "shared/choose_home.html", {"homes": homes, "has_account": has_account})
