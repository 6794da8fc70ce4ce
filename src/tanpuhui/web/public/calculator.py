"""Calculator: a methodology worked out on the reader's own numbers, by the same code that explains a resident's act."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tanpuhui.methodology.evaluate import Explanation, evaluate
from tanpuhui.methodology.methodology import Field, Methodology
from tanpuhui.web.public.library import said


class Calculator(forms.Form):
    """One input for each field of the methodology, and the day of the act."""

    def __init__(self, methodology: Methodology, language: str, today: date, given: Any = None) -> None:
        super().__init__(given)
        self.methodology = methodology
        for field in methodology.fields.values():
            self.fields[field.name] = _input(field, language)
        self.fields["day"] = forms.DateField(
            label=_("Day of the act"),
            initial=_usual_day(methodology, today).isoformat(),
            widget=forms.DateInput(attrs={"type": "date"}),
        )

    def clean_day(self) -> date:
        """A day on which the methodology is in force."""
        day: date = self.cleaned_data["day"]
        if not self.methodology.in_force(day):
            raise forms.ValidationError(_("The methodology is not in force on this day."))
        return day

    def answer(self) -> Explanation | None:
        """The trace; nothing where the form is not filled in or a number does not fit."""
        if not self.is_bound or not self.is_valid():
            return None
        given = dict(self.cleaned_data)
        day = given.pop("day")
        activity = {name: value for name, value in given.items() if value not in (None, "")}
        return evaluate(self.methodology, activity, day)


def _input(field: Field, language: str) -> forms.Field:
    label = (
        f"{said(field.title, language)} ({field.unit.symbol})"
        if not field.values
        else said(field.title, language)
    )
    if field.values:
        initial = next((name for name, code in field.values.items() if code == field.default), None)
        return forms.ChoiceField(
            label=label,
            choices=[(name, name) for name in field.values],
            initial=initial,
            required=field.default is None,
        )
    return forms.IntegerField(
        label=label,
        min_value=field.min,
        max_value=field.max,
        initial=field.default,
        required=field.default is None,
        help_text=f"{field.min:,} – {field.max:,} {field.unit.symbol}",
    )


def _usual_day(methodology: Methodology, today: date) -> date:
    """Today, or the nearest day on which the methodology is in force."""
    last = methodology.valid_to or today
    return max(methodology.valid_from, min(today, last))
