"""Appeals: ask that the end of an act be looked at again, and see what was answered."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tanpuhui.access.audit import record as write_down
from tanpuhui.integrity.appeal import MOST_CHARACTERS, Against, appeal
from tanpuhui.integrity.look import appeals_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.web.resident.activities import own_act, shown
from tanpuhui.web.resident.words import outcome_name
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.forms import FormPage
from tanpuhui.web.shared.request_id import current


class AppealForm(forms.Form):
    """What is wrong, in one's own words."""

    words = forms.CharField(
        label=gettext_lazy("What is wrong?"),
        help_text=gettext_lazy(
            "Write what happened, in your own words. Do not write names or numbers of other people."
        ),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


@method_decorator(resident_page, name="dispatch")
class AppealPage(FormPage):
    """The form of an appeal against one act."""

    form_class = AppealForm
    template_name = "resident/appeal.html"

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        account = cast(ResidentRequest, self.request).account
        (one,) = shown([own_act(account, self.kwargs["record"])])
        return {**super().get_context_data(**given), "shown": one, "act": one.act}

    def do(self, form: AppealForm) -> HttpResponseBase:
        resident = cast(ResidentRequest, self.request)
        act = own_act(resident.account, self.kwargs["record"])
        now = utc_now()
        against = Against(act.account, act.record_id, act.day, act.outcome.name, act.manifest)
        made = appeal(against, form.cleaned_data["words"], at=now)
        write_down(
            "appeal",
            who=resident.user,
            at=now,
            object_kind="appeal",
            object_key=made.pk,
            facts={"record": act.record_id, "outcome": act.outcome.name},
            request_id=current(),
        )
        messages.success(self.request, _("Your appeal is filed. The answer comes to this page."))
        return redirect("resident:activity", record=act.record_id)


appeal_page = AppealPage.as_view()


@resident_page
def appeals(request: HttpRequest) -> HttpResponse:
    """Every appeal of this resident, with its answer."""
    account = cast(ResidentRequest, request).account
    found = [(one, outcome_name(Outcome[one.outcome])) for one in appeals_of(account)]
    return render(request, "resident/appeals.html", {"appeals": found})
