"""Double counting: the exclusion register, rows of other registries, and what of theirs may be ours."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.console import cells
from tanpuhui.console.cells import Table
from tanpuhui.console.columns import Col, ColumnList
from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.registry.conflicts import EXACT, scan
from tanpuhui.registry.conflicts import review as look_at


class ExclusionList(ColumnList):
    heading = _l("Exclusion register")
    says = _l(
        "What emissions trading, CCER or green certificates cover: it is not certified here. Of lines about the same "
        "thing the newest counts. Files come in with 'tanpuhui registry exclude import'."
    )
    empty = _l("The register is empty.")
    place = "exclusions"
    search_fields = ("kind", "key", "market", "clause", "source")
    search_help_text = _l("Kind, key, market, clause or source")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("kind", _l("Kind"), cells.code),
        Col("key", _l("Key"), cells.code),
        Col("market", _l("Market"), cells.code),
        Col("first_day", _l("From"), cells.day),
        Col("last_day", _l("To"), cells.day),
        Col("clause", _l("Clause")),
        Col("source", _l("Source")),
        Col("provider", _l("Provider"), is_detail=True),
        Col("file", _l("File"), cells.code, is_detail=True),
        Col("line", _l("Line"), cells.count, is_detail=True),
        Col("imported_at", _l("Imported at"), cells.moment, is_detail=True),
    )


class ForeignUnitList(ColumnList):
    heading = _l("Units of other registries")
    says = _l(
        "Rows of other registries' files, to be compared with our lots. "
        "Files come in with 'tanpuhui registry conflicts import'."
    )
    empty = _l("No file of another registry was imported.")
    place = "foreign-units"
    search_fields = ("registry", "project", "name", "methodology", "serials")
    search_help_text = _l("Registry, project, methodology or serial number")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("registry", _l("Registry")),
        Col("project", _l("Project"), cells.code),
        Col("name", _l("Name")),
        Col("sector", _l("Sector")),
        Col("first_day", _l("From"), cells.day),
        Col("last_day", _l("To"), cells.day),
        Col("methodology", _l("Methodology"), cells.code, is_detail=True),
        Col("serials", _l("Serial numbers"), cells.code, is_detail=True),
        Col("file", _l("File"), cells.code, is_detail=True),
        Col("line", _l("Line"), cells.count, is_detail=True),
    )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        del request
        return [(_("Conflicts"), reverse("console:conflicts"))]


def conflicts(request: ConsoleRequest) -> HttpResponse:
    """Every lot that another registry seems to count too, the exact ones first."""
    rows = []
    for one in scan():
        state = cells.state("good", _("reviewed")) if one.review else _severity(one.severity)
        action = (
            cells.words(one.review.reason)
            if one.review
            else cells.link(_("Review"), "conflict_review", one.id)
            if request.may_act
            else cells.NOTHING
        )
        theirs = cells.beside(one.foreign.registry, cells.code(one.foreign.project))
        rows.append([state, cells.code(one.ours.name), theirs, _reason(one.reason), action])
    table = Table(
        [_("State"), _("Ours"), _("Theirs"), _("Why"), _("Review")],
        rows,
        caption=_("What may be counted twice"),
        empty=_("Nothing of another registry's looks like ours."),
    )
    return draw(
        request,
        "detail",
        title=_("Conflicts"),
        eyebrow=_("Double counting"),
        lead=_(
            "An exact conflict stops certification until somebody says why it is none; a possible one is a hint."
        ),
        tables=[table],
    )


def _severity(severity: str) -> Any:
    return cells.state("bad", _("exact")) if severity == EXACT else cells.state("busy", _("possible"))


def _reason(reason: str) -> str:
    return {
        "same serial numbers": _("same serial numbers"),
        "same project of origin": _("same project of origin"),
        "same methodology, place and period": _("same methodology, place and period"),
        "same sector and country, overlapping dates": _("same sector and country, overlapping dates"),
    }.get(reason, reason)


class ReviewConflict(VerbPage):
    title = _l("Review a conflict")
    says = _l(
        "You say why it is none, after looking at both sides. It is said once and kept; the verifier reads it."
    )
    button = _l("It is none")
    form_class: ClassVar[type[forms.Form]] = Reasoned

    def facts(self, *, conflict: str) -> list[tuple[Any, Any]]:
        found = next((one for one in scan() if one.id == conflict), None)
        if found is None:
            return [(_("Conflict"), cells.code(conflict))]
        return [
            (_("Ours"), cells.code(found.ours.name)),
            (_("Registry"), found.foreign.registry),
            (_("Project"), cells.code(found.foreign.project)),
            (_("Why"), _reason(found.reason)),
            (_("Severity"), _severity(found.severity)),
        ]

    def do(self, form: Any, *, conflict: str) -> str:
        at, reason = utc_now(), form.cleaned_data["reason"]
        reviewer = f"{self.request.organisation.code}:{self.request.user.pk}"
        look_at(conflict, reason=reason, reviewer=reviewer, jurisdiction=jurisdiction(), at=at)
        record(
            self.request,
            "conflict.reviewed",
            at=at,
            object_kind="conflict",
            object_key=conflict,
            reason=reason,
        )
        self.say(_("Reviewed."))
        return reverse("console:conflicts")
