"""Activities: every act of a resident with its grams, and how one act came to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tanpuhui.close.acts import Act, act_of, closed_months, page_of
from tanpuhui.close.installation import places
from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.refusals import UnknownAct
from tanpuhui.close.summary import status_of
from tanpuhui.close.trace import Trace, trace
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.copies.parties import party_names
from tanpuhui.evidence.record import ASSEMBLED
from tanpuhui.integrity.look import appeals_of, decisions_of
from tanpuhui.integrity.patterns.find import pattern_named
from tanpuhui.kit.moment import from_us
from tanpuhui.methodology.methodology import Cap, Field, Methodology, Text
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.quantify.rules import HOME_PREFIX
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import serials
from tanpuhui.web.resident.words import (
    is_chinese,
    kind_name,
    kinds,
    meaning,
    outcome_name,
    outcomes,
)
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.mass import mass

#: Ends that are good news need no explanation in a list.
PLAIN = (Outcome.credited,)
BADGES = {
    Outcome.credited: "good",
    Outcome.capped: "waiting",
    Outcome.nothing_avoided: "",
    Outcome.below_baseline: "waiting",
    Outcome.held: "waiting",
    Outcome.not_weighed: "waiting",
}


@dataclass(frozen=True)
class Shown:
    """An act as a list shows it."""

    act: Act
    kind: str
    provider: str
    outcome: str
    meaning: str
    badge: str
    clause: str
    status: str

    @property
    def is_plain(self) -> bool:
        return self.act.outcome in PLAIN

    @property
    def has_time(self) -> bool:
        """Whether its time of day says anything: what a home saves is of a whole day or month."""
        return not self.act.kind.startswith(HOME_PREFIX)

    @property
    def ended_at(self) -> object:
        return from_us(self.act.ended_us)

    @property
    def started_at(self) -> object:
        return from_us(self.act.started_us)


@dataclass(frozen=True)
class Day:
    """A day's acts and what they were credited together."""

    day: date
    acts: list[Shown]

    @property
    def credited_mg(self) -> int:
        return sum(shown.act.credited_mg for shown in self.acts)


class FilterForm(forms.Form):
    """Which acts to show; what is not understood shows all."""

    month = forms.ChoiceField(label=_("Month"), required=False)
    kind = forms.ChoiceField(label=_("Kind of act"), required=False)
    outcome = forms.ChoiceField(label=_("How it ended"), required=False)
    before = forms.DateField(required=False, widget=forms.HiddenInput)

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        months = [(f"{month:%Y-%m}", date_format(month, "YEAR_MONTH_FORMAT")) for month in closed_months()]
        self.fields["month"].choices = [("", _("All months")), *months]  # type: ignore[attr-defined]
        self.fields["kind"].choices = [("", _("All kinds")), *kinds().items()]  # type: ignore[attr-defined]
        ends = [(outcome.name, name) for outcome, name in outcomes().items()]
        self.fields["outcome"].choices = [("", _("All")), *ends]  # type: ignore[attr-defined]

    def keeps(self, act: Act) -> bool:
        """Whether an act is of the kind and outcome that are wanted."""
        wanted = self.cleaned_data
        return wanted.get("kind") in ("", None, act.kind) and wanted.get("outcome") in (
            "",
            None,
            act.outcome.name,
        )

    @property
    def is_narrow(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("month", "kind", "outcome"))


@resident_page
def activities(request: HttpRequest) -> HttpResponse:
    """The acts of some days, newest first; with htmx only the next days, put in below."""
    account = cast(ResidentRequest, request).account
    form = FilterForm(request.GET)
    form.is_valid()
    first, before = _range(form.cleaned_data.get("month") or "", form.cleaned_data.get("before"))
    page = page_of(account, places(), before=before, first=first, keep=form.keeps)
    asked = request.GET.copy()
    if page.earlier:
        asked["before"] = page.earlier.isoformat()
    context = {
        "days": by_day(shown(page.acts)),
        "form": form,
        "earlier": asked.urlencode() if page.earlier else "",
        "looked_until": page.earlier,
        "goes_on": bool(form.cleaned_data.get("before")),
    }
    only_days = bool(request.htmx) and not request.htmx.boosted and context["goes_on"]  # type: ignore[attr-defined]
    response = render(request, "resident/days.html" if only_days else "resident/activities.html", context)
    response["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


def _range(month: str, before: date | None) -> tuple[date | None, date | None]:
    """The first day to show, and the day after the last one."""
    if not month:
        return None, before
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=32)).replace(day=1)
    return first, min(before, after) if before else after


def by_day(acts: Iterable[Shown]) -> list[Day]:
    """Acts as they come, day by day."""
    return [Day(day, list(of_day)) for day, of_day in groupby(acts, key=lambda one: one.act.day)]


def shown(acts: Iterable[Act]) -> list[Shown]:
    """Acts in words."""
    acts = list(acts)
    names = party_names({act.provider for act in acts})
    return [
        Shown(
            act=act,
            kind=kind_name(act.kind),
            provider=names[act.provider],
            outcome=outcome_name(act.outcome),
            meaning=meaning(act.outcome),
            badge=BADGES.get(act.outcome, "bad"),
            clause=clause_text(act),
            status=status_of(act.methodology, act.day) if act.methodology else "",
        )
        for act in acts
    ]


def clause_text(act: Act) -> str:
    """The clause that excluded an act, as the methodology words it, or the reason of the rule that holds it."""
    if act.outcome is Outcome.held and act.clause:
        pattern = pattern_named(act.clause)
        return _text(Text(pattern.reason_zh, pattern.reason_en)) if pattern else ""
    methodology = find_methodology(act.methodology) if act.methodology and act.clause else None
    if methodology is None:
        return ""
    found = next((clause for clause in methodology.clauses if clause.id == act.clause), None)
    return _text(found.text) if found else ""


@resident_page
def activity(request: HttpRequest, record: int) -> HttpResponse:
    """One act, and the way to its grams; somebody else's is not there."""
    account = cast(ResidentRequest, request).account
    act = own_act(account, record)
    found = trace(act, places())
    appeals = appeals_of(account, record)
    said = {(one.answered_at, one.reason) for one in appeals}
    verdicts = decisions_of(account, record)
    last = verdicts[0] if verdicts else None
    context = {
        **explained(found),
        "appeals": appeals,
        # What answers an appeal stands beside the appeal.
        "verdicts": [one for one in verdicts if (one.at, one.reason) not in said],
        "last_verdict": last,
        "is_confirmed": act.outcome is Outcome.held and last is not None and last.decision == "confirmed",
    }
    return render(request, "resident/activity.html", context)


def own_act(account: int, record: int) -> Act:
    """One of a resident's own acts; anything else is not there."""
    try:
        return act_of(account, record, places())
    except UnknownAct:
        raise Http404 from None


def explained(found: Trace) -> dict[str, Any]:
    """A trace in words."""
    act = found.act
    (one,) = shown([act])
    rival = None
    if act.rival_id:
        try:
            (rival,) = shown([act_of(act.account, act.rival_id, places())])
        except UnknownAct:
            rival = None
    methodology = found.methodology
    explanation = found.explanation
    return {
        "trace": found,
        "shown": one,
        "act": act,
        "rival": rival,
        "methodology": methodology,
        "explanation": explanation,
        "steps": list(zip(methodology.steps, explanation.steps, strict=True))
        if methodology and explanation and explanation.steps
        else [],
        "parameters": methodology.parameters if methodology else {},
        "factors": [(methodology.parameters[factor.name], factor) for factor in explanation.factors]
        if methodology and explanation
        else [],
        "limits": limits_of(methodology) if explanation else [],
        "measures": measures_of(act, methodology),
        "is_assembled": act.kind in ASSEMBLED.values() and act.is_assembled,
        "status": _status(found),
        "grant": _grant(found),
        "lots": [(lot, serials(lot)) for lot in Lot.objects.filter(code__in=found.lots).order_by("code")],
    }


def _status(found: Trace) -> str:
    if found.in_retrospect:
        return "illustrative"
    return status_of(found.act.methodology, found.act.day) if found.act.methodology else ""


def limits_of(methodology: Methodology | None) -> list[tuple[str, Cap]]:
    """What a methodology grants at most, in words."""
    found = []
    for cap in methodology.caps if methodology else ():
        if cap.limit_mg is not None:
            each = gettext("Limit for each person and day: %(limit)s")
            if cap.per == "person-year":
                each = gettext("Limit for each person and year: %(limit)s")
            found.append((each % {"limit": mass(cap.limit_mg)}, cap))
        elif cap.field and cap.limit is not None and methodology:
            field = methodology.fields[cap.field]
            facts = {"what": _text(field.title), "limit": _value(field, cap.limit)}
            found.append((gettext("Limit for one act, %(what)s: %(limit)s") % facts, cap))
    return found


def measures_of(act: Act, methodology: Methodology | None) -> list[tuple[str, str, bool]]:
    """What was reported of an act: title, value with unit, and whether it was estimated."""
    fields = methodology.fields if methodology else {}
    found = []
    for name, field in fields.items():
        if name in act.measures:
            guessed = name == "distance_m" and bool(act.measures.get("distance_is_illustrative"))
            found.append((_text(field.title), _value(field, act.measures[name]), guessed))
    return found


def _value(field: Field, value: int) -> str:
    names = {code: name for name, code in field.values.items()}
    if value in names:
        return names[value].replace("_", " ")
    if field.name.startswith(("is_", "has_")) and value in (0, 1):
        return gettext("yes") if value else gettext("no")
    return f"{value:,}" if field.unit.symbol == "1" else f"{value:,} {field.unit.symbol}"


def _grant(found: Trace) -> dict[str, Any] | None:
    grant = Grant.objects.filter(pk=found.grant).first() if found.grant else None
    if grant is None:
        return None
    purpose = policy().purposes.get(grant.purpose)
    language = "zh" if is_chinese() else "en"
    return {
        "number": grant.pk,
        "purpose": purpose.text[language] if purpose else grant.artefact["purpose"]["text"],
        "since": grant.begins_at,
        "kinds": [kind_name(kind) for kind in grant.kinds],
    }


def _text(text: Any) -> str:
    return str(text.zh if is_chinese() else text.en)
