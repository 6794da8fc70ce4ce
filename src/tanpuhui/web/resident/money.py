"""Money: what pools paid to a resident, and the way to their bank: a token of the bank's, and amounts that it pays."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tanpuhui.access.audit import record
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.money.account import MoneyBalance, money_of, resident_money_account
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.models import Payee
from tanpuhui.pooling.withdraw import (
    WithdrawOrder,
    cancel_withdrawal,
    forget_payee,
    say_payee,
    withdraw,
    withdrawals_of,
)
from tanpuhui.web.resident.pool_forms import PayeeForm, WithdrawForm
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current


@resident_page
def money_page(request: HttpRequest) -> HttpResponseBase:
    """What there is, where it is paid, and what is on its way."""
    account = cast(ResidentRequest, request).account
    balances = money_of(resident_money_account(account))
    verb = request.POST.get("do", "") if request.method == "POST" else ""
    payee_form = PayeeForm(request.POST if verb == "payee" else None)
    forms = [(one, _withdraw_form(request, one, verb)) for one in balances]
    refused, status = "", 200
    if verb:
        chosen = next((form for one, form in forms if one.currency == request.POST.get("currency")), None)
        form = {"payee": payee_form, "withdraw": chosen}.get(verb)
        if form is not None and not form.is_valid():
            status = 422
        else:
            try:
                _do(request, account, verb, form)
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                return redirect("resident:money")
    context = {
        "balances": [{"balance": one, "form": form} for one, form in forms],
        "payee": Payee.objects.filter(pk=account).first(),
        "payee_form": payee_form,
        "withdrawals": withdrawals_of(account),
        "refused": refused,
    }
    return render(request, "resident/money.html", context, status=status)


def _withdraw_form(request: HttpRequest, balance: MoneyBalance, verb: str) -> WithdrawForm:
    is_this = verb == "withdraw" and request.POST.get("currency") == balance.currency
    return WithdrawForm(
        request.POST if is_this else None,
        currency=balance.currency,
        available_minor=balance.available_minor,
        initial={"key": str(uuid4())},
    )


def _do(request: HttpRequest, account: int, verb: str, form: Any) -> None:
    now = utc_now()
    facts: dict[str, Any] = {}
    with transaction.atomic():
        if verb == "payee":
            say_payee(account, form.cleaned_data["token"], at=now)
            messages.success(request, _("Your bank's token is kept. Your money can be paid out now."))
        elif verb == "forget":
            forget_payee(account)
            messages.success(request, _("Your bank's token is deleted."))
        elif verb == "withdraw" and form is not None:
            amount = to_text(form.cleaned_data["amount"], form.currency)
            order = WithdrawOrder(f"web:{account}:{form.cleaned_data['key']}", account, amount, form.currency)
            made = withdraw(order, at=now)
            facts = {"withdrawal": made.reference}
            messages.success(
                request, _("It is on its way to your bank. It is shown as paid when the bank says so.")
            )
        elif verb == "cancel":
            ended = cancel_withdrawal(account, _number(request.POST.get("withdrawal", "")), at=now)
            facts = {"withdrawal": ended.withdrawal.reference}
            messages.success(request, _("It is cancelled, and the money is yours to use again."))
        else:
            raise BadRequest
        record(
            f"money_{verb}",
            who=cast(ResidentRequest, request).user,
            at=now,
            object_kind="account",
            object_key=account,
            facts=facts,
            request_id=current(),
        )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0
