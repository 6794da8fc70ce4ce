"""Orders: how a form sends an order of the market or of money, who did it, and what is shown when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from tanpuhui.access.audit import record
from tanpuhui.copies.market_words import refusal_in_words
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.market.control import MOST_TONNES
from tanpuhui.money.answer import Answer
from tanpuhui.web.company.owner import add_refusal, mine
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.templatetags.page import count


class OrderForm(forms.Form):
    """An order under a key: sent twice it is one order, and one that was refused gets a new key with its page."""

    key = forms.UUIDField(widget=forms.HiddenInput())

    def __init__(self, request: HttpRequest, **named: Any) -> None:
        bound = request.POST if request.method == "POST" else None
        initial = {"key": str(uuid4()), **named.pop("initial", {})}
        super().__init__(bound, initial=initial, **named)

    def renew(self) -> None:
        """A refusal is the answer to its key for good; what is sent after it is another order."""
        given = cast(QueryDict, self.data).copy()
        given["key"] = str(uuid4())
        self.data = given


class SureForm(OrderForm):
    """Nothing to say but yes."""


class ReasonForm(OrderForm):
    """Whoever takes something back says why."""

    reason = forms.CharField(label=_l("Reason"), help_text=_l("Kept with the record."), max_length=300)


def whole_tonnes(**named: Any) -> forms.IntegerField:
    """A field for whole tonnes."""
    given = {"label": _l("Tonnes"), "help_text": _l("Whole tonnes."), **named}
    return forms.IntegerField(min_value=1, max_value=MOST_TONNES, **given)


def decimal_text(**named: Any) -> forms.CharField:
    """A field for money: the verbs read it exactly, and say what is wrong with it."""
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.CharField(max_length=30, widget=widget, **named)


def price_of_a_tonne(**named: Any) -> forms.CharField:
    given = {
        "label": _l("Price of a tonne"),
        "help_text": _l("A plain decimal in the market's currency, such as 70.50."),
        **named,
    }
    return decimal_text(**given)


def ordered(
    request: HttpRequest,
    verb: str,
    do: Callable[[], Answer],
    *,
    kind: str,
    key: Callable[[dict[str, Any]], object],
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Give an order in a transaction and write down in it who did, once; its refusal is raised after the commit."""
    with transaction.atomic():
        answer = do()
        if answer.result is not None and not answer.repeated:
            record(
                verb,
                who=mine(request).user,
                at=utc_now(),
                organisation=mine(request).organisation,
                object_kind=kind,
                object_key=key(answer.result),
                facts=facts or {},
                request_id=current(),
            )
    return answer.accepted()


def order_page(
    request: HttpRequest,
    form: OrderForm,
    send: Callable[[dict[str, Any]], str],
    context: dict[str, Any],
    template: str = "company/order.html",
) -> HttpResponseBase:
    """A page with an order's form: sent, it leads to where ``send`` says; refused, it is there as it was typed."""
    status = 200
    if form.is_bound and form.is_valid():
        try:
            return redirect(send(form.cleaned_data))
        except Refusal as refusal:
            status = add_refusal(request, form, refusal_in_words(refusal))
            form.renew()
    elif form.is_bound:
        status = 422
    return render(request, template, {**context, "form": form}, status=status)


def at(request: HttpRequest, name: str, *arguments: Any) -> str:
    """The address of a page of this company."""
    return reverse(f"company:{name}", args=[mine(request).organisation.code, *arguments])


def tonnes_text(tonnes: int) -> str:
    """Whole tonnes with their unit."""
    return f"{count(tonnes)} {pgettext('unit', 't')}"


def moment(when: datetime) -> str:
    """A moment in the reader's language."""
    return date_format(timezone.localtime(when), "DATETIME_FORMAT")
