"""Verifications: what verifiers look into and what they found; opening an engagement, answering a finding."""

from __future__ import annotations

import os
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib.admin import display
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import get_organisation
from tanpuhui.close.installation import jurisdiction
from tanpuhui.close.models import Manifest
from tanpuhui.close.post import key_parts
from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.console.lots import OPERATOR, pending
from tanpuhui.console.verb import DayInput, VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.verification.engage import Proposal, engage, get_engagement
from tanpuhui.verification.finding import MOST_CHARACTERS, get_finding, state_of, step
from tanpuhui.verification.models import Engagement, Finding, FindingStep
from tanpuhui.verification.overview import step_of


def _step(found: Engagement) -> Any:
    now = step_of(found)
    said = {
        "declare": _("declares its independence"),
        "recalculate": _("computes the closes again"),
        "complete": _("checks completeness"),
        "plan": _("plans the sample"),
        "draw": _("draws the sample"),
        "examine": _("examines the sample"),
        "conclude": _("concludes"),
        "ended": pgettext("verification", "ended"),
    }[now]
    return cells.state("plain" if now == "ended" else "busy", said)


def _conclusion(found: Engagement) -> Any:
    if not hasattr(found, "statement"):
        return cells.NOTHING
    said = {
        "accept": pgettext("conclusion", "accepted"),
        "adjust": pgettext("conclusion", "lowered"),
        "refuse": pgettext("conclusion", "refused"),
    }
    return said[found.statement.conclusion]


def _state(found: Finding) -> Any:
    now = state_of(list(found.steps.all()))
    said = {
        "raised": _("waits for your answer"),
        "returned": _("given back: waits for your answer"),
        "answered": _("answered"),
        "closed": _("closed"),
    }
    return cells.state("busy" if now in ("raised", "returned") else "plain", said[now])


def _severity(found: Finding) -> str:
    return {
        "observation": pgettext("severity", "observation"),
        "minor": pgettext("severity", "minor"),
        "major": pgettext("severity", "major"),
    }[found.severity]


class EngagementList(ReadOnlyList):
    heading = _l("Verifications")
    says = _l("What independent verifiers look into before a lot is certified, and what they found.")
    empty = _l("No engagement was opened yet.")
    place = "verifications"
    list_display = ("number", "verifier_", "methodology_", "vintage_", "through_", "step_", "conclusion_")
    ordering = ("-id",)
    list_select_related = ("verifier", "statement")
    numbers = (4,)
    exported: ClassVar = [
        ("engagement", lambda row: row.pk),
        ("verifier", lambda row: row.verifier.code),
        ("methodology", lambda row: row.methodology),
        ("vintage", lambda row: row.vintage),
        ("through", lambda row: row.through),
        ("step", step_of),
        ("opened_at", lambda row: row.opened_at),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Open an engagement"), reverse("console:verification_open"))] if request.may_act else []

    @display(description=_l("Engagement"), ordering="id")
    def number(self, row: Engagement) -> int:
        return row.pk

    @display(description=_l("Verifier"))
    def verifier_(self, row: Engagement) -> str:
        return row.verifier.name(get_language() or "")

    @display(description=_l("Methodology"), ordering="methodology")
    def methodology_(self, row: Engagement) -> Any:
        return names.methodology(row.methodology)

    @display(description=_l("Vintage"), ordering="vintage")
    def vintage_(self, row: Engagement) -> int:
        return row.vintage

    @display(description=_l("Through"), ordering="through")
    def through_(self, row: Engagement) -> Any:
        return cells.day(row.through)

    @display(description=_l("State"))
    def step_(self, row: Engagement) -> Any:
        return _step(row)

    @display(description=_l("Conclusion"))
    def conclusion_(self, row: Engagement) -> Any:
        return _conclusion(row)

    def page(self, request: ConsoleRequest, found: Engagement) -> dict[str, Any]:
        rows = list(found.findings.order_by("number").prefetch_related("steps"))
        waits = [one for one in rows if state_of(list(one.steps.all())) in ("raised", FindingStep.RETURNED)]
        return {
            "title": _("Engagement %(number)s") % {"number": found.pk},
            "eyebrow": _("Verification"),
            "facts": [
                (_("Verifier"), found.verifier.name(get_language() or "")),
                (_("State"), _step(found)),
                (_("Conclusion"), _conclusion(found)),
                (_("Methodology"), names.methodology(found.methodology)),
                (_("Vintage"), found.vintage),
                (_("Through"), cells.day(found.through)),
                (_("Data"), cells.code(found.data_digest)),
                *_published(found),
            ],
            "tables": [_findings(rows)],
            "tools": [
                (
                    _("Answer finding %(number)s") % {"number": one.number},
                    reverse("console:finding_answer", args=[found.pk, one.number]),
                )
                for one in waits
                if request.may_act
            ],
        }


def _published(found: Engagement) -> list[tuple[Any, Any]]:
    """What of the plan is published before the draw."""
    if not hasattr(found, "plan"):
        return []
    plan = found.plan
    return [
        (_("Plan"), cells.code(plan.digest)),
        (_("Digest of the verifier's nonce"), cells.code(plan.nonce_digest)),
        (_("The platform's nonce"), cells.code(plan.platform_nonce)),
        (_("Published at"), cells.moment(plan.committed_at)),
        (_("Acts to examine"), cells.count(plan.size)),
    ]


def _findings(rows: list[Finding]) -> Table:
    headers = [
        _("Finding"),
        _("Severity"),
        _("State"),
        _("What is wrong"),
        _("Corrective action asked for"),
        _("Last said"),
    ]
    shown = []
    for one in rows:
        steps = sorted(one.steps.all(), key=lambda step: step.sequence)
        last = cells.words(steps[-1].text) if steps else cells.NOTHING
        shown.append(
            [one.number, _severity(one), _state(one), cells.words(one.text), cells.words(one.asked), last]
        )
    return Table(headers, shown, caption=_("Findings"), empty=_("Nothing was found wrong so far."))


class NewEngagement(forms.Form):
    """What is to be verified, and by whom."""

    methodology = forms.ChoiceField(label=_l("Methodology"))
    through = forms.DateField(label=_l("Through"), widget=DayInput())
    verifier = forms.ChoiceField(label=_l("Verifier"))

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        known = sorted({methodology for methodology, _, _ in pending()})
        self.fields["methodology"].choices = [(one, one) for one in known]  # type: ignore[attr-defined]
        verifiers = Organisation.objects.filter(kind=Organisation.VERIFIER).order_by("code")
        language = get_language() or ""
        self.fields["verifier"].choices = [(one.code, one.name(language)) for one in verifiers]  # type: ignore[attr-defined]


class OpenEngagement(VerbPage):
    title = _l("Open an engagement")
    says = _l(
        "An independent verifier is asked to look into a lot that you want to certify: the closes that stand through a "
        "day are frozen under one digest. What the verifier signs decides whether the lot can be certified."
    )
    button = _l("Open")
    form_class = NewEngagement

    def initial(self, **named: Any) -> dict[str, Any]:
        last = Manifest.objects.order_by("-day").values_list("day", flat=True).first()
        return {"through": last or timezone.localdate()}

    def do(self, form: Any, **named: Any) -> str:
        given, at = form.cleaned_data, utc_now()
        code, version = key_parts(given["methodology"])
        proposal = Proposal(
            key=str(uuid4()),
            methodology=code,
            version=version,
            vintage=given["through"].year,
            through=given["through"],
            operator=os.environ.get(OPERATOR) or self.request.organisation.name_en,
            opened_by="operator",
            at=at,
        )
        made = engage(proposal, get_organisation(given["verifier"]), jurisdiction())
        record(self.request, "verification.opened", at=at, object_kind="engagement", object_key=made.pk)
        self.say(_("The engagement is open, and the verifier sees it."))
        return reverse("console:verification_engagement_change", args=[made.pk])


class Answering(forms.Form):
    """What was done about a finding."""

    text = forms.CharField(
        label=_l("Answer"),
        help_text=_l(
            "What was corrected, and where it shows. The verifier closes the finding or gives it back."
        ),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class AnswerFinding(VerbPage):
    title = _l("Answer a finding")
    says = _l(
        "Your answer goes to the verifier and stays as it is. The verifier decides whether it is enough."
    )
    button = _l("Answer")
    form_class = Answering

    def facts(self, *, number: int, finding: int) -> list[tuple[Any, Any]]:
        found = get_finding(get_engagement(number), finding)
        return [
            (_("Finding"), found.number),
            (_("Severity"), _severity(found)),
            (_("What is wrong"), cells.words(found.text)),
            (_("Corrective action asked for"), cells.words(found.asked)),
        ]

    def do(self, form: Any, *, number: int, finding: int) -> str:
        at = utc_now()
        step(number, finding, FindingStep.ANSWERED, form.cleaned_data["text"], by=self.request.user, at=at)
        record(
            self.request,
            "verification.finding_answered",
            at=at,
            object_kind="engagement",
            object_key=number,
            facts={"finding": finding},
        )
        self.say(_("The answer is with the verifier."))
        return reverse("console:verification_engagement_change", args=[number])
