"""Verb: a page that does one thing: it says what will happen, asks what it needs, and does it in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest, console_page
from tanpuhui.copies.market_words import refusal_in_words
from tanpuhui.kit.refusal import Refusal

NOT_POSSIBLE = 422


class DayInput(forms.DateInput):
    """A day, in the form in which browsers take and give it, whatever the language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class Reasoned(forms.Form):
    """Whatever an operator does, they say why."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Kept with the record. Name no person."),
        max_length=500,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@method_decorator(lambda view: console_page(view, acts=True), name="dispatch")
class VerbPage(View):
    """GET asks, POST does. A refusal is shown with the form as it was typed, and nothing has changed."""

    title: ClassVar[str | Promise]
    #: What will happen, in plain sentences.
    says: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    form_class: ClassVar[type[forms.Form]] = Reasoned
    #: A second person must agree.
    takes_two: ClassVar[bool] = False
    #: It takes something away.
    is_grave: ClassVar[bool] = False
    request: ConsoleRequest

    if TYPE_CHECKING:
        # Each takes what its own address holds. What it does, each verb says: an answer of its own, or the address of
        # the page that comes next.
        do: Any
        initial: Any
        facts: Any
    else:

        def initial(self, **named):
            """What the form begins with."""
            return {}

        def facts(self, **named):
            """What it is done to, as names and values; refuses what is not there."""
            return []

    def get(self, request: ConsoleRequest, **named: Any) -> HttpResponse:
        return self._page(self.form_class(initial=self.initial(**named)), named)

    def post(self, request: ConsoleRequest, **named: Any) -> HttpResponseBase:
        form = self.form_class(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(form, named, status=NOT_POSSIBLE)
        try:
            with transaction.atomic():
                answer = self.do(form, **named)
        except Refusal as refusal:
            return self._page(form, named, refusal=refusal_in_words(refusal), status=NOT_POSSIBLE)
        return redirect(answer) if isinstance(answer, str) else answer

    def say(self, sentence: Any) -> None:
        """Tell on the next page what was done."""
        messages.success(self.request, sentence)

    def _page(
        self, form: forms.Form, named: dict[str, Any], *, refusal: Refusal | None = None, status: int = 200
    ) -> HttpResponse:
        return draw(
            self.request,
            "verb",
            status=status,
            title=self.title,
            says=self.says,
            button=self.button,
            takes_two=self.takes_two,
            is_grave=self.is_grave,
            facts=self.facts(**named),
            form=form,
            refusal=refusal,
        )
