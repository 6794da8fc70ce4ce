"""Views of opening an account and of how one signs in; the rest of signing in is allauth's."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from tanpuhui.access import session
from tanpuhui.access.audit import record
from tanpuhui.access.hold import account_of
from tanpuhui.access.models import User
from tanpuhui.consent.age import ZONE
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.shared.access import ResidentRequest, resident_page, shown_recently
from tanpuhui.web.shared.browser import shown
from tanpuhui.web.shared.forms import FormPage
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.security_log import note
from tanpuhui.web.sign_in.forms import OpenAccountForm
from tanpuhui.web.sign_in.guardian import code_for
from tanpuhui.web.sign_in.open_account import open_for


@method_decorator(login_required, name="dispatch")
class OpenAccount(FormPage):
    """The last step of signing up as a resident."""

    form_class = OpenAccountForm
    template_name = "sign_in/open_account.html"
    success_url = reverse_lazy("resident:home")

    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        assert isinstance(request.user, User)
        if account_of(request.user) is not None:
            return redirect("resident:home")
        return super().dispatch(request, *arguments, **named)

    def do(self, form: OpenAccountForm) -> None:
        assert isinstance(self.request.user, User)
        open_for(
            self.request.user,
            birth_on=form.cleaned_data["birth_on"],
            guardian_code=form.cleaned_data["guardian_code"],
            at=utc_now(),
            zone=ZONE,
            request_id=current(),
        )
        messages.success(
            self.request, _("Your account is open. Connect a first source, and your acts begin to count.")
        )


open_account = OpenAccount.as_view()


@login_required
def settings(request: HttpRequest) -> HttpResponse:
    """How this user signs in: address, passkeys, authenticator app, identity service."""
    assert isinstance(request.user, User)
    found = {one.type: one for one in Authenticator.objects.filter(user=request.user)}
    context = {
        "addresses": EmailAddress.objects.filter(user=request.user).order_by("-primary", "pk"),
        "passkeys": Authenticator.objects.filter(user=request.user, type=Authenticator.Type.WEBAUTHN).count(),
        "has_app": Authenticator.Type.TOTP in found,
        "has_codes": Authenticator.Type.RECOVERY_CODES in found,
        "has_account": account_of(request.user) is not None,
        "services": SocialAccount.objects.filter(user=request.user).count(),
        "browsers": len(session.present(request.user, at=utc_now())),
    }
    return render(request, "sign_in/settings.html", context)


@login_required
def browsers(request: HttpRequest) -> HttpResponse:
    """Where this user is signed in; any other of these sessions, or all of them, can be ended."""
    assert isinstance(request.user, User)
    here = session.digest_of(request.session.session_key or "")
    if request.method == "POST":
        answer = end_sessions(request)
        assert isinstance(answer, HttpResponse)
        return answer
    found = [
        {
            "name": one.session_key,
            "browser": shown(one.browser),
            "began_at": one.began_at,
            "seen_at": one.seen_at,
            "is_this": one.session_key == here,
        }
        for one in session.present(request.user, at=utc_now())
    ]
    found.sort(key=lambda one: not one["is_this"])
    return render(request, "sign_in/browsers.html", {"browsers": found})


def _end_sessions(request: HttpRequest) -> HttpResponse:
    """End one session, or all but this one."""
    assert isinstance(request.user, User)
    name = request.POST.get("end", "")
    with transaction.atomic():
        if name == "others":
            ended = session.end_others(request.user, request.session.session_key)
        else:
            ended = session.end(request.user, name)
            if not ended:
                raise Http404
        facts: dict[str, Any] = {"sessions_ended": ended}
        record(
            "end_sessions",
            who=request.user,
            at=utc_now(),
            object_kind="user",
            object_key=request.user.pk,
            facts=facts,
            request_id=current(),
        )
    note("sessions_ended", request, **facts)
    return redirect("signed_in_browsers")


end_sessions = shown_recently(_end_sessions)


@resident_page
def guardian_code(request: HttpRequest) -> HttpResponse:
    """A code with which a child opens an account under this resident's care; made when it is asked for."""
    code = code_for(cast(ResidentRequest, request).account) if request.method == "POST" else ""
    return render(request, "sign_in/guardian_code.html", {"code": code})
