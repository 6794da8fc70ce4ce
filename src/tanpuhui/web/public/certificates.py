"""Certificates as pages: a list, and one page each that proves what was used: serials, states, rule, signature."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from tanpuhui.copies.certificate import certificate_pdf, rule_lines
from tanpuhui.copies.credential import MEDIA_TYPE, certificate_credential
from tanpuhui.copies.credential_words import reason_text
from tanpuhui.kit.refusal import Refusal
from tanpuhui.notary.documents import leaves_of_certificate
from tanpuhui.offsetting.certificate import annulled_of, credential_of, find_certificate
from tanpuhui.offsetting.certificate import as_json as said_of
from tanpuhui.offsetting.models import Certificate
from tanpuhui.registry.models import Block
from tanpuhui.transparency.credential import state_of
from tanpuhui.web.shared.refused import status_of, text_of

PER_PAGE = 25
LANGUAGES = {"zh": "zh-hans", "en": "en"}


class NumberForm(forms.Form):
    """A number as it is printed on paper."""

    number = forms.CharField(
        label=_("Number of a certificate"),
        max_length=40,
        help_text=_("As it is printed, for example C000001-95."),
    )


def all_of_them(request: HttpRequest) -> HttpResponseBase:
    """Every certificate, newest first; with a number, the way to that one."""
    form = NumberForm(request.GET if "number" in request.GET else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            found = find_certificate(form.cleaned_data["number"])
        except Refusal as refusal:
            form.add_error("number", text_of(refusal))
            status = status_of(refusal)
        else:
            return redirect("certificate", found.number)
    elif form.is_bound:
        status = 422
    page = Paginator(Certificate.objects.order_by("-sequence"), PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"certificate": one, "annulled": annulled_of(one)} for one in page]
    return render(
        request, "public/certificates.html", {"page": page, "rows": rows, "form": form}, status=status
    )


def one(request: HttpRequest, number: str) -> HttpResponse:
    """What was used, by which company, under which rule; where each serial number is now; and the proof."""
    found = _found(number)
    content = found.content
    context = {
        "certificate": found,
        "content": content,
        "used_at": datetime.fromisoformat(content["used_at"]),
        "rule": rule_lines(content),
        "ranges": [{**each, "now": _now(each)} for each in content["ranges"]],
        "annulled": annulled_of(found),
        **_credential(found),
    }
    return render(request, "public/certificate.html", context)


def as_json(request: HttpRequest, number: str) -> HttpResponse:
    """The same for programs: content, digest, signature and key, and what became of its lots since."""
    del request
    found = _found(number)
    answer = JsonResponse(said_of(found), json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def as_credential(request: HttpRequest, number: str) -> HttpResponse:
    """The credential as a file, with everything to show and the log's proof; its holder may pass on less."""
    del request
    found = _found(number)
    answer = HttpResponse(certificate_credential(found).text(), content_type=MEDIA_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="certificate-{found.number}.sd-jwt.json"'
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def as_pdf(request: HttpRequest, number: str) -> HttpResponse:
    """The same for paper, in the reader's language."""
    del request
    found = _found(number)
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    answer = HttpResponse(certificate_pdf(found, LANGUAGES[language]), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="certificate-{found.number}-{language}.pdf"'
    return answer


def _found(number: str) -> Certificate:
    """A certificate by exactly its number; anything else is not there."""
    found = Certificate.objects.filter(number=number).first()
    if found is None:
        raise Http404
    return found


def _credential(found: Certificate) -> dict[str, Any]:
    """The credential's status with the reason of its last step, its signature, and whether the log's proof is in it."""
    credential = credential_of(found)
    step = credential.steps.order_by("-sequence").first()
    return {
        "status": state_of(credential),
        "step": step,
        "why": reason_text(step) if step else "",
        "credential": credential,
        "signature": credential.jwt.rpartition(".")[2],
        "is_logged": bool(leaves_of_certificate(found)),
    }


def _now(each: dict[str, Any]) -> list[str]:
    """The states in which the numbers of a range are now: one, as long as nothing is wrong."""
    inside = Block.objects.filter(
        lot=each["lot"],
        closed_at__isnull=True,
        first__lte=each["serial_last"],
        last__gte=each["serial_first"],
    )
    return sorted(set(inside.values_list("state", flat=True)))
