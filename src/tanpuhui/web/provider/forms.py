"""Forms of a provider's pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tanpuhui.evidence.quarantine import LINE


class SendForm(forms.Form):
    """A file, and under which key it counts once."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV, NDJSON or Parquet, in your contract's format and in UTF-8."),
        widget=forms.FileInput(attrs={"accept": ".csv,.ndjson,.jsonl,.parquet,.txt"}),
    )
    key = forms.CharField(
        label=_("Batch key"),
        max_length=200,
        required=False,
        help_text=_("A name under which this file counts once, such as 2026-03-02/1. Left out: its digest."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class CorrectionForm(forms.Form):
    """Every column of a refused row, as it was sent; the one that was wrong comes first."""

    def __init__(self, content: Mapping[str, str | None], wrong: str, given: Any = None) -> None:
        super().__init__(given)
        self.content = content
        for number, name in enumerate(sorted(content, key=lambda name: (name != wrong, name))):
            self.fields[f"column_{number}"] = _column(name, content[name], is_wrong=name == wrong)

    def corrections(self) -> dict[str, str | None]:
        """What was changed. An emptied column is an empty value, and one that had none and has none stays so."""
        found: dict[str, str | None] = {}
        for field, given in self.cleaned_data.items():
            name = self._name(field)
            if given != (self.content[name] or ""):
                found[name] = given or None
        return found

    def _name(self, field: str) -> str:
        return str(self.fields[field].widget.attrs["data-column"])


class RetractionForm(forms.Form):
    """An act that never was, named as it was reported."""

    source_id = forms.CharField(label=_("Your id of the act"), max_length=200)
    person = forms.CharField(label=_("Pseudonym"), max_length=200)
    kind = forms.ChoiceField(label=_("Kind of act"))
    started_at = forms.CharField(
        label=_("Started at"),
        max_length=40,
        help_text=_("As it was reported, such as 2026-03-02T08:10:00+08:00."),
    )
    ended_at = forms.CharField(label=_("Ended at"), max_length=40)
    revision = forms.IntegerField(
        label=_("Revision"),
        min_value=1,
        max_value=1_000_000,
        initial=1,
        help_text=_("One more than the last one that you sent of this act."),
    )

    def __init__(self, kinds: list[tuple[str, str]], given: Any = None) -> None:
        super().__init__(given)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = kinds


class KeyForm(forms.Form):
    """A public key, as text."""

    public_key = forms.CharField(
        label=_("Public key"),
        max_length=2_000,
        help_text=_("Ed25519: 32 bytes in base64, or a PEM. 'tanpuhui send keygen' makes a pair."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )


class RevokeForm(forms.Form):
    """Why a key is revoked."""

    reason = forms.CharField(label=_("Why"), max_length=200)


class Column(forms.CharField):
    """A column's text, which may be empty if that is what it is."""

    #: Nothing about it is optional: it is what was sent.
    as_it_was = True


def _column(name: str, text: str | None, *, is_wrong: bool) -> forms.Field:
    attributes = {"data-column": name, "autocomplete": "off"}
    widget: forms.Widget = forms.TextInput(attrs=attributes)
    if name == LINE:
        widget = forms.Textarea(attrs={**attributes, "rows": 3})
    return Column(
        label=_("The whole line") if name == LINE else name,
        initial=text or "",
        required=False,
        max_length=1_000_000,
        strip=False,
        help_text=_("This was refused.") if is_wrong else "",
        widget=widget,
    )
