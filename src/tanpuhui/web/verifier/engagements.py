"""Engagements: a verifier's pages from declaration to statement; each step is one verb of the stage below."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.close.models import Manifest
from tanpuhui.close.post import key_parts
from tanpuhui.copies.kinds import kind_name
from tanpuhui.copies.parties import party_names
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.verification import complete as completeness
from tanpuhui.verification import recalculate as recalculation
from tanpuhui.verification.conclude import conclude, conclusion_of, newest_completeness, statement_text
from tanpuhui.verification.declare import declaration_text, declare
from tanpuhui.verification.draw import draw
from tanpuhui.verification.earlier import earlier
from tanpuhui.verification.engage import Proposal, engage, manifests_of
from tanpuhui.verification.examine import Found, examine
from tanpuhui.verification.finding import raise_finding, state_of
from tanpuhui.verification.finding import step as go_on
from tanpuhui.verification.keys import public_jwk
from tanpuhui.verification.look import look
from tanpuhui.verification.models import Draw, Engagement, FindingStep, Plan, Statement
from tanpuhui.verification.overview import STEPS, sample_of, step_of
from tanpuhui.verification.plan import commit, wanted_of
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import MemberRequest, organisation_page, own_or_404
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.pdf import pdf
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.security_log import note
from tanpuhui.web.verifier.forms import (
    ConflictsForm,
    ExamineForm,
    FindingForm,
    NonceForm,
    OpenForm,
    PlanForm,
    SignedForm,
    StepForm,
    WishForm,
)
from tanpuhui.web.verifier.printed import printed
from tanpuhui.web.verifier.words import (
    conclusion_name,
    earlier_said,
    severity_name,
    state_name,
    step_name,
    totals_said,
    verdict_name,
)

OPERATOR = "TANPUHUI_OPERATOR"
ACTS_A_PAGE = 50
#: Closes with more records are computed again by the command, and larger frames drawn from by it.
MOST_RECORDS = 400_000
MOST_TRIES, WITHIN_S = 12, 60
TEMPLATE = Path(__file__).with_name("statement.typ")


@organisation_page(Organisation.VERIFIER)
def engagements(request: HttpRequest) -> HttpResponseBase:
    """The verifier's engagements, and a way to open one."""
    mine = cast(MemberRequest, request)
    known = sorted({f"{one.code}@{one.version}" for one in load_library().methodologies.values()})
    form = OpenForm(_posted(request), methodologies=known)

    def do(given: dict[str, Any]) -> str:
        code, version = key_parts(given["methodology"])
        made = engage(
            Proposal(
                key=str(uuid4()),
                methodology=code,
                version=version,
                vintage=given["through"].year,
                through=given["through"],
                operator=_operator(),
                opened_by="verifier",
                at=utc_now(),
            ),
            mine.organisation,
            jurisdiction(),
        )
        return _to(mine, made.pk)

    found = Engagement.objects.filter(verifier=mine.organisation).order_by("-pk")
    rows = [
        {"engagement": one, "step": step_name(step_of(one)), "is_over": step_of(one) == "ended"}
        for one in found
    ]
    return _page(mine, form, do, "verifier/engagements.html", {"rows": rows, "last": _last_day()})


@organisation_page(Organisation.VERIFIER)
def engagement(request: HttpRequest, number: int) -> HttpResponse:
    """Where an engagement stands: what is done, what comes next, and everything published of it."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    now = step_of(found)
    balanced = found.completeness.order_by("-pk").first()
    context = {
        **_frame(mine, found),
        "step": now,
        "steps": [
            {
                "name": step_name(one),
                "is_done": STEPS.index(one) < STEPS.index(now),
                "is_next": one == now,
                "code": one,
            }
            for one in STEPS[:-1]
        ],
        "declaration": getattr(found, "declaration", None),
        "recalculation": found.recalculations.order_by("-pk").first(),
        "completeness": balanced,
        "totals_said": totals_said(balanced.report.get("own_totals")) if balanced else "",
        "plan": Plan.objects.filter(engagement=found).first(),
        "draw": Draw.objects.filter(engagement=found).first(),
        "statement": Statement.objects.filter(engagement=found).first(),
        "closes": [(one, one.digest.removeprefix("sha256:")) for one in manifests_of(found)],
        "is_small": _records(found) <= MOST_RECORDS,
    }
    return render(request, "verifier/engagement.html", context)


@organisation_page(Organisation.VERIFIER)
def declaration(request: HttpRequest, number: int) -> HttpResponseBase:
    """The declaration of independence: its text in the verifier's words, and handing it in signed."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    words = ConflictsForm(request.GET if "conflicts" in request.GET else None)
    context: dict[str, Any] = {**_frame(mine, found), "words": words}
    if words.is_bound and words.is_valid():
        text = declaration_text(found, conflicts=words.cleaned_data["conflicts"])
        if "file" in request.GET:
            return _file(text, f"declaration-{number}.json")
        context["text"], context["conflicts"] = _shown(text), words.cleaned_data["conflicts"]

    def do(given: dict[str, Any]) -> str:
        declare(number, given["signed"], by=mine.user, at=utc_now())
        return _to(mine, number)

    return _page(mine, SignedForm(_posted(request)), do, "verifier/declaration.html", context)


@organisation_page(Organisation.VERIFIER, Membership.ADMIN, Membership.MEMBER)
@require_POST
def recalculate(request: HttpRequest, number: int) -> HttpResponseBase:
    """Compute every close again, here and now; larger ones are for the command."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    if _is_too_much(mine, found):
        return errors.too_many(request)
    answers = recalculation.compute_again(
        found, places=places(), jurisdiction=load_jurisdiction(found.jurisdiction), library=load_library()
    )
    with transaction.atomic():
        made = recalculation.keep(number, answers, at=utc_now())
        _write_down(mine, "verification_recalculated", number, {"agrees": made.agrees})
    return redirect(_to(mine, number))


@organisation_page(Organisation.VERIFIER, Membership.ADMIN, Membership.MEMBER)
@require_POST
def complete(request: HttpRequest, number: int) -> HttpResponseBase:
    """Whether all that was sent ended somewhere."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    if _is_too_much(mine, found):
        return errors.too_many(request)
    report = completeness.balance(number, places=places())
    with transaction.atomic():
        made = completeness.keep(number, report, at=utc_now())
        _write_down(mine, "verification_balanced", number, {"balances": made.balances})
    return redirect(_to(mine, number) + "#complete")


@organisation_page(Organisation.VERIFIER)
def plan(request: HttpRequest, number: int) -> HttpResponseBase:
    """Commit to a nonce and publish the plan; afterwards, the plan as it was published, and opening the nonce."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    made = Plan.objects.filter(engagement=found).first()
    drawn = Draw.objects.filter(engagement=found).first()
    form: forms.Form = NonceForm(_posted(request)) if made else PlanForm(_posted(request))
    if request.method == "POST" and _is_too_much(mine, found):
        return errors.too_many(request)

    def do(given: dict[str, Any]) -> str:
        if made:
            draw(number, given["nonce"], places=places(), at=utc_now())
            _write_down(mine, "verification_drawn", number, {})
            return _to(mine, number, "sample")
        wanted = wanted_of(given["precision"], **{name: given[name] for name in ("share", "cluster", "icc")})
        commit(
            number,
            given["nonce_digest"].strip(),
            wanted,
            platform_nonce=secrets.token_hex(32),
            places=places(),
            at=utc_now(),
        )
        _write_down(mine, "verification_planned", number, {})
        return _to(mine, number, "plan")

    names = party_names({one["provider"] for one in made.body["strata"]}) if made else {}
    strata = [
        one | {"provider": names[one["provider"]], "kind": kind_name(one["kind"])}
        for one in (made.body["strata"] if made else [])
    ]
    context = {**_frame(mine, found), "plan": made, "draw": drawn, "strata": strata}
    return _page(mine, form, do, "verifier/plan.html", context)


@organisation_page(Organisation.VERIFIER)
def sample(request: HttpRequest, number: int) -> HttpResponse:
    """The drawn acts with what was found about each; none says whose it is."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    rows = sample_of(number)
    names = party_names({row["provider"] for row in rows})
    left = sum(row["verdict"] is None for row in rows)
    if request.GET.get("show") == "left":
        rows = [row for row in rows if row["verdict"] is None]
    page = Paginator(rows, ACTS_A_PAGE).get_page(request.GET.get("page"))
    for row in page:
        row |= {
            "provider": names[row["provider"]],
            "kind": kind_name(row["kind"]),
            "found": verdict_name(row["verdict"]),
        }
    return render(request, "verifier/sample.html", {**_frame(mine, found), "page": page, "left": left})


@organisation_page(Organisation.VERIFIER)
def act(request: HttpRequest, number: int, position: int) -> HttpResponseBase:
    """One act of the sample; each look is written down where the act's resident sees it."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)

    def do(given: dict[str, Any]) -> str:
        said = Found(given["verdict"], given["note"], given["right_mg"])
        examine(number, position, said, by=mine.user, at=utc_now())
        return _to(mine, number, "sample") + f"?page={(position - 1) // ACTS_A_PAGE + 1}#act{position}"

    with transaction.atomic():
        detail = look(number, position, places=places(), by=mine.user, at=utc_now())
    trace = detail.trace
    methodology, explanation = trace.methodology, trace.explanation
    context = {
        **_frame(mine, found),
        "detail": detail,
        "trace": trace,
        "act": trace.act,
        "provider": party_names([trace.act.provider])[trace.act.provider],
        "kind": kind_name(trace.act.kind),
        "minutes": (trace.act.ended_us - trace.act.started_us) // 60_000_000,
        "methodology": methodology,
        "fields": [
            (methodology.fields[name].title, value, methodology.fields[name].unit.symbol)
            for name, value in sorted(trace.act.measures.items())
            if methodology and name in methodology.fields
        ],
        "steps": list(zip(methodology.steps, explanation.steps, strict=True))
        if methodology and explanation
        else [],
        "factors": [(methodology.parameters[one.name], one) for one in explanation.factors]
        if methodology and explanation
        else [],
        "examined": [
            (one, verdict_name(one.verdict)) for one in detail.sampled.examinations.order_by("-sequence")
        ],
    }
    return _page(mine, ExamineForm(_posted(request)), do, "verifier/act.html", context)


@organisation_page(Organisation.VERIFIER)
def findings(request: HttpRequest, number: int) -> HttpResponseBase:
    """What is wrong, what was answered, and what is closed; raising another one."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)

    def do(given: dict[str, Any]) -> str:
        raise_finding(number, **given, by=mine.user, at=utc_now())
        return _to(mine, number, "findings")

    context = {**_frame(mine, found), "rows": _findings(found)}
    return _page(mine, FindingForm(_posted(request)), do, "verifier/findings.html", context)


@organisation_page(Organisation.VERIFIER)
def finding(request: HttpRequest, number: int, finding: int) -> HttpResponseBase:
    """One finding with its steps; what was answered is closed or given back here."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    row = next((one for one in _findings(found) if one["finding"].number == finding), None)
    if row is None:
        raise Http404

    def do(given: dict[str, Any]) -> str:
        go_on(number, finding, given["step"], given["text"], by=mine.user, at=utc_now())
        return _to(mine, number, "findings")

    context = {
        **_frame(mine, found),
        "row": row,
        "may": mine.membership.role != Membership.AUDITOR,
        "is_answered": row["state"] == FindingStep.ANSWERED,
    }
    return _page(mine, StepForm(_posted(request)), do, "verifier/finding.html", context)


@organisation_page(Organisation.VERIFIER)
def conclusion(request: HttpRequest, number: int) -> HttpResponseBase:
    """The projection with its arithmetic, the statement's text, and handing it in signed."""
    mine = cast(MemberRequest, request)
    found = _mine(mine, number)
    made = Statement.objects.filter(engagement=found).first()
    context: dict[str, Any] = {**_frame(mine, found), "statement": made}
    if made:
        context |= {
            "content": made.content,
            "named": conclusion_name(made.conclusion),
            "earlier": earlier_said(made.content.get("earlier", [])),
            "totals_said": totals_said(made.content["completeness"].get("own_totals")),
        }
        if request.method != "POST":
            return render(request, "verifier/conclusion.html", context)
    wish = WishForm(request.GET if "remarks" in request.GET else None)
    context["wish"] = wish
    try:
        computed = None if made else conclusion_of(found)
        context |= {"computed": computed, "named": conclusion_name(computed.computed) if computed else ""}
        if computed:
            own = newest_completeness(found).report.get("own_totals")
            context |= {"earlier": earlier_said(earlier(found)), "totals_said": totals_said(own)}
        if computed and wish.is_bound and wish.is_valid():
            text = statement_text(number, **wish.cleaned_data)
            if "file" in request.GET:
                return _file(text, f"statement-{number}.json")
            context |= {"text": _shown(text), "asked": wish.cleaned_data}
    except Refusal as refusal:
        context["refused"] = text_of(refusal)

    def do(given: dict[str, Any]) -> str:
        conclude(number, given["signed"], by=mine.user, at=utc_now())
        _write_down(mine, "verification_concluded", number, {})
        return _to(mine, number, "conclusion")

    return _page(mine, SignedForm(_posted(request)), do, "verifier/conclusion.html", context)


@organisation_page(Organisation.VERIFIER)
def statement_json(request: HttpRequest, number: int) -> HttpResponse:
    """The signed statement for programs, with the key that checks it."""
    made = own_or_404(
        Statement.objects.filter(engagement__verifier=cast(MemberRequest, request).organisation),
        engagement=number,
    )
    body = {**made.content, "signed": made.jws, "key": public_jwk(made.key)}
    answer = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="verification-{number}.json"'
    return answer


@organisation_page(Organisation.VERIFIER)
def statement_pdf(request: HttpRequest, number: int) -> HttpResponse:
    """The same for paper."""
    made = own_or_404(
        Statement.objects.filter(engagement__verifier=cast(MemberRequest, request).organisation),
        engagement=number,
    )
    return pdf(TEMPLATE, printed(made), name=f"verification-{number}.pdf")


def _page(
    mine: MemberRequest,
    form: forms.Form,
    do: Callable[[dict[str, Any]], str],
    template: str,
    context: dict[str, Any],
) -> HttpResponseBase:
    """A page with a form for one verb in a transaction; a refusal is shown with the form as it was typed."""
    status = 200
    if form.is_bound and mine.membership.role == Membership.AUDITOR:
        return errors.forbidden(mine)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                to = do(form.cleaned_data)
        except Refusal as refusal:
            note("refused", mine, code=refusal.code)
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            return redirect(to)
    elif form.is_bound:
        note("form_refused", mine, fields="+".join(sorted(form.errors)))
        status = 422
    return render(mine, template, {**context, "form": form}, status=status)


def _frame(mine: MemberRequest, found: Engagement) -> dict[str, Any]:
    ended = Statement.objects.filter(engagement=found).exists()
    return {
        "engagement": found,
        "is_over": ended,
        "may": mine.membership.role != Membership.AUDITOR and not ended,
    }


def _findings(found: Engagement) -> list[dict[str, Any]]:
    rows = []
    for one in found.findings.order_by("number").prefetch_related("steps"):
        steps = sorted(one.steps.all(), key=lambda step: step.sequence)
        state = state_of(steps)
        rows.append(
            {
                "finding": one,
                "state": state,
                "state_name": state_name(state),
                "severity": severity_name(one.severity),
                "steps": [(step, state_name(step.step)) for step in steps],
            }
        )
    return rows


def _mine(mine: MemberRequest, number: int) -> Engagement:
    return own_or_404(
        Engagement.objects.filter(verifier=mine.organisation).select_related("verifier"), pk=number
    )


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _to(mine: MemberRequest, number: int, page: str = "engagement") -> str:
    from django.urls import reverse

    return reverse(f"verifier:{page}", args=[mine.organisation.code, number])


def _operator() -> str:
    """Under whose name lots are certified here: the environment's, else the one operator's that is registered."""
    named = os.environ.get(OPERATOR, "").strip()
    first = Organisation.objects.filter(kind=Organisation.OPERATOR).order_by("pk").first()
    return named or (first.name_en if first else "operator")


def _last_day() -> Any:
    return Manifest.objects.order_by("-day").values_list("day", flat=True).first()


def _records(found: Engagement) -> int:
    return sum(one.activities for one in manifests_of(found))


def _is_too_much(mine: MemberRequest, found: Engagement) -> bool:
    return _records(found) > MOST_RECORDS or is_over(
        "verification", mine.organisation.pk, most=MOST_TRIES, within_s=WITHIN_S
    )


def _write_down(mine: MemberRequest, verb: str, number: int, facts: dict[str, Any]) -> None:
    record(
        verb,
        who=mine.user,
        at=utc_now(),
        organisation=mine.organisation,
        object_kind="engagement",
        object_key=number,
        facts=facts,
        request_id=current(),
    )


def _shown(text: dict[str, Any]) -> str:
    return json.dumps(text, ensure_ascii=False, indent=1)


def _file(text: dict[str, Any], name: str) -> HttpResponse:
    answer = HttpResponse(_shown(text), content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
