"""Forms of a verifier: each for one verb of a verification."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tanpuhui.verification.examine import MOST_CHARACTERS
from tanpuhui.verification.models import Examination, Finding
from tanpuhui.verification.size import PRECISIONS

VERDICTS = [
    (Examination.AGREES, _("agrees with the evidence")),
    (Examination.DIFFERS, _("differs: another amount is right")),
    (Examination.UNSUPPORTED, _("nothing supports it")),
]
SEVERITIES = [
    (Finding.OBSERVATION, pgettext_lazy("severity", "observation")),
    (Finding.MINOR, pgettext_lazy("severity", "minor")),
    (Finding.MAJOR, pgettext_lazy("severity", "major: no lot while it is open")),
]


def _words(label: Any, help_text: Any = "", *, most: int = 4_000) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, max_length=most, widget=forms.Textarea(attrs={"rows": 4})
    )


class OpenForm(forms.Form):
    """What is to be verified."""

    methodology = forms.ChoiceField(label=_("Methodology"))
    through = forms.DateField(
        label=_("Through"),
        help_text=_("The last day whose closes are looked into."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *arguments: Any, methodologies: list[str], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["methodology"].choices = [(one, one) for one in methodologies]  # type: ignore[attr-defined]


class ConflictsForm(forms.Form):
    """What the verifier says about itself, to be signed."""

    conflicts = _words(
        _("Possible conflicts of interest"), _("In your own words; “None.” where there is none.")
    )


class SignedForm(forms.Form):
    """Something that was signed elsewhere."""

    signed = forms.CharField(
        label=_("Signed text"),
        help_text=_("What “tanpuhui verification sign” printed. Your private key never comes here."),
        max_length=500_000,
        widget=forms.Textarea(attrs={"rows": 5, "class": "code", "spellcheck": "false"}),
    )


class PlanForm(forms.Form):
    """How precise the sample is to be, and the digest of a nonce."""

    precision = forms.ChoiceField(
        label=_("Confidence and precision"), choices=[(one, one) for one in PRECISIONS]
    )
    share = forms.CharField(
        label=_("Expected share that agrees"),
        initial="0.5",
        max_length=10,
        help_text=_("0.5 where nothing is known."),
    )
    cluster = forms.CharField(label=_("Acts to a cluster"), initial="1", max_length=10)
    icc = forms.CharField(label=_("Correlation within a cluster"), initial="0", max_length=10)
    nonce_digest = forms.CharField(
        label=_("Digest of your nonce"),
        max_length=71,
        help_text=_(
            "sha256: and the SHA-256 of 32 or more random characters that you keep to yourself until the draw: "
            "echo -n NONCE | sha256sum"
        ),
        widget=forms.TextInput(attrs={"class": "code", "autocomplete": "off", "spellcheck": "false"}),
    )


class NonceForm(forms.Form):
    """The nonce, opened."""

    nonce = forms.CharField(
        label=_("Your nonce"),
        max_length=500,
        strip=True,
        widget=forms.TextInput(attrs={"class": "code", "autocomplete": "off", "spellcheck": "false"}),
    )


class ExamineForm(forms.Form):
    """What was found about one act."""

    verdict = forms.ChoiceField(label=_("What you found"), choices=VERDICTS, widget=forms.RadioSelect)
    right_mg = forms.IntegerField(
        label=_("Right amount, in mg"), required=False, min_value=0, help_text=_("Only where it differs.")
    )
    note = _words(_("Evidence"), _("Which document, which line. Name no person."), most=MOST_CHARACTERS)


class FindingForm(forms.Form):
    """Something that is wrong, and what is asked for."""

    severity = forms.ChoiceField(label=_("Severity"), choices=SEVERITIES)
    text = _words(_("What is wrong"))
    asked = _words(_("Corrective action asked for"))


class StepForm(forms.Form):
    """How an answered finding goes on."""

    step = forms.ChoiceField(
        label=_("How it goes on"),
        choices=[("closed", _("closed")), ("returned", _("given back to the operator"))],
        widget=forms.RadioSelect,
    )
    text = _words(_("Why"))


class WishForm(forms.Form):
    """The conclusion that is to be signed: what the numbers say, or something stricter."""

    conclusion = forms.ChoiceField(
        label=_("Conclusion"),
        required=False,
        choices=[
            ("", _("as the numbers say")),
            ("adjust", _("lower the lot by the upper bound")),
            ("refuse", _("refuse the lot")),
        ],
    )
    remarks = forms.CharField(
        label=_("Remarks"), required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 3})
    )
