"""Words for what is stored by code: states of a grant, who took a step, and amounts of money."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from tanpuhui.consent.state import State
from tanpuhui.copies.state_names import state_name
from tanpuhui.money.amounts import to_text
from tanpuhui.web.resident.pool_forms import currency_name

register = template.Library()


@register.filter
def grant_state(code: str) -> str:
    """A state's name."""
    return state_name(State(code))


@register.filter
def giver(code: str) -> str:
    """Who took a step."""
    return {
        "resident": pgettext("giver", "you"),
        "guardian": pgettext("giver", "the guardian"),
        "operator": pgettext("giver", "staff, on your word"),
        "platform": pgettext("giver", "the platform"),
    }.get(code, code)


@register.simple_tag
def money_amount(minor: int, currency: str) -> SafeString:
    """Money with all its places, and the currency's name in the reader's language."""
    whole, point, places = to_text(abs(minor), currency).partition(".")
    grouped = number_format(int(whole), force_grouping=True)
    return format_html(
        '<span class="amount">{}{}{}{}<span class="unit">{}</span></span>',
        "\N{MINUS SIGN}" if minor < 0 else "",
        grouped,
        point,
        places,
        "\N{NO-BREAK SPACE}" + currency_name(currency),
    )
