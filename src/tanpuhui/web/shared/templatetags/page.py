"""Tags that every template knows: amounts, badges, icons, and the parts that pages are made of."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from django import template
from django.core.paginator import Page
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.access.models import Organisation
from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.copies import points_words as points
from tanpuhui.copies.cap_in_words import in_tonnes as tonnes_of
from tanpuhui.copies.status_names import status_name
from tanpuhui.kit.exact import format_fraction
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.methodology import Methodology, Step, Text
from tanpuhui.methodology.typeset import plain_signs
from tanpuhui.money.amounts import to_text
from tanpuhui.points.models import Offer, Sponsor
from tanpuhui.web.shared.energy import energy as energy_of
from tanpuhui.web.shared.formula import short, spoken
from tanpuhui.web.shared.mass import mass as mass_of
from tanpuhui.web.shared.refused import text_of

register = template.Library()

#: What a factor's status is called, and what it means.
STATUSES = ("official", "published", "secondary", "illustrative")


@register.filter
def mass(amount_mg: int, unit: str = "") -> SafeString:
    """Milligrams as an exact amount, in a unit if one is given; in the element they are there for programs."""
    shown = mass_of(int(amount_mg), unit=unit)
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
def energy(energy_wh: int) -> str:
    """Watt-hours as exact kilowatt-hours."""
    return energy_of(int(energy_wh))


@register.filter
def count(number: int) -> str:
    """A whole number with the language's separators."""
    return number_format(number, force_grouping=True)


@register.filter
def money(amount_minor: int, currency: str) -> SafeString:
    """Minor units as an amount of money with all its places, and its currency."""
    sign = "-" if amount_minor < 0 else ""
    whole, point, places = to_text(abs(amount_minor), currency).partition(".")
    return format_html(
        '<span class="amount">{}{}{}{}<span class="unit">\N{NO-BREAK SPACE}{}</span></span>',
        sign,
        number_format(int(whole), force_grouping=True),
        point,
        places,
        currency,
    )


@register.simple_tag
def standing_badge(state: str) -> SafeString:
    """How an offer stands, as a badge."""
    return format_html(
        '<span class="badge {}">{}</span>', points.standing_tone(state), points.standing_name(state)
    )


@register.simple_tag
def redemption_badge(state: str) -> SafeString:
    """What became of a redemption, as a badge."""
    return format_html('<span class="badge {}">{}</span>', points.state_tone(state), points.state_name(state))


@register.simple_tag
def offer_kind(kind: str) -> str:
    """What a kind of offer is called."""
    return points.kinds()[kind]


@register.filter
def offer_title(offer: Offer) -> str:
    """An offer's title in the reader's language."""
    return points.title_of(offer)


@register.filter
def offer_text(offer: Offer) -> str:
    """What an offer says, in the reader's language."""
    return offer.text(get_language() or "")


@register.filter
def offer_limits(offer: Offer) -> list[str]:
    """What limits an offer, one plain sentence each."""
    return points.limits_of(offer)


@register.filter
def percent_points(hundredths: int) -> str:
    """Hundredths of a percentage point as a decimal: 25 is 0.25."""
    return format_fraction(Fraction(hundredths, 100))


@register.filter
def refusal_text(refusal: Refusal) -> str:
    """A refusal's sentence in the reader's language, with its facts and the next step."""
    return text_of(refusal)


@register.simple_tag
def status(value: str) -> SafeString:
    """A factor's status as a badge with its meaning."""
    meanings = {
        "official": _("from an official text in force"),
        "published": _("from a published study or a document that is not in force"),
        "secondary": _("as quoted by somebody else"),
        "illustrative": _("no official text supports this number"),
    }
    assert value in STATUSES, "one of the statuses of a factor"
    return format_html(
        '<span class="badge {}" title="{}">{}</span>', value, meanings[value], status_name(value)
    )


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
def formula(methodology: Methodology, step: Step) -> SafeString:
    """A step's formula as a drawing, with its text for whoever does not see it."""
    language = spoken_language()
    address = reverse(
        "formula",
        kwargs={
            "key": f"{methodology.code}@{methodology.version}",
            "step": step.name,
            "language": language,
            "digest": short(methodology.digest),
        },
    )
    return format_html(
        '<span class="formula-box" role="group" tabindex="0" aria-label="{}">'
        '<img class="formula" src="{}" alt="{}" loading="lazy"></span>',
        _("Formula"),
        address,
        spoken(methodology, step, language),
    )


@register.filter
def said(text: Text) -> str:
    """A text of a methodology in the reader's language."""
    return text.zh if spoken_language() == "zh" else text.en


@register.filter
def exact(value: Fraction) -> str:
    """A fraction as a decimal where it ends, and as ``p/q`` where it does not."""
    return format_fraction(value)


@register.filter
def short_digest(digest: str) -> str:
    """Enough of a digest to compare by eye."""
    return short(digest)


def spoken_language() -> str:
    """Chinese where the reader reads Chinese, English otherwise: what methodologies are written in."""
    return "zh" if (get_language() or "zh").startswith("zh") else "en"


@register.filter
def signs(text: str) -> str:
    """A formula's text with the signs of mathematics."""
    return plain_signs(text)


@register.filter
def shortened(value: str) -> str:
    """An exact value as it is read: a fraction that does not end also as a decimal, cut after six places."""
    if "/" not in value:
        return value
    return f"{value} ≈ {float(Fraction(value)):.6g}"


@register.filter
def methodology_title(key: str) -> str:
    """The title of a methodology by its key, or the key where it is not here."""
    methodology = find_methodology(key)
    return said(methodology.title) if methodology else key


@register.simple_tag(takes_context=True)
def audience_url(context: template.Context, name: str, *arguments: object) -> str:
    """The address of a page that several kinds of organisation have, for the reader's own one."""
    organisation = context["request"].organisation
    return reverse(f"{organisation.kind}:{name}", args=[organisation.code, *arguments])


@register.inclusion_tag("shared/sponsor_tab.html", takes_context=True)
def sponsor_tab(context: template.Context) -> dict[str, object]:
    """The entry of what an organisation owes for its points, where it funds any."""
    organisation = context["request"].organisation
    is_one = Sponsor.objects.filter(pk=organisation.pk).exists()
    address = reverse(f"{organisation.kind}:sponsor", args=[organisation.code]) if is_one else ""
    return {"address": address, "request": context["request"]}


@register.simple_tag
def member_url(kind: str, name: str, code: str, key: object = None) -> str:
    """The address of a page about members, in the audience of a kind of organisation."""
    wanted: dict[str, object] = {"organisation": code}
    if key is not None:
        wanted["invitation" if name == "end_invitation" else "member"] = key
    return reverse(f"{kind}:{name}", kwargs=wanted)


@register.simple_tag(takes_context=True)
def organisation_url(context: template.Context, name: str, statement: object) -> str:
    """The address of a disclosed statement, in the audience of the organisation that looks at it."""
    organisation = context["request"].organisation
    wanted = {"organisation": organisation.code, "statement": statement}
    return reverse(f"{organisation.kind}:{name}", kwargs=wanted)


@register.filter
def in_tonnes(amount_mg: int) -> str:
    """Milligrams as exact tonnes, whatever the amount: what registries and rules speak of."""
    return tonnes_of(int(amount_mg))


@register.filter
def language_of(texts: dict[str, str]) -> str:
    """A text that is there in Chinese and English, in the reader's language."""
    return texts.get(spoken_language(), "")


@register.simple_tag
def company_name(said: dict[str, str]) -> str:
    """A company's name as a certificate has it, in the reader's language."""
    return said["name_zh"] if spoken_language() == "zh" else said["name_en"]
