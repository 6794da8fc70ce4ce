"""Problem: every refusal as problem+json (RFC 9457), in the caller's language, and never a stack trace."""

from __future__ import annotations

import json
import logging
import secrets
from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, pgettext

from tanpuhui.api.language import CHINESE, ENGLISH, text_in
from tanpuhui.api.refusals import TooManyRequests
from tanpuhui.api.resident.refusals import OurFault, status_of
from tanpuhui.kit.refusal import Refusal

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:tanpuhui:problem:"
_log = logging.getLogger("tanpuhui.api")


def problem(refusal: Refusal) -> HttpResponse:
    """The answer to a request that is refused: code, facts, and the next step."""
    status = status_of(refusal.code)
    kept = refusal.as_json()
    content = {
        "type": TYPE + refusal.code,
        "title": _title(status),
        "status": status,
        "detail": _detail(refusal),
        "code": refusal.code,
        "facts": kept["facts"],
    }
    response = HttpResponse(json.dumps(content, ensure_ascii=False), content_type=MEDIA_TYPE, status=status)
    response["Content-Language"] = get_language() or ""
    response["Cache-Control"] = "no-store"
    if "retry_after_s" in refusal.facts:
        response["Retry-After"] = str(refusal.facts["retry_after_s"])
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="tanpuhui-resident"'
    return response


def our_fault(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The answer where we are wrong: a note to ask about; the trace is in the log alone."""
    note = secrets.token_hex(6)
    _log.error("note %s: %s", note, request.method, exc_info=error)
    return problem(OurFault(note=note))


def _detail(refusal: Refusal) -> str:
    """The refusal's sentence; one that both APIs have is where the provider's has it."""
    facts = {name: _shown(value) for name, value in refusal.facts.items()}
    if refusal.code == TooManyRequests.code:
        language = CHINESE if (get_language() or "").startswith("zh") else ENGLISH
        return text_in(language, refusal.code, facts, str(refusal))
    return gettext(refusal.on_page or refusal.message).format(**facts)


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "DATETIME_FORMAT")
    return value


def _title(status: int) -> str:
    return {
        401: pgettext("problem", "The token does not open this"),
        403: pgettext("problem", "Not allowed"),
        404: pgettext("problem", "Not found"),
        409: pgettext("problem", "Something else stands in the way"),
        422: pgettext("problem", "The request is refused"),
        429: pgettext("problem", "Too many"),
        500: pgettext("problem", "Our fault"),
    }[status]
