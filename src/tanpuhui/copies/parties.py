"""Parties: what providers and recipients are called in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import get_language

from tanpuhui.access.models import Organisation
from tanpuhui.consent.policy import policy


def party_names(codes: Iterable[str]) -> dict[str, str]:
    """What providers and recipients are called in the reader's language, by code; one query."""
    language = get_language() or ""
    wanted = set(codes)
    known = {one.code: one.name(language) for one in Organisation.objects.filter(code__in=wanted)}
    return {code: known.get(code) or policy().name_of(code, language) for code in wanted}
