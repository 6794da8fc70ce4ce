"""Money: what a company has here, how it pays in, and having money paid out to its own account with a bank."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Membership, Organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.money.account import money_account, money_of
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.money.models import Withdrawal
from tanpuhui.money.withdraw import WithdrawOrder, cancel_withdrawal, withdraw
from tanpuhui.web.company.orders import OrderForm, SureForm, at, decimal_text, order_page, ordered
from tanpuhui.web.company.owner import key_of, looks, mine
from tanpuhui.web.shared.access import organisation_page, own_or_404, shown_recently
from tanpuhui.web.shared.templatetags.page import money as money_text

SHOWN = 50
#: Money leaves by an admin alone; members trade with it.
pays = organisation_page(Organisation.COMPANY, Membership.ADMIN)


class WithdrawForm(OrderForm):
    """How much of which currency."""

    amount = decimal_text(label=_l("Amount"), help_text=_l("A plain decimal, such as 12.50."))
    currency = forms.ChoiceField(label=_l("Currency"))

    def __init__(self, request: HttpRequest, currencies: list[str]) -> None:
        super().__init__(request)
        self.fields["currency"].choices = [(one, one) for one in currencies]  # type: ignore[attr-defined]


@looks
def money(request: HttpRequest) -> HttpResponse:
    """Balances, the reference to pay in under, and payments out."""
    own = mine(request).organisation
    found = Withdrawal.objects.filter(organisation=own).select_related("ending").order_by("-id")[:SHOWN]
    context = {
        "balances": money_of(money_account(own.pk)),
        "reference": deposit_reference(own),
        "withdrawals": [{"withdrawal": one, "ending": getattr(one, "ending", None)} for one in found],
        "may_pay": mine(request).membership.role == Membership.ADMIN,
    }
    return render(request, "company/money.html", context)


@pays
@shown_recently
def withdraw_money(request: HttpRequest) -> HttpResponseBase:
    """Ask for money out."""
    own = mine(request).organisation
    balances = money_of(money_account(own.pk))

    def send(given: dict[str, Any]) -> str:
        order = WithdrawOrder(key_of(request, given["key"]), own.code, given["amount"], given["currency"])
        ordered(
            request,
            "withdraw_money",
            lambda: withdraw(order, at=utc_now()),
            kind="withdrawal",
            key=lambda said: said["withdrawal"],
            facts={"amount": given["amount"], "currency": given["currency"]},
        )
        messages.success(request, _("It is held. The operator pays it to your account with your bank."))
        return at(request, "money")

    context = {
        "title": _("Have money paid out"),
        "lead": _("It goes to the account with your bank that the operator knows from your contract."),
        "facts": [(_("Free to use"), money_text(one.available_minor, one.currency)) for one in balances],
        "button": _("Have it paid out"),
        "back": at(request, "money"),
        "back_text": _("Money"),
    }
    return order_page(request, WithdrawForm(request, [one.currency for one in balances]), send, context)


@pays
def cancel_payment(request: HttpRequest, withdrawal: int) -> HttpResponseBase:
    """Let a payment go that no bank has made."""
    found = own_or_404(Withdrawal.objects.filter(organisation=mine(request).organisation), pk=withdrawal)

    def send(given: dict[str, Any]) -> str:
        key = key_of(request, given["key"])
        ordered(
            request,
            "cancel_withdrawal",
            lambda: cancel_withdrawal(found.reference, key=key, at=utc_now()),
            kind="withdrawal",
            key=lambda said: said["withdrawal"],
        )
        messages.success(request, _("It is cancelled, and the money is yours to use again."))
        return at(request, "money")

    context = {
        "title": _("Cancel a payment"),
        "facts": [
            (_("Reference"), found.reference),
            (_("Amount"), money_text(found.amount_minor, found.currency)),
        ],
        "button": _("Cancel the payment"),
        "back": at(request, "money"),
        "back_text": _("Money"),
    }
    return order_page(request, SureForm(request), send, context)
