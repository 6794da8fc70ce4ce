"""Views that refuse or break, for the tests of error pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tanpuhui.access.models import Organisation, User
from tanpuhui.access.refusals import AlreadyUsed, ReasonMissing, UnknownApproval
from tanpuhui.project.urls import *  # noqa: F403
from tanpuhui.project.urls import urlpatterns as _real
from tanpuhui.web.shared.forms import FormPage

REFUSALS = {
    "unknown": UnknownApproval(),
    "used": AlreadyUsed(used_at="2 March"),
    "missing": ReasonMissing(),
}
ERRORS = {
    "forbidden": PermissionDenied(),
    "suspicious": SuspiciousOperation("token=hunter2"),
    "broken": RuntimeError("ming@example.org"),
}


def refusing(request: HttpRequest, name: str) -> HttpResponse:
    raise (REFUSALS | ERRORS)[name]


class Note(forms.Form):
    note = forms.CharField(label="Note")


class Noting(FormPage):
    form_class = Note
    template_name = "web_tests/note.html"
    success_url = "/"

    def do(self, form: Any) -> None:
        User.objects.create_user(f"{form.cleaned_data['note']}@example.org")
        if form.cleaned_data["note"] != "good":
            raise AlreadyUsed(used_at="2 March")
        assert Organisation.objects.count() == 0


urlpatterns = [
    *_real,
    path("fail/<slug:name>", refusing, name="fail"),
    path("note", Noting.as_view(), name="note"),
]
