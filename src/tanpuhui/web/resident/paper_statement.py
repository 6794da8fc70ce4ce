"""Paper statement: one's own statement on A4, in either language, in large print if wanted."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import get_language

from tanpuhui.consent.age import ZONE
from tanpuhui.copies.parties import party_names
from tanpuhui.copies.statement import Printed, statement_pdf
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.resident.consents_on_offer import recipients_of, sources_of
from tanpuhui.web.shared.access import ResidentRequest, resident_page

LANGUAGES = ("zh-hans", "en")


@resident_page
def paper_statement(request: HttpRequest) -> HttpResponse:
    """The statement of one's own account as a PDF."""
    language = request.GET.get("language", "")
    return statement_answer(
        cast(ResidentRequest, request).account,
        language=language if language in LANGUAGES else get_language() or LANGUAGES[0],
        large=request.GET.get("print") == "large",
    )


def statement_answer(account: int, *, language: str, large: bool) -> HttpResponse:
    """The PDF of an account's statement as an answer."""
    now = utc_now()
    offers = [*sources_of(account, at=now), *recipients_of(account, at=now)]
    with translation.override(language):
        names = party_names({one.provider if one.reports else one.recipient for one in offers})
    how = Printed(language, large=large, zone=ZONE, names=tuple(sorted(names.items())))
    answer = HttpResponse(statement_pdf(account, how, at=now), content_type="application/pdf")
    day = timezone.localdate().isoformat()
    answer["Content-Disposition"] = f'inline; filename="statement-{account}-{day}.pdf"'
    return answer
