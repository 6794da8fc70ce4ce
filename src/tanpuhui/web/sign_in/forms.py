"""Forms of signing in and of opening an account."""

from __future__ import annotations

from datetime import date
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)
from django import forms
from django.core.validators import MaxLengthValidator
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tanpuhui.consent.age import AGE, is_under
from tanpuhui.web.shared.security_log import note

OLDEST_YEARS = 130
NAME_LENGTH = 80
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


#: What malformed answers of a passkey make the libraries raise besides their own refusals.
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class CredentialField(forms.JSONField):
    """What a browser's passkey says, as JSON; nested deeper than any passkey is, it is refused and not our fault."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Shown again, it is empty: a passkey answers anew."""
        del data, initial


class _Made:
    """What a browser says about a new passkey is read whole or refused; its name is short."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        name: Any = self.fields["name"]  # type: ignore[attr-defined]
        name.max_length = NAME_LENGTH
        name.validators.append(MaxLengthValidator(NAME_LENGTH))
        name.widget.attrs["maxlength"] = NAME_LENGTH
        name.label = _("Name of this passkey")
        name.help_text = _("So that you know it again, such as “my phone”.")

    def clean(self) -> Any:
        try:
            return super().clean()  # type: ignore[misc]
        except _MALFORMED:
            raise get_adapter().validation_error("incorrect_code") from None


class _Shown:
    """What a browser says with a passkey is read whole or refused, and a wrong one is written down."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except forms.ValidationError:
            self._note()
            raise
        except _MALFORMED:
            self._note()
            raise get_adapter().validation_error("incorrect_code") from None

    def _note(self) -> None:
        note("wrong_passkey", context.request, user=self.user, refused=True, by="webauthn")  # type: ignore[attr-defined]


class SignInByPasskey(_Shown, LoginWebAuthnForm):
    """A passkey instead of a code."""

    credential = CredentialField()


class ShowPasskey(_Shown, AuthenticateWebAuthnForm):
    """A passkey after a code."""

    credential = CredentialField()


class ShowPasskeyAgain(_Shown, ReauthenticateWebAuthnForm):
    """A passkey before something is changed."""

    credential = CredentialField()


class AddPasskey(_Made, AddWebAuthnForm):
    """A passkey signs in on its own, so the choice that allauth offers is made already."""

    credential = CredentialField()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with this passkey alone")
        passwordless.help_text = _("It asks for your fingerprint, face or PIN.")


class FirstPasskey(_Made, SignupWebAuthnForm):
    """The passkey of a new user."""

    credential = CredentialField()


class RenamePasskey(EditWebAuthnForm):
    """Another name for a passkey."""

    name = forms.CharField(label=gettext_lazy("Name of this passkey"), max_length=NAME_LENGTH)


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
