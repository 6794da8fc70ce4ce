"""Refused: a refusal from any verb becomes a clear page in the reader's language, with a fitting status."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_noop, pgettext

from tanpuhui.evidence.said import chinese
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.shared.security_log import note

NOT_FOUND, CONFLICT, NOT_POSSIBLE = 404, 409, 422
#: A moment in a refusal that was stored: its facts are JSON.
_MOMENT = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)\Z")
#: What pages say of refusals of the ledger, which speaks to nobody: entries of old months are in files.
OLD_ENTRIES = (
    gettext_noop("Old entries are being moved at this moment. Look again in a minute."),
    gettext_noop(
        "A file with old entries cannot be read. The operator has to bring it back: tell them, and look again later."
    ),
)
_CONFLICTS = ("already", "taken", "in_use", "used", "closed")


def status_of(refusal: Refusal) -> int:
    """404 where there is no such thing, 409 where something else stands in the way, 422 otherwise."""
    name = refusal.code.rpartition(".")[2]
    if name.startswith(("unknown", "no_such")) or name.endswith("_unknown"):
        return NOT_FOUND
    if any(word in name for word in _CONFLICTS):
        return CONFLICT
    return NOT_POSSIBLE


def text_of(refusal: Refusal) -> str:
    """The refusal's sentence in the reader's language, with its facts and the next step."""
    facts = {name: _shown(value) for name, value in refusal.facts.items()}
    message = refusal.on_page or refusal.message
    said = gettext(message)
    if said == message and (get_language() or "").startswith("zh"):
        said = chinese().get(refusal.code, said)
    return said.format(**facts)


def _shown(value: object) -> object:
    if value is None:
        return "–"
    if isinstance(value, str) and _MOMENT.match(value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    return pgettext("fact", value) if isinstance(value, str) and value else value


class Refused:
    """Innermost middleware: answers for views that let a refusal through."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        note("refused", request, code=exception.code)
        context = {"text": text_of(exception), "code": exception.code}
        return render(request, "shared/refused.html", context, status=status_of(exception))
