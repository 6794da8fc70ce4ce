"""Disclosed: a statement that a resident consented to, by the code that they handed over, for any kind of recipient.

An audience adds them with ``*disclosed.addresses(Organisation.BANK, "")`` in its ``urls.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from tanpuhui.access.audit import record
from tanpuhui.access.models import Membership
from tanpuhui.close.installation import jurisdiction
from tanpuhui.disclosure.look import look, look_again, signed
from tanpuhui.disclosure.models import Statement
from tanpuhui.disclosure.refusals import NotAllowed
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency.credentials.key import public_jwk
from tanpuhui.transparency.issuer import issuer_key
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.disclosed_printed import printed
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.members import frame_of
from tanpuhui.web.shared.pdf import pdf
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

NEWEST = 20
#: Codes that one organisation may try in a minute; a code has 50 random bits.
MOST_TRIES, WITHIN_S = 30, 60
TEMPLATE = Path(__file__).with_name("disclosed.typ")


class CodeForm(forms.Form):
    """What the customer handed over."""

    reference = forms.CharField(
        label=_("Reference code"),
        max_length=40,
        help_text=_(
            "Ten letters and digits, such as 7K3QF-M2X9B, which the customer makes. Good for seven days."
        ),
        widget=forms.TextInput(
            attrs={"class": "code", "autocomplete": "off", "autocapitalize": "characters"}
        ),
    )


def addresses(kind: str, under: str) -> list[URLPattern]:
    """The addresses of statements for one kind of organisation; the form that takes a code is at ``under``."""
    anybody = organisation_page(kind)
    one = "<slug:organisation>/statements/<uuid:statement>"
    return [
        path(f"<slug:organisation>/{under}", anybody(form_page), name="disclosed" if under else "home"),
        path(f"{one}/", anybody(statement), name="statement"),
        path(f"{one}.json", anybody(as_json), name="statement_json"),
        path(f"{one}.pdf", anybody(as_pdf), name="statement_pdf"),
    ]


def form_page(request: HttpRequest) -> HttpResponseBase:
    """Fetch a statement by its code; below, the statements fetched before, without anything about their customers."""
    mine = cast(MemberRequest, request)
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and mine.membership.role == Membership.AUDITOR:
        return errors.forbidden(request)
    if form.is_bound and is_over("reference-codes", mine.organisation.pk, most=MOST_TRIES, within_s=WITHIN_S):
        return errors.too_many(request)
    if form.is_bound and form.is_valid():
        try:
            found = _fetched(mine, form.cleaned_data["reference"])
        except Refusal as refusal:
            form.add_error("reference", text_of(refusal))
            status = status_of(refusal)
        else:
            name = f"{mine.organisation.kind}:statement"
            return redirect(name, organisation=mine.organisation.code, statement=found.pk)
    elif form.is_bound:
        status = 422
    newest = Statement.objects.filter(recipient=mine.organisation.code).order_by("-made_at")[:NEWEST]
    context = {"frame": frame_of(mine.organisation), "form": form, "statements": newest}
    return render(request, "shared/disclosed.html", context, status=status)


def statement(request: HttpRequest, statement: UUID) -> HttpResponse:
    """One statement, while the customer's consent holds."""
    mine = cast(MemberRequest, request)
    found = _seen(mine, statement, "page")
    context = {"frame": frame_of(mine.organisation), "statement": found, "content": found.content}
    return render(request, "shared/disclosed_statement.html", context)


def as_json(request: HttpRequest, statement: UUID) -> HttpResponse:
    """The same for programs, with its signature and the key to check it."""
    found = _seen(cast(MemberRequest, request), statement, "json")
    body = {**found.content, "signed": signed(found).compact(), "key": public_jwk(issuer_key())}
    answer = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="statement-{found.pk}.json"'
    return answer


def as_pdf(request: HttpRequest, statement: UUID) -> HttpResponse:
    """The same for paper."""
    found = _seen(cast(MemberRequest, request), statement, "pdf")
    return pdf(TEMPLATE, printed(found), name=f"statement-{found.pk}.pdf")


def _fetched(mine: MemberRequest, reference: str) -> Statement:
    with transaction.atomic():
        return look(reference, mine.organisation.code, jurisdiction=jurisdiction(), at=utc_now())


def _seen(mine: MemberRequest, statement: UUID, form: str) -> Statement:
    """The statement, with the look written down where its resident sees it; a refused look is written down too."""
    try:
        with transaction.atomic():
            found = look_again(statement, mine.organisation.code, at=utc_now())
            _note(mine, found, "see_statement", {"form": form})
            return found
    except NotAllowed:
        known = Statement.objects.select_related("grant").get(pk=statement, recipient=mine.organisation.code)
        with transaction.atomic():
            _note(mine, known, "refused_statement", {"form": form})
        raise


def _note(mine: MemberRequest, found: Statement, verb: str, facts: dict[str, Any]) -> None:
    record(
        verb,
        who=mine.user,
        at=utc_now(),
        organisation=mine.organisation,
        object_kind="account",
        object_key=found.grant.resident_id,
        facts={
            **facts,
            "statement": str(found.pk),
            "grant": found.grant_id,
            "kinds": list(found.grant.kinds),
        },
        request_id=current(),
    )
