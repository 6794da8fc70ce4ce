"""Tags that every template knows: amounts, badges, icons, and the parts that pages are made of."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.paginator import Page
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from tanpuhui.access.models import Organisation
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.mass import mass as mass_of
from tanpuhui.web.shared.refused import text_of

register = template.Library()

#: What a factor's status is called, and what it means.
STATUSES = ("official", "published", "secondary", "illustrative")


@register.filter
def mass(amount_mg: int) -> SafeString:
    """Milligrams as an exact amount; the milligrams themselves are in the element for programs."""
    shown = mass_of(int(amount_mg))
    return format_html(
        '<data class="amount" value="{}">{}<span class="unit">\N{NO-BREAK SPACE}{}</span></data>',
        shown.mg,
        shown.number,
        shown.unit,
    )


@register.filter
def mass_text(amount_mg: int) -> str:
    """Milligrams as exact text, for titles and labels."""
    return str(mass_of(int(amount_mg)))


@register.filter
def count(number: int) -> str:
    """A whole number with the language's separators."""
    return number_format(number, force_grouping=True)


@register.filter
def refusal_text(refusal: Refusal) -> str:
    """A refusal's sentence in the reader's language, with its facts and the next step."""
    return text_of(refusal)


@register.simple_tag
def status(value: str) -> SafeString:
    """A factor's status as a badge with its meaning."""
    names = {
        "official": pgettext("status", "official"),
        "published": pgettext("status", "published"),
        "secondary": pgettext("status", "secondary"),
        "illustrative": pgettext("status", "illustrative"),
    }
    meanings = {
        "official": _("from an official text in force"),
        "published": _("from a published study or a document that is not in force"),
        "secondary": _("as quoted by somebody else"),
        "illustrative": _("no official text supports this number"),
    }
    assert value in STATUSES, "one of the statuses of a factor"
    return format_html('<span class="badge {}" title="{}">{}</span>', value, meanings[value], names[value])


@register.inclusion_tag("shared/field.html")
def field(bound: Any) -> dict[str, Any]:
    """One field of a form: label, help, input and error."""
    return {"field": bound}


@register.inclusion_tag("shared/empty.html")
def empty(text: str, link: str = "", label: str = "") -> dict[str, str]:
    """What stands where a list would be: a sentence, and what to do next."""
    return {"text": text, "link": link, "label": label}


@register.inclusion_tag("shared/pages.html", takes_context=True)
def pages(context: template.Context, page: Page[Any]) -> dict[str, Any]:
    """Links to the page before and after, keeping what the address asks for."""
    asked = context["request"].GET.copy()
    asked.pop("page", None)
    return {"page": page, "asked": asked.urlencode()}


@register.inclusion_tag("shared/icon.html")
def icon(name: str) -> dict[str, str]:
    """A drawing without a name of its own: the words beside it say what it is."""
    return {"name": name}


@register.inclusion_tag("shared/tab.html", takes_context=True)
def tab(
    context: template.Context, address: str, text: str, icon: str = "", *, below: bool = False
) -> dict[str, object]:
    """One entry of an audience's navigation; marked where the reader is, and with ``below`` on pages below it."""
    here = context["request"].path
    current = "page" if here == address else "true" if below and here.startswith(address) else ""
    return {"address": address, "text": text, "icon": icon, "current": current}


@register.simple_tag
def organisation_name(organisation: Organisation) -> str:
    """An organisation's name in the reader's language."""
    return organisation.name(get_language() or "")


@register.simple_tag
def member_url(kind: str, name: str, code: str, key: object = None) -> str:
    """The address of a page about members, in the audience of a kind of organisation."""
    wanted: dict[str, object] = {"organisation": code}
    if key is not None:
        wanted["invitation" if name == "end_invitation" else "member"] = key
    return reverse(f"{kind}:{name}", kwargs=wanted)
