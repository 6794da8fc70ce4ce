"""Words for what is stored by code: states of a grant, and who took a step."""

from __future__ import annotations

from django import template
from django.utils.translation import pgettext

from tanpuhui.consent.state import State
from tanpuhui.copies.state_names import state_name

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
