"""Forms of signing in and of opening an account."""

from __future__ import annotations

from datetime import date
from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm, SignupWebAuthnForm
from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tanpuhui.consent.age import AGE, is_under

OLDEST_YEARS = 130
#: Words of allauth's forms that we say otherwise.
LIBRARY_WORDS = (
    gettext_noop("Authenticator code"),
    gettext_noop("Backup key"),
    gettext_noop("Code"),
    gettext_noop("Email"),
    gettext_noop("Email address"),
    gettext_noop("Master key"),
    gettext_noop("Name"),
)


class AddPasskey(AddWebAuthnForm):
    """A passkey signs in on its own, so the choice that allauth offers is made already."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["name"].label = _("Name of this passkey")
        self.fields["name"].help_text = _("So that you know it again, such as “my phone”.")
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with this passkey alone")
        passwordless.help_text = _("It asks for your fingerprint, face or PIN.")


class FirstPasskey(SignupWebAuthnForm):
    """The passkey of a new user."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["name"].label = _("Name of this passkey")
        self.fields["name"].help_text = _("So that you know it again, such as “my phone”.")


class OpenAccountForm(forms.Form):
    """What is asked of a new resident: a birth date, and for a child a guardian's code."""

    birth_on = forms.DateField(
        label=gettext_lazy("Date of birth"),
        help_text=gettext_lazy("Kept apart from everything else, and read for your age alone."),
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}, format="%Y-%m-%d"),
    )
    guardian_code = forms.CharField(
        label=gettext_lazy("Code from your guardian"),
        help_text=gettext_lazy(
            "Only for those under 14: your guardian makes it in their own account, under “An account for a child”."
        ),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    agrees = forms.BooleanField(
        label=gettext_lazy(
            "I open an account for myself. It keeps a number, my date of birth and how I sign in; nothing is reported "
            "to it before I allow a source to."
        ),
    )

    def clean_birth_on(self) -> date:
        day: date = self.cleaned_data["birth_on"]
        today = timezone.localdate()
        if not date(today.year - OLDEST_YEARS, 1, 1) <= day <= today:
            raise forms.ValidationError(_("Enter your date of birth, such as 1990-05-17."))
        return day

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        born, code = values.get("birth_on"), values.get("guardian_code")
        if born and is_under(born, AGE, timezone.localdate()) and not code:
            self.add_error(
                "guardian_code",
                _("Somebody under 14 needs a guardian's code: ask them for it, then come back."),
            )
        return values
