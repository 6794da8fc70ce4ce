"""Tags of the pages about trading."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tanpuhui.copies import market_words as words

register = template.Library()


@register.simple_tag
def trade_badge(state: str) -> SafeString:
    """How a listing, a proposal, an auction or a trade stands, as a badge."""
    return format_html('<span class="badge {}">{}</span>', words.state_tone(state), words.state_name(state))
