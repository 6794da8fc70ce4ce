"""Programmes: how homes that save together are certified: the sealed draw, each period's bound, and both again."""

from __future__ import annotations

from typing import Any, cast

from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry, Membership, Organisation
from tanpuhui.baseline.comparison import MATCHED
from tanpuhui.baseline.unknown import Z_95
from tanpuhui.close.installation import places
from tanpuhui.close.models import Manifest
from tanpuhui.kit.exact import format_fraction
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from tanpuhui.programme.estimate import DRAWS
from tanpuhui.programme.find import periods_of
from tanpuhui.programme.models import Period, Programme, Window
from tanpuhui.programme.settle import mg_each_wh
from tanpuhui.programme.show import as_json, shares_of
from tanpuhui.programme.verify import verify
from tanpuhui.registry.models import Lot
from tanpuhui.verification.finding import state_of
from tanpuhui.verification.models import Finding
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.verifier.words import comparison_name, rung_name, severity_name, state_name

VERB = "programme_verified"
HOMES_A_PAGE = 50
#: Homes times periods; more than that is worked out again by the command, not while a page waits.
MOST_HOMES = 50_000
MOST_TRIES, WITHIN_S = 6, 60


@organisation_page(Organisation.VERIFIER)
def programmes(request: HttpRequest) -> HttpResponse:
    """Every programme with what came of it so far."""
    rows = [
        {
            "programme": one,
            "title": title_of(one),
            "periods": periods,
            "shared_mg": sum(period.shared_mg for period in periods),
            "is_open": hasattr(one, "opening"),
        }
        for one in Programme.objects.select_related("opening").order_by("code")
        for periods in [periods_of(one)]
    ]
    return render(request, "verifier/programmes.html", {"rows": rows})


@organisation_page(Organisation.VERIFIER)
def programme(request: HttpRequest, programme: str) -> HttpResponse:
    """A programme's plan, windows, periods with their arithmetic, findings, and the hold-out once it is open."""
    mine = cast(MemberRequest, request)
    found = _get(programme)
    periods = periods_of(found)
    context = {
        "programme": found,
        "title": title_of(found),
        "windows": [
            (one, rung_name(one.rung), comparison_name(one.comparison))
            for one in found.windows.order_by("starts_on")
        ],
        "periods": [_told(one) for one in periods],
        "opening": getattr(found, "opening", None),
        "tried": _tries(mine.organisation, found),
        "is_small": _is_small(found, periods),
        "may": mine.membership.role != Membership.AUDITOR,
        "findings": _findings(mine.organisation, found),
        "lots": _lots(found),
        "draws": DRAWS,
        "z": Z_95,
    }
    return render(request, "verifier/programme.html", context)


@organisation_page(Organisation.VERIFIER)
def shares(request: HttpRequest, programme: str, period: int) -> HttpResponse:
    """What each joined home has of a period, by number: its own estimate, what it carries, its share."""
    found = _get(programme)
    periods = periods_of(found)
    if not 1 <= period <= len(periods):
        raise Http404
    of = periods[period - 1]
    page = Paginator(shares_of(of, places()), HOMES_A_PAGE).get_page(request.GET.get("page"))
    context = {"programme": found, "title": title_of(found), "period": of, "page": page}
    return render(request, "verifier/programme_shares.html", context)


@organisation_page(Organisation.VERIFIER)
def programme_json(_request: HttpRequest, programme: str) -> HttpResponse:
    """The same for programs: all that is published, and the opened hold-out, with which anybody draws again."""
    found = _get(programme)
    opening = getattr(found, "opening", None)
    body = {**as_json(found), "hold_out": opening.content if opening else None}
    answer = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="{found.code}.json"'
    return answer


@organisation_page(Organisation.VERIFIER, Membership.ADMIN, Membership.MEMBER)
@require_POST
def verify_programme(request: HttpRequest, programme: str) -> HttpResponseBase:
    """Draw the hold-out again and work out every period again, here and now; the answer is kept with who asked."""
    mine = cast(MemberRequest, request)
    found = _get(programme)
    if not _is_small(found, periods_of(found)) or is_over(
        "programme", mine.organisation.pk, most=MOST_TRIES, within_s=WITHIN_S
    ):
        return errors.too_many(request)
    answer = verify(found.code, places=places(), library=load_library())
    with transaction.atomic():
        record(
            VERB,
            who=mine.user,
            at=utc_now(),
            organisation=mine.organisation,
            object_kind="programme",
            object_key=found.code,
            facts=answer.as_json(),
            request_id=current(),
        )
    return redirect("verifier:programme", organisation=mine.organisation.code, programme=found.code)


def programmes_of(lot: Lot) -> list[Programme]:
    """The programmes whose shares a lot holds: those with a period that ended on a day of its closes."""
    days = Manifest.objects.filter(digest__in=lot.manifests).values("day")
    found = Programme.objects.filter(
        methodology=lot.methodology.partition("@")[0], windows__periods__last_day__in=days
    )
    return list(found.distinct().order_by("code"))


def title_of(programme: Programme) -> str:
    """What it is called in the reader's language."""
    return programme.title_zh if (get_language() or "").startswith("zh") else programme.title_en


def _get(code: str) -> Programme:
    found = Programme.objects.select_related("opening").filter(code=code).first()
    if found is None:
        raise Http404
    return found


def _told(period: Period) -> dict[str, Any]:
    """A period with the exact factor that its last day has."""
    methodology = load_library().in_force(period.window.programme.methodology, period.last_day)
    return {
        "period": period,
        "rung": rung_name(period.window.rung),
        "comparison": comparison_name(period.comparison),
        "mg_each_wh": format_fraction(mg_each_wh(methodology, period.last_day)),
        "methodology": f"{methodology.code}@{methodology.version}",
        "certifies": period.certifiable_wh > 0,
    }


def _is_small(programme: Programme, periods: list[Period]) -> bool:
    """Whether it is worked out while a page waits; a model or five nearest for each home take ten times as long."""
    heavy = sum(one.window.rung == Window.L4 or one.comparison == MATCHED for one in periods)
    return programme.homes * max(len(periods) + 9 * heavy, 1) <= MOST_HOMES


def _tries(organisation: Organisation, programme: Programme) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(
        organisation=organisation, verb=VERB, object_kind="programme", object_key=programme.code
    )
    return list(found.order_by("at"))


def _findings(organisation: Organisation, programme: Programme) -> list[dict[str, Any]]:
    """What this verifier raised in its engagements about the programme's methodology."""
    found = Finding.objects.filter(
        engagement__verifier=organisation, engagement__methodology__startswith=f"{programme.methodology}@"
    )
    rows = []
    for one in found.order_by("engagement", "number").prefetch_related("steps"):
        state = state_of(sorted(one.steps.all(), key=lambda step: step.sequence))
        rows.append(
            {"finding": one, "state": state_name(state), "severity": severity_name(one.severity)}
            | {"is_closed": state == "closed"}
        )
    return rows


def _lots(programme: Programme) -> list[Lot]:
    found = Lot.objects.filter(methodology__startswith=f"{programme.methodology}@").order_by("serial_first")
    return [one for one in found if programme in programmes_of(one)]
