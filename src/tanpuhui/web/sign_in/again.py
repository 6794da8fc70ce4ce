"""Again: somebody without a second factor shows once more who they are: by a code, or at the identity service."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.views import BaseReauthenticateView
from allauth.core import ratelimit
from allauth.core.internal.cryptokit import compare_user_code
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from tanpuhui.web.shared.security_log import note

#: Where the session keeps the code that was sent, when, and how many wrong ones came.
_SENT = "again"
MOST_WRONG = 3


class CodeForm(forms.Form):
    """The code of the e-mail."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )


@method_decorator(login_required, name="dispatch")
class ShowAgain(BaseReauthenticateView):
    """Asks for a code, sends it to the user's own address, and takes it once; then goes on with what was wanted."""

    form_class = CodeForm
    template_name = "sign_in/show_again.html"

    def post(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if "send" in request.POST:
            self._send()
            return redirect(self.passthrough_next_url(request.path))
        answer: HttpResponse = super().post(request, *arguments, **named)
        return answer

    def form_valid(self, form: CodeForm) -> HttpResponse:
        sent = self._sent()
        if not (sent and compare_user_code(actual=form.cleaned_data["code"], expected=sent["code"])):
            return self._wrong(form, sent)
        del self.request.session[_SENT]
        record_authentication(self.request, self.request.user, method="code", reauthenticated=True)
        answer: HttpResponse = super().form_valid(form)
        return answer

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**more)
        return context | {"email": self.request.user.email, "is_sent": self._sent() is not None}

    def _send(self) -> None:
        address, adapter = self.request.user.email, get_adapter()
        if address is None:
            return
        if not ratelimit.consume(self.request, action="request_login_code", key=address.lower()):
            messages.error(self.request, adapter.error_messages["rate_limited"])
            return
        code = adapter.generate_login_code()
        self.request.session[_SENT] = {"code": code, "at": time.time(), "wrong": 0}
        adapter.send_mail("account/email/login_code", address, {"request": self.request, "code": code})

    def _sent(self) -> dict[str, Any] | None:
        """The code that was sent, while it is good."""
        sent: dict[str, Any] | None = self.request.session.get(_SENT)
        if sent and time.time() - sent["at"] <= settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT:
            return sent
        return None

    def _wrong(self, form: CodeForm, sent: dict[str, Any] | None) -> HttpResponse:
        note("wrong_code", self.request, refused=True, by="again")
        if sent and sent["wrong"] + 1 < MOST_WRONG:
            self.request.session[_SENT] = sent | {"wrong": sent["wrong"] + 1}
        else:
            self.request.session.pop(_SENT, None)
        form.add_error("code", get_adapter().error_messages["incorrect_code"])
        answer: HttpResponse = self.form_invalid(form)
        return answer


show_again = ShowAgain.as_view()
