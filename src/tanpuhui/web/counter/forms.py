"""Forms of a counter: whose account it is, a new account without e-mail, and the paper that was signed."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tanpuhui.consent.age import AGE, is_under
from tanpuhui.consent.open_account import IdentityProof
from tanpuhui.kit.digest import PREFIX
from tanpuhui.rights.models import Visit

OLDEST_YEARS = 130
LARGEST_PAPER_BYTES = 5_000_000
_NUMBER_HELP = gettext_lazy("It is not kept: only a keyed digest is, so that one person has one account.")
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}


class DocumentForm(forms.Form):
    """The document that was seen."""

    document = forms.ChoiceField(label=gettext_lazy("Document that you have seen"), choices=Visit.DOCUMENTS)

    def proof(self) -> IdentityProof:
        """The verified identity: the sort of document, and its number as an opaque subject."""
        kind: str = self.cleaned_data["document"]
        return IdentityProof(f"document:{kind}", normal(self.cleaned_data["number"]))


class VisitForm(DocumentForm):
    """Whose account it is: by the document's number where the account was opened with it, or by the letter's code."""

    number = forms.CharField(
        label=gettext_lazy("Number of the document"),
        help_text=_NUMBER_HELP,
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    letter = forms.CharField(
        label=gettext_lazy("Or the code of the person's letter"),
        help_text=gettext_lazy("16 signs in four groups."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    reason = forms.CharField(
        label=gettext_lazy("What the person came for"),
        help_text=gettext_lazy("In a few words. The person can read it."),
        max_length=200,
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if bool(values.get("number", "").strip()) == bool(values.get("letter", "").strip()):
            self.add_error("number", _("Type either the document's number or the letter's code."))
        return values


class OpenForm(DocumentForm):
    """An account for somebody without e-mail."""

    number = forms.CharField(
        label=gettext_lazy("Number of the document"),
        help_text=_NUMBER_HELP,
        max_length=40,
        min_length=5,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    birth_on = forms.DateField(
        label=gettext_lazy("Date of birth"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    guardian = forms.CharField(
        label=gettext_lazy("Code of the guardian's letter"),
        help_text=gettext_lazy("Only for somebody under 14; the guardian has an account and is present."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    agrees = forms.BooleanField(
        label=gettext_lazy(
            "I have told the person what is kept: a number, the date of birth, and a digest of the document's number."
        )
    )

    def clean_birth_on(self) -> date:
        day: date = self.cleaned_data["birth_on"]
        today = timezone.localdate()
        if not date(today.year - OLDEST_YEARS, 1, 1) <= day <= today:
            raise forms.ValidationError(_("Enter the date of birth, such as 1950-05-17."))
        return day

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        born = values.get("birth_on")
        is_child = is_under(born, AGE, timezone.localdate())
        if is_child and not values.get("guardian"):
            self.add_error("guardian", _("Somebody under 14 needs a guardian."))
        return values


class PaperForm(forms.Form):
    """The paper that was signed: a scan or photograph of it, of which only the digest is kept."""

    paper = forms.FileField(
        label=gettext_lazy("Scan of the signed paper"),
        help_text=gettext_lazy("Only its SHA-256 is recorded; the paper itself stays in your archive."),
    )

    def __init__(self, *arguments: Any, is_needed: bool = True, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["paper"].required = is_needed

    def clean_paper(self) -> str:
        """The digest of the paper, or nothing where none was given."""
        given: UploadedFile[bytes] | None = self.cleaned_data["paper"]
        if not given:
            return ""
        if (given.size or 0) > LARGEST_PAPER_BYTES:
            raise forms.ValidationError(
                _("The scan is larger than 5 MB. Scan it in grey, or at a lower resolution.")
            )
        digest = hashlib.sha256()
        for chunk in given.chunks():
            digest.update(chunk)
        return PREFIX + digest.hexdigest()


def normal(number: str) -> str:
    """A document's number in one form: capitals, letters and digits.

    >>> normal(" 11010119500517001x ")
    '11010119500517001X'
    """
    return "".join(one for one in number.upper() if one.isalnum())
