"""Tags of public pages: addresses of methodologies, sources with their links, days and spans in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import template
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

from tanpuhui.methodology.methodology import Methodology
from tanpuhui.web.public import names
from tanpuhui.web.shared.mass import UNITS, unit_name

register = template.Library()


@register.simple_tag
def methodology_url(methodology: Methodology) -> str:
    """The address of a version, for good."""
    place, _slash, name = methodology.code.partition("/")
    return reverse("methodology", kwargs={"place": place, "name": name, "version": methodology.version})


@register.simple_tag
def methodology_code_url(code: str) -> str:
    """The address of the latest version of a code."""
    place, _slash, name = code.partition("/")
    return reverse("methodology_newest", kwargs={"place": place, "name": name})


@register.filter
def urlize_safe(text: str) -> SafeString:
    """Text with its web addresses as links; everything else is shown as it is."""
    return mark_safe(urlize(text, nofollow=True, autoescape=True))


@register.filter
def about(amount_mg: int) -> SafeString:
    """A large amount to four digits, never more than there is; the milligrams are in the element and its title."""
    size, unit = next(one for one in UNITS if amount_mg >= one[0] or one[1] == "mg")
    places = max(0, 4 - len(str(amount_mg // size))) if size > 1 else 0
    whole, rest = divmod(amount_mg * 10**places // size, 10**places)
    digits = str(rest).rjust(places, "0").rstrip("0") if places else ""
    number = number_format(f"{whole}.{digits}" if digits else str(whole), use_l10n=True, force_grouping=True)
    return format_html(
        '<data class="amount" value="{}" title="{} mg">{}<span class="unit">\N{NO-BREAK SPACE}{}</span></data>',
        amount_mg,
        number_format(amount_mg, force_grouping=True),
        number,
        unit_name(unit),
    )


@register.filter
def as_day(text: str) -> str:
    """``2026-03-02`` as the reader writes it."""
    return date_format(date.fromisoformat(text), "DATE_FORMAT")


@register.filter
def times(number: int, factor: int) -> int:
    """A product, for the height of a picture."""
    return number * factor


@register.filter
def millionths(number: int) -> str:
    """Millionths as a decimal, as an epsilon is written."""
    return names.format_decimal(number)


@register.filter
def kind_name(kind: str) -> str:
    """A kind of act in the reader's language."""
    return names.kind_name(kind)


@register.simple_tag
def kept_for(life: Mapping[str, Any]) -> str:
    """``{"unit": "MONTH", "value": 36}`` in words."""
    number = int(life["value"])
    words = {
        "DAY": ngettext("%(number)s day", "%(number)s days", number),
        "MONTH": ngettext("%(number)s month", "%(number)s months", number),
        "YEAR": ngettext("%(number)s year", "%(number)s years", number),
    }
    return words[life["unit"]] % {"number": number}
