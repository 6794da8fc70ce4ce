"""Letter: sign in once with the code of a letter on paper, so as to add a passkey or an address of one's own.

It is one factor: whoever has a second one is asked for it as after any other way of signing in.
"""

from __future__ import annotations

from allauth.account import app_settings
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tanpuhui.access.audit import record
from tanpuhui.access.models import Holder, User
from tanpuhui.access.second_factor import lacks_second_factor
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.rights.letter import account_of_letter, end_letter
from tanpuhui.rights.refusals import NoSuchPerson
from tanpuhui.web.shared.errors import too_many
from tanpuhui.web.shared.refused import text_of
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.security_log import note


class LetterForm(forms.Form):
    """What stands on the letter."""

    account = forms.IntegerField(
        label=gettext_lazy("Number of the account"),
        min_value=1,
        max_value=2**58 - 1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    code = forms.CharField(
        label=gettext_lazy("Code of the letter"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )


def letter(request: HttpRequest) -> HttpResponseBase:
    """Account and code; slowed per account and per address. The code is good once, then a passkey takes its place."""
    if request.user.is_authenticated:
        return redirect("home_of_user")
    form = LetterForm(request.POST or None)
    refused, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            account = form.cleaned_data["account"]
            if not ratelimit.consume(request, action="letter", key=str(account)):
                return too_many(request)
            try:
                user = _use(account, form.cleaned_data["code"])
            except Refusal as refusal:
                note("wrong_code", request, refused=True, by="letter")
                refused = text_of(refusal)
            else:
                return _go_on(request, user)
    context = {"form": form, "refused": refused}
    return render(request, "sign_in/letter.html", context, status=status)


def _go_on(request: HttpRequest, user: User) -> HttpResponseBase:
    """Through allauth's steps, which ask for a second factor; without one, to the page where it is added."""
    record_authentication(request, user, method="letter")
    if lacks_second_factor(user):
        messages.success(request, _("You are in. Add a passkey now: the letter's code was good for once."))
    none = app_settings.EmailVerificationMethod.NONE
    wanted = Login(user=user, email_verification=none, redirect_url=reverse("sign_in_settings"))
    answer: HttpResponseBase = perform_login(request, wanted)
    return answer


def _use(account: int, code: str) -> User:
    """The user of the account that the letter names; the letter ends, in the same transaction."""
    now = utc_now()
    with transaction.atomic():
        if account_of_letter(code) != account or end_letter(account, at=now) != 1:
            raise NoSuchPerson
        holder = Holder.objects.select_related("user").filter(account=account, user__is_active=True).first()
        if holder is None:
            raise NoSuchPerson
        record(
            "letter_sign_in",
            who=holder.user,
            at=now,
            object_kind="account",
            object_key=account,
            request_id=current(),
        )
        return holder.user
