"""Tags of a provider's pages: the address of a key, which is called by its provider and a digest."""

from __future__ import annotations

from django import template
from django.urls import reverse

from tanpuhui.evidence.provider_key import Key

register = template.Library()


@register.simple_tag
def key_url(organisation: str, key: Key) -> str:
    """Where a key is revoked."""
    name = key.key_id.rpartition(":")[2]
    return reverse("provider:revoke_key", kwargs={"organisation": organisation, "key": name})
