"""Views of a data provider: what was sent and what became of it, sending, trying out, correcting, taking back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tanpuhui.access.models import Membership, Organisation
from tanpuhui.close.installation import places, zone
from tanpuhui.evidence import quarantine, receipt
from tanpuhui.evidence.models import Batch, Contract, InboxBatch, QuarantinedRow
from tanpuhui.evidence.quality import quality_of
from tanpuhui.evidence.resubmit import resubmit
from tanpuhui.evidence.said import reason
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.provider.forms import CorrectionForm, SendForm
from tanpuhui.web.provider.send import rehearsed, taken
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.upload import was_too_large

NEWEST, PER_PAGE = 10, 25
SCORED = timedelta(days=30)
#: Whoever does the work; an auditor looks.
DOERS = (Membership.ADMIN, Membership.MEMBER)


@organisation_page(Organisation.PROVIDER)
def home(request: HttpRequest) -> HttpResponse:
    """What was sent last, what waits, and how good it is."""
    provider = cast(MemberRequest, request).organisation.code
    now = utc_now()
    contract = Contract.objects.filter(provider=provider).order_by("-version").first()
    batches = _batches(provider)[:NEWEST]
    waiting = InboxBatch.objects.filter(provider=provider, waiting__isnull=False).count()
    refused = InboxBatch.objects.filter(provider=provider, refusal__isnull=False).select_related("refusal")
    context = {
        "contract": contract,
        "quality": quality_of(provider, since=now - SCORED, until=now),
        "batches": batches,
        "waiting": waiting,
        "refused": refused.order_by("-pk")[:3],
        "quarantined": quarantine.quarantined(provider=provider).count(),
    }
    return render(request, "provider/home.html", context)


@organisation_page(Organisation.PROVIDER)
def batches(request: HttpRequest) -> HttpResponse:
    """Every batch, newest first."""
    provider = cast(MemberRequest, request).organisation.code
    page = Paginator(_batches(provider), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "provider/batches.html", {"page": page})


@organisation_page(Organisation.PROVIDER, *DOERS)
def send(request: HttpRequest) -> HttpResponseBase:
    """Send a file, or check it without sending it."""
    mine = cast(MemberRequest, request)
    form = SendForm(request.POST, request.FILES) if request.method == "POST" else SendForm()
    context: dict[str, Any] = {"most_mb": settings.PAGE_UPLOAD_MAX_SIZE // 1_000_000}
    status = 200
    if was_too_large(request):
        form.add_error("file", _too_large())
        status = 413
    elif form.is_bound and form.is_valid():
        file, key = form.cleaned_data["file"], form.cleaned_data["key"]
        try:
            if "check" in request.POST:
                context["rehearsal"] = _with_reasons(rehearsed(mine.organisation.code, file))
            else:
                answer, is_new = taken(mine.organisation.code, file, key=key)
                if not is_new:
                    messages.info(
                        request, _("This file was sent before. Here is its receipt; it counts once.")
                    )
                return redirect("provider:batch", organisation=mine.organisation.code, batch=answer.batch)
        except Refusal as refusal:
            form.add_error("file", text_of(refusal))
            status = status_of(refusal)
    elif form.is_bound:
        status = 422
    return render(request, "provider/send.html", {"form": form, **context}, status=status)


@organisation_page(Organisation.PROVIDER)
def batch(request: HttpRequest, batch: int) -> HttpResponse:
    """One batch: its receipt, and its refused rows."""
    provider = cast(MemberRequest, request).organisation.code
    found = own_or_404(_batches(provider), pk=batch)
    rows = quarantine.quarantined(provider=provider, batch=batch, open_only=False)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    chinese = _in_chinese()
    context = {
        "batch": found,
        "reasons": [
            {"code": code, "text": reason(code, in_chinese=chinese), "number": number}
            for code, number in sorted(found.reasons.items(), key=lambda pair: -pair[1])
        ],
        "page": page,
        "rows": [{"row": row, "text": reason(row.code, in_chinese=chinese)} for row in page],
    }
    return render(request, "provider/batch.html", context)


@organisation_page(Organisation.PROVIDER)
def batch_receipt(request: HttpRequest, batch: int) -> HttpResponse:
    """The signed receipt as a file."""
    provider = cast(MemberRequest, request).organisation.code
    found = own_or_404(Batch.objects.filter(provider=provider), pk=batch)
    body = {**receipt.of(found).as_json(), "public_key": receipt.public_key()}
    answer = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="receipt-{found.pk}.json"'
    return answer


@organisation_page(Organisation.PROVIDER)
def quarantined(request: HttpRequest) -> HttpResponse:
    """Every refused row that was not sent again yet."""
    provider = cast(MemberRequest, request).organisation.code
    page = Paginator(quarantine.quarantined(provider=provider), PER_PAGE).get_page(request.GET.get("page"))
    chinese = _in_chinese()
    rows = [{"row": row, "text": reason(row.code, in_chinese=chinese)} for row in page]
    return render(request, "provider/quarantine.html", {"page": page, "rows": rows})


@organisation_page(Organisation.PROVIDER, *DOERS)
def correct(request: HttpRequest, row: int) -> HttpResponseBase:
    """One refused row: why, its content, and the same with corrections, sent again."""
    mine = cast(MemberRequest, request)
    found = own_or_404(
        QuarantinedRow.objects.filter(batch__provider=mine.organisation.code).select_related("batch"), pk=row
    )
    content = {name: text for name, text in quarantine.content(found).items() if name != quarantine.FILE}
    form = CorrectionForm(content, found.field, request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            answer = _sent_again(found, form.corrections())
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            if answer.refused:
                messages.warning(
                    request, _("The row was refused once more. It is in this new batch, with why.")
                )
            else:
                messages.success(request, _("The row was sent again and taken."))
            return redirect("provider:batch", organisation=mine.organisation.code, batch=answer.batch)
    elif form.is_bound:
        status = 422
    context = {
        "form": form,
        "row": found,
        "text": reason(found.code, in_chinese=_in_chinese()),
        "again": getattr(found, "resolution", None),
    }
    return render(request, "provider/row.html", context, status=status)


def _batches(provider: str) -> Any:
    opened = Count("quarantined", filter=Q(quarantined__resolution__isnull=True))
    return Batch.objects.filter(provider=provider).annotate(opened=opened).order_by("-pk")


def _sent_again(row: QuarantinedRow, corrections: dict[str, str | None]) -> receipt.Receipt:
    where = places()
    with transaction.atomic():
        return resubmit(
            {row.pk: corrections}, at=utc_now(), lake=where.lake, buckets=where.buckets, zone=zone()
        )


def _with_reasons(found: Any) -> dict[str, Any]:
    chinese = _in_chinese()
    return {
        "counts": found.counts,
        "refusals": [{**row, "text": reason(row["code"], in_chinese=chinese)} for row in found.refusals],
    }


def _too_large() -> str:
    return _(
        "The file is larger than %(most)s MB. Send it in parts, or through the interface for programs."
    ) % {"most": settings.PAGE_UPLOAD_MAX_SIZE // 1_000_000}


def _in_chinese() -> bool:
    return (get_language() or "").startswith("zh")
