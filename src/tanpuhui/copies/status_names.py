"""Status names: what a factor's or rule's status is called in the reader's language."""

from __future__ import annotations

from django.utils.translation import pgettext


def status_name(value: str) -> str:
    """What a status is called."""
    return {
        "official": pgettext("status", "official"),
        "published": pgettext("status", "published"),
        "secondary": pgettext("status", "secondary"),
        "illustrative": pgettext("status", "illustrative"),
    }[value]
