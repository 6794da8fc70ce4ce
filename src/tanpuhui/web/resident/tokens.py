"""Tokens: let a program of one's own read this account, and end that. A token's text is shown once."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record as write_down
from tanpuhui.access.models import ApiToken
from tanpuhui.access.resident_scope import NAMES, parts_of, scope_of
from tanpuhui.access.token import issue, revoke
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.forms import FormPage
from tanpuhui.web.shared.request_id import current

DAYS = (30, 90, 365)
MOST_TOKENS = 20


class TokenForm(forms.Form):
    """What a program may do, and for how long."""

    label = forms.CharField(
        label=gettext_lazy("What is it for?"),
        help_text=gettext_lazy("A name by which you know it again, such as the name of the app."),
        max_length=80,
    )
    may = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), widget=forms.CheckboxSelectMultiple, choices=[]
    )
    days = forms.TypedChoiceField(label=gettext_lazy("It lasts"), coerce=int, choices=[])

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.fields["may"].choices = list(scope_words().items())  # type: ignore[attr-defined]
        self.fields["days"].choices = [  # type: ignore[attr-defined]
            (days, _("%(days)s days") % {"days": days}) for days in DAYS
        ]


def scope_words() -> dict[str, str]:
    """What each part of a scope allows."""
    words = {
        "balance": _("see the balance and the summary"),
        "acts": _("see acts and how they were worked out"),
        "statement": _("read the statement"),
        "grants": _("see which sources may report"),
        "appeals": _("file appeals and read the answers"),
        "pools": _("see what you lent to pools, who bought it, and your money"),
    }
    assert tuple(words) == NAMES, "a sentence for each part"
    return words


@method_decorator(resident_page, name="dispatch")
class TokensPage(FormPage):
    """The list of a resident's tokens, and the form for a new one."""

    form_class = TokenForm
    template_name = "resident/tokens.html"

    def get_initial(self) -> dict[str, Any]:
        return {"may": ["balance"], "days": 90}

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        user = cast(ResidentRequest, self.request).user
        now = utc_now()
        words = scope_words()
        rows = [
            {
                "token": token,
                "may": [words[name] for name in parts_of(token.scope)],
                "state": "revoked" if token.revoked_at else "ended" if token.expires_at <= now else "good",
            }
            for token in ApiToken.objects.filter(user=user, scope__startswith="resident:").order_by(
                "-issued_at"
            )[:MOST_TOKENS]
        ]
        return {**super().get_context_data(**given), "rows": rows}

    def do(self, form: TokenForm) -> HttpResponseBase:
        resident = cast(ResidentRequest, self.request)
        now = utc_now()
        wanted = form.cleaned_data
        text, row = issue(
            resident.user,
            scope=scope_of(wanted["may"]),
            days=wanted["days"],
            at=now,
            label=wanted["label"].strip(),
        )
        write_down(
            "issue_token",
            who=resident.user,
            at=now,
            object_kind="token",
            object_key=row.pk,
            facts={"scope": row.scope, "days": wanted["days"]},
            request_id=current(),
        )
        context = {"text": text, "token": row, "may": [scope_words()[name] for name in parts_of(row.scope)]}
        return render(self.request, "resident/token_made.html", context)


tokens = TokensPage.as_view()


@require_POST
@resident_page
def revoke_token(request: HttpRequest, token: UUID) -> HttpResponse:
    """End one of one's own tokens at once."""
    resident = cast(ResidentRequest, request)
    now = utc_now()
    with transaction.atomic():
        row = revoke(token, of=resident.user, at=now)
        write_down(
            "revoke_token",
            who=resident.user,
            at=now,
            object_kind="token",
            object_key=row.pk,
            request_id=current(),
        )
    messages.success(request, _("The token is revoked: from now on it opens nothing."))
    return redirect("resident:tokens")
