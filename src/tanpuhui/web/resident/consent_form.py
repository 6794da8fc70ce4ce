"""Consent form: what somebody agrees to: which acts, from which day, until when; nothing is ticked for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.web.resident.act_names import act_name
from tanpuhui.web.resident.consents_on_offer import ConsentOnOffer, lang_of

TODAY, CHOSEN = "today", "chosen"
#: Lengths that are offered, in months; the longest is the most that a grant may last.
MONTHS_OFFERED = (12, 6, 3, 1)
MOST_MONTHS = 12


class ConsentForm(forms.Form):
    """One separate consent. ``notice`` is the digest of what was shown: who read another text is shown this one."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Which acts"),
        help_text=gettext_lazy("Tick those that may be reported. You can change this later."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Tick at least one kind of act.")},
    )
    acts_from = forms.ChoiceField(
        label=gettext_lazy("Acts from when on"),
        choices=[
            (TODAY, gettext_lazy("from today on")),
            (CHOSEN, gettext_lazy("from a day in the past on, which I choose")),
        ],
        initial=TODAY,
        widget=forms.RadioSelect,
    )
    first_day = forms.DateField(
        label=gettext_lazy("First day, if you choose one"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    months = forms.TypedChoiceField(
        label=gettext_lazy("Until when"),
        coerce=int,
        initial=MOST_MONTHS,
        help_text=gettext_lazy("It ends by itself then. You can end it at any time before."),
    )
    notice = forms.CharField(widget=forms.HiddenInput, max_length=100)
    agrees = forms.BooleanField(
        error_messages={"required": gettext_lazy("Tick this if you agree; if not, nothing changes.")}
    )

    def __init__(self, *arguments: Any, offer: ConsentOnOffer, language: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.offer, self.lang = offer, lang_of(language)
        self.shown = offer.notice(language)
        self.fields["notice"].initial = self.shown.digest
        self.fields["agrees"].label = agreement(offer)
        self.fields["months"].choices = [(count, _months(count)) for count in MONTHS_OFFERED]  # type: ignore[attr-defined]
        self._offer_kinds(offer)

    def _offer_kinds(self, offer: ConsentOnOffer) -> None:
        kinds = self.fields["kinds"]
        if not offer.reports:
            for name in ("acts_from", "first_day"):
                del self.fields[name]
            kinds.label = gettext_lazy("What is shown")
            kinds.help_text = gettext_lazy("Tick only what it needs to see.")
            kinds.error_messages["required"] = gettext_lazy("Tick at least one.")
        if len(offer.acts) == 1:
            del self.fields["kinds"]
        else:
            kinds.choices = [(kind, act_name(kind)) for kind in offer.acts]  # type: ignore[attr-defined]

    def clean_notice(self) -> str:
        if self.cleaned_data["notice"] != self.shown.digest:
            raise forms.ValidationError(
                _("The notice has changed since you read it. Read it again, then decide.")
            )
        return self.shown.digest

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("acts_from") == CHOSEN:
            day = values.get("first_day")
            if day is None and "first_day" not in self.errors:
                self.add_error("first_day", _("Choose the first day whose acts may be reported."))
            elif day is not None and not date(2000, 1, 1) <= day <= timezone.localdate():
                self.add_error("first_day", _("Choose a day that is not in the future."))
        return values

    def terms(self, *, at: datetime, zone: str) -> Terms:
        """What was agreed to."""
        values = self.cleaned_data
        first = values.get("first_day") if values.get("acts_from") == CHOSEN else None
        months = values["months"]
        return Terms(
            provider=self.offer.provider,
            kinds=tuple(values.get("kinds") or self.offer.acts),
            acts_from_us=acts_of_days(first, None, zone)[0],
            purpose=self.offer.purpose.code,
            recipient=self.offer.recipient,
            expires_at=None if months == MOST_MONTHS else after_months(at, months),
            lang=self.lang,
        )


def agreement(offer: ConsentOnOffer) -> str:
    """The sentence beside the box: one provider or recipient, one purpose."""
    if offer.reports:
        return _(
            "I have read the notice, and I agree that {name} reports these acts, for this purpose alone."
        ).format(name=offer.name)
    return _("I have read the notice, and I agree that {name} is shown this, for this purpose alone.").format(
        name=offer.name
    )


def after_months(at: datetime, months: int) -> datetime:
    """The moment some months later, or the last day of that month where it is shorter."""
    month = at.month - 1 + months
    year, month = at.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return at.replace(year=year, month=month, day=min(at.day, last))


def _months(count: int) -> str:
    return ngettext("for %(count)s month", "for %(count)s months", count) % {"count": count}
