"""Language: a refusal's message in the caller's language.

English is the refusal's own; Chinese is in ``evidence/messages.zh.toml``, or with the words of pages that say it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import get_language_from_request

from tanpuhui.api.refusals import PASSED_ON
from tanpuhui.evidence.said import chinese, reason
from tanpuhui.kit.refusal import Refusal

ENGLISH, CHINESE = "en", "zh-Hans"


def language_of(request: HttpRequest) -> str:
    """English where the caller prefers it; otherwise Chinese, the platform's default."""
    found = get_language_from_request(request)
    return ENGLISH if found.startswith("en") else CHINESE


def message_in(language: str, refusal: Refusal) -> str:
    """A refusal's message."""
    if language == CHINESE and refusal.code.startswith(PASSED_ON) and refusal.code not in chinese():
        with translation.override("zh-hans"):
            return translation.gettext(refusal.on_page or refusal.message).format(**refusal.facts)
    english = refusal.on_page.format(**refusal.facts) if refusal.on_page else str(refusal)
    return text_in(language, refusal.code, refusal.facts, english)


def text_in(language: str, code: str, facts: Mapping[str, Any], english: str) -> str:
    """A code's message in a language, with its facts; English where a language lacks it."""
    if language == ENGLISH:
        return english
    template = chinese().get(code)
    return template.format(**facts) if template is not None else english


def is_for_callers(code: str) -> bool:
    """Whether a refusal is one that a caller of the API can do something about: those have a Chinese message."""
    return code in chinese() or code.startswith(PASSED_ON)


def reason_in(language: str, code: str) -> str:
    """Why a row was refused, and what to do next."""
    return reason(code, in_chinese=language != ENGLISH)
