"""Pool forms: on which terms somebody is in a pool, where their money is paid, and how much of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tanpuhui.money.amounts import DECIMALS, to_minor, to_text
from tanpuhui.money.refusals import BadAmount, TooManyDecimals
from tanpuhui.pooling.join import MOST_MINOR, Wish
from tanpuhui.web.shared.refused import text_of

ALL, CHOSEN = "all", "chosen"


class AmountField(forms.CharField):
    """A decimal of a currency, with at most its places; its value is in minor units. Zero where it may be."""

    def __init__(self, *given: Any, currency: str, may_be_zero: bool = False, **named: Any) -> None:
        super().__init__(*given, max_length=20, **named)
        self.currency, self.may_be_zero = currency, may_be_zero
        self.widget.attrs.update(inputmode="decimal", autocomplete="off")

    def clean(self, value: Any) -> int:
        text = str(super().clean(value)).replace(",", "").strip()
        if self.may_be_zero and text and set(text) <= set("0.") and text.count(".") <= 1:
            return 0
        try:
            return to_minor(text, self.currency)
        except (BadAmount, TooManyDecimals) as refusal:
            raise forms.ValidationError(text_of(refusal)) from None


class TermsForm(forms.Form):
    """From which price on, and which years."""

    which = forms.ChoiceField(
        label=gettext_lazy("Reductions of which years"),
        choices=[(ALL, gettext_lazy("of all years")), (CHOSEN, gettext_lazy("only of the years I tick"))],
        initial=ALL,
        widget=forms.RadioSelect,
    )
    vintages = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Years, if you choose them"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ("min_price", "which", "vintages", "notice", "agrees")

    def __init__(self, *given: Any, currency: str, years: list[int], **named: Any) -> None:
        super().__init__(*given, **named)
        self.currency = currency
        self.fields["min_price"] = AmountField(
            label=_("My minimum price for a tonne, in {currency}").format(currency=currency_name(currency)),
            help_text=_(
                "A tonne is a thousand kilograms: {price} for a tonne is {part} for a kilogram. "
                "With 0 you take any price."
            ).format(price=_written(5_000, currency), part=_written(5, currency)),
            currency=currency,
            may_be_zero=True,
        )
        self.fields["vintages"].choices = [(year, str(year)) for year in years]  # type: ignore[attr-defined]
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("which") == CHOSEN and not values.get("vintages") and "vintages" not in self.errors:
            self.add_error("vintages", _("Tick at least one year."))
        if values.get("min_price", 0) > MOST_MINOR:
            self.add_error(
                "min_price",
                _("Give {most} at most.").format(most=_written(MOST_MINOR, self.currency)),
            )
        return values

    def wish(self) -> Wish:
        """What was said."""
        values = self.cleaned_data
        years = tuple(values["vintages"]) if values["which"] == CHOSEN else None
        return Wish(values["min_price"], years)


class JoinForm(TermsForm):
    """Agreeing to a pool: not ticked for anybody."""

    notice = forms.CharField(widget=forms.HiddenInput, max_length=100)
    agrees = forms.BooleanField(
        error_messages={"required": gettext_lazy("Tick this if you agree; if not, nothing changes.")}
    )

    def __init__(self, *given: Any, digest: str, name: str, **named: Any) -> None:
        super().__init__(*given, **named)
        self.digest = digest
        self.fields["notice"].initial = digest
        self.fields["agrees"].label = _(
            "I have read the notice, and I agree that {name} sells reductions of mine on these terms, "
            "for this purpose alone."
        ).format(name=name)

    def clean_notice(self) -> str:
        if self.cleaned_data["notice"] != self.digest:
            raise forms.ValidationError(
                _("The notice has changed since you read it. Read it again, then decide.")
            )
        return self.digest


class PayeeForm(forms.Form):
    """Where one's bank pays."""

    token = forms.CharField(
        label=gettext_lazy("Payee token of your bank"),
        help_text=gettext_lazy(
            "8 to 64 letters, digits and hyphens. Your bank gives it to you; it is not your account number, "
            "and we never ask for that."
        ),
        min_length=8,
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class WithdrawForm(forms.Form):
    """How much is to be paid out."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, *given: Any, currency: str, available_minor: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self.currency = currency
        self.fields["amount"] = AmountField(
            label=_("Amount, in {currency}").format(currency=currency_name(currency)),
            help_text=_("Up to {amount}.").format(amount=_written(available_minor, currency)),
            currency=currency,
            initial=to_text(available_minor, currency),
        )
        self.order_fields(("amount", "key"))


def currency_name(currency: str) -> str:
    """What a currency is called in a sentence."""
    return {"CNY": _("yuan")}.get(currency, currency)


def _written(minor: int, currency: str) -> str:
    assert currency in DECIMALS
    return f"{to_text(minor, currency)} {currency_name(currency)}"
