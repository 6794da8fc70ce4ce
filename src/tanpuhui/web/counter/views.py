"""Views of a counter: every look and every step is written down with the clerk, the operator and the reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from allauth.core import ratelimit
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.hold import hold
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.consent import open_account as accounts
from tanpuhui.consent.age import ZONE
from tanpuhui.consent.give import give, refuse_child_alone
from tanpuhui.consent.show import get_resident, guardian_of
from tanpuhui.copies.letter import letter_pdf
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.statement import statement as drawn_statement
from tanpuhui.rights.letter import account_of_letter, issue_letter
from tanpuhui.rights.models import Visit
from tanpuhui.rights.refusals import NoSuchPerson, VisitOver
from tanpuhui.rights.visit import end_visit, open_visit, present_visit
from tanpuhui.web.counter.forms import OpenForm, PaperForm, VisitForm
from tanpuhui.web.resident.consent_form import ConsentForm
from tanpuhui.web.resident.consents_on_offer import ConsentOnOffer, parties_of, source_of, sources_of
from tanpuhui.web.resident.paper_statement import statement_answer
from tanpuhui.web.resident.sources import STEPS as CONSENT_STEPS
from tanpuhui.web.resident.sources import notice_lines
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.errors import too_many
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

#: Whoever helps at a counter: clerks, and the operator's own staff; an auditor does not.
STAFF = (Membership.COUNTER, Membership.MEMBER, Membership.ADMIN)
BY, METHOD = "operator", "counter"
#: A document is of somebody who is there; what cannot be taken at a counter is taken at home.
STEPS = {"withdraw", "pause", "resume"}

counter_page = organisation_page(Organisation.OPERATOR, *STAFF)


class VisitRequest(MemberRequest):
    """A request of a clerk in a visit that goes on."""

    visit: Visit
    account: int


def visit_page(verb: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A page in a visit of this clerk; that it was looked at is written down as ``verb`` before it is drawn."""

    def guard(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @counter_page
        @wraps(view)
        def guarded(request: Any, visit: UUID, *arguments: Any, **named: Any) -> HttpResponseBase:
            try:
                request.visit = present_visit(
                    visit, clerk=request.user.pk, organisation=request.organisation.code, at=utc_now()
                )
            except VisitOver as refusal:
                messages.warning(request, text_of(refusal))
                return redirect("counter:home", organisation=request.organisation.code)
            request.account = request.visit.account
            if request.method in ("GET", "HEAD"):
                write_down(request, verb, {name: str(value) for name, value in named.items()})
            return view(request, *arguments, **named)

        return guarded

    return guard


@counter_page
def home(request: HttpRequest) -> HttpResponseBase:
    """Find the account of whoever is at the counter, by what they brought."""
    clerk = cast(MemberRequest, request)
    form = VisitForm(request.POST or None)
    refused, status = "", 200
    if request.method == "POST":
        if not ratelimit.consume(request, action="open_visit", user=request.user):
            return too_many(request)
        status = 422
        if form.is_valid():
            try:
                begun = _begin(clerk, form)
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
                _write_down_miss(clerk, form.cleaned_data["document"])
            else:
                return redirect("counter:visit", organisation=clerk.organisation.code, visit=begun.pk)
    return render(request, "counter/home.html", {"form": form, "refused": refused}, status=status)


@counter_page
def open_account(request: HttpRequest) -> HttpResponseBase:
    """Open an account for somebody without e-mail, and go on with them in a visit."""
    clerk = cast(MemberRequest, request)
    form = OpenForm(request.POST or None)
    refused, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                begun = _open(clerk, form)
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                messages.success(request, _("The account is open. Print the letter and hand it over."))
                return redirect("counter:visit", organisation=clerk.organisation.code, visit=begun.pk)
    return render(request, "counter/open.html", {"form": form, "refused": refused}, status=status)


@visit_page("counter_look")
def visit(request: HttpRequest) -> HttpResponse:
    """What the person sees of their account, read by the clerk with them."""
    here = cast(VisitRequest, request)
    now = utc_now()
    drawn = drawn_statement(connection, here.account, at=now, limit=1)
    context = {
        "visit": here.visit,
        "resident": get_resident(here.account),
        "pending_mg": drawn.pending_mg(),
        "certified_mg": drawn.certified_mg(),
        "offers": [one for one in sources_of(here.account, at=now) if one.is_offered or one.state != "free"],
        "is_child": guardian_of(here.account, on=timezone.localdate()) is not None,
    }
    return render(request, "counter/visit.html", context)


@visit_page("counter_look_source")
def source(request: HttpRequest, provider: str) -> HttpResponseBase:
    """One source: the person signs the paper, and the clerk records what it says with the digest of the paper."""
    here = cast(VisitRequest, request)
    offer = source_of(here.account, provider, at=utc_now())
    verb = request.POST.get("do", "") if request.method == "POST" else ""
    language = get_language() or ""
    form = ConsentForm(request.POST if verb == "give" else None, offer=offer, language=language)
    paper_form = PaperForm(request.POST or None, request.FILES or None, is_needed=verb in ("", "give"))
    refused, status = "", 200
    if verb:
        status = 422
        if paper_form.is_valid() and (verb != "give" or form.is_valid()):
            try:
                _step(here, offer, verb, form, paper_form.cleaned_data["paper"])
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                messages.success(request, _("Recorded, with the digest of the paper. The person can see it."))
                return redirect("counter:visit", organisation=here.organisation.code, visit=here.visit.pk)
    context = {
        "visit": here.visit,
        "offer": offer,
        "form": form,
        "paper_form": paper_form,
        "refused": refused,
        "notice": notice_lines(offer),
        "parties": parties_of(offer),
        "may_give": offer.is_offered and offer.state in ("free", "declined"),
    }
    return render(request, "counter/source.html", context, status=status)


@visit_page("counter_paper")
def paper(request: HttpRequest, provider: str) -> HttpResponse:
    """The notice with boxes and lines to sign, to print."""
    here = cast(VisitRequest, request)
    offer = source_of(here.account, provider, at=utc_now())
    context = {
        "visit": here.visit,
        "offer": offer,
        "notice": notice_lines(offer),
        "parties": parties_of(offer),
        "today": utc_now(),
    }
    return render(request, "counter/paper.html", context)


@visit_page("counter_statement")
def statement(request: HttpRequest) -> HttpResponse:
    """The person's statement on paper."""
    here = cast(VisitRequest, request)
    large = request.GET.get("print") == "large"
    return statement_answer(here.account, language=get_language() or "", large=large)


@require_POST
@visit_page("counter_letter")
def letter(request: HttpRequest) -> HttpResponse:
    """A new letter with a new code; the one before it opens nothing from then on."""
    here = cast(VisitRequest, request)
    now = utc_now()
    with transaction.atomic():
        code = issue_letter(here.account, at=now)
        write_down(here, "counter_letter", {})
    made = letter_pdf(here.account, code, language=get_language() or "", at=now, zone=ZONE)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="letter-{here.account}.pdf"'
    return answer


@require_POST
@visit_page("counter_end")
def end(request: HttpRequest) -> HttpResponse:
    """The person has gone: the account is shown no longer."""
    here = cast(VisitRequest, request)
    with transaction.atomic():
        end_visit(here.visit.pk, at=utc_now())
        write_down(here, "counter_end", {})
    messages.success(request, _("The visit has ended."))
    return redirect("counter:home", organisation=here.organisation.code)


def write_down(request: VisitRequest, verb: str, facts: dict[str, Any]) -> None:
    """One line of the trail that the person reads."""
    record(
        verb,
        who=request.user,
        organisation=request.organisation,
        at=utc_now(),
        object_kind="account",
        object_key=request.visit.account,
        reason=request.visit.reason,
        facts={"visit": str(request.visit.pk), "document": request.visit.document, **facts},
        request_id=current(),
    )


def _begin(clerk: MemberRequest, form: VisitForm) -> Visit:
    """Begin a visit with the account that the document or the letter names."""
    values = form.cleaned_data
    with transaction.atomic():
        if values["letter"].strip():
            account = account_of_letter(values["letter"])
        else:
            found = accounts.account_of_proof(form.proof())
            if found is None:
                raise NoSuchPerson
            account = found
        return _visit(clerk, account, values["document"], values["reason"])


def _open(clerk: MemberRequest, form: OpenForm) -> Visit:
    values, now = form.cleaned_data, utc_now()
    with transaction.atomic():
        guardian = account_of_letter(values["guardian"]) if values["guardian"].strip() else None
        account = accounts.open_account(
            at=now, birth_on=values["birth_on"], guardian=guardian, proof=form.proof(), zone=ZONE
        )
        user = User.objects.create_user(email=None, language=get_language() or "")
        hold(user, account, at=now)
        record(
            "open_account",
            who=clerk.user,
            organisation=clerk.organisation,
            at=now,
            object_kind="account",
            object_key=account,
            facts={"guardian": guardian is not None, "document": values["document"], "by": BY},
            request_id=current(),
        )
        return _visit(clerk, account, values["document"], _("To open an account"))


def _visit(clerk: MemberRequest, account: int, document: str, reason: str) -> Visit:
    begun = open_visit(
        account,
        clerk=clerk.user.pk,
        organisation=clerk.organisation.code,
        document=document,
        reason=reason,
        at=utc_now(),
    )
    here = cast(VisitRequest, clerk)
    here.visit = begun
    write_down(here, "counter_visit", {})
    return begun


def _step(here: VisitRequest, offer: ConsentOnOffer, verb: str, form: ConsentForm, digest: str) -> None:
    now = utc_now()
    evidence = digest or None
    with transaction.atomic():
        if verb == "give":
            if not offer.is_offered:
                raise Http404
            number = give(
                here.account,
                form.terms(at=now, zone=ZONE),
                at=now,
                by=BY,
                method=METHOD,
                evidence=evidence,
                zone=ZONE,
            ).pk
        elif verb in STEPS and offer.standing:
            number = offer.standing.grant.pk
            if verb == "resume":
                # Whoever stands at the counter is the child; the guardian resumes in their own account.
                refuse_child_alone(offer.standing.grant, "resident", now)
            CONSENT_STEPS[verb](number, at=now, by=BY, method=METHOD, evidence=evidence)
        else:
            raise BadRequest
        write_down(
            here, f"grant_{verb}", {"grant": number, "provider": offer.provider, "paper": digest, "by": BY}
        )


def _write_down_miss(clerk: MemberRequest, document: str) -> None:
    record(
        "counter_visit_refused",
        who=clerk.user,
        organisation=clerk.organisation,
        at=utc_now(),
        object_kind="counter",
        object_key=clerk.organisation.code,
        facts={"document": document},
        request_id=current(),
    )
