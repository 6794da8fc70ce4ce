"""Forms: how every form is drawn, and a page that does one verb and keeps what was typed when it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.forms import BaseForm
from django.forms.renderers import DjangoTemplates
from django.http import HttpResponse, HttpResponseBase
from django.views.generic.edit import FormView

from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.security_log import note


class Renderer(DjangoTemplates):
    """Forms and fields from our own templates, so that errors and help are read out with their field."""

    form_template_name = "shared/form.html"
    field_template_name = "shared/field.html"


if TYPE_CHECKING:
    _FormView = FormView[BaseForm]
else:
    _FormView = FormView


class FormPage(_FormView):
    """A page with one form for one verb. ``do`` runs in a transaction; a refusal is shown with the form as typed."""

    if TYPE_CHECKING:

        def do(self, form: Any) -> HttpResponseBase | None:
            """Do it; an answer of its own, or nothing for the way to ``success_url``. Each page says it."""

    def form_valid(self, form: BaseForm) -> HttpResponse:
        try:
            with transaction.atomic():
                answer = self.do(form)
        except Refusal as refusal:
            note("refused", self.request, code=refusal.code)
            form.add_error(None, text_of(refusal))
            return self.render_to_response(self.get_context_data(form=form), status=status_of(refusal))
        return answer or super().form_valid(form)  # type: ignore[return-value]

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        note("form_refused", self.request, fields="+".join(sorted(form.errors)))
        return self.render_to_response(self.get_context_data(form=form), status=422)
