"""Tags of the console's pages: cells of numbers."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def as_number(cell: SafeString) -> SafeString:
    """A cell that Django's admin drew, set to the right as its heading is.

    >>> as_number(mark_safe('<td class="field-tonnes_cell">1</td>'))
    '<td class="number field-tonnes_cell">1</td>'
    """
    return mark_safe(cell.replace('class="', 'class="number ', 1))
