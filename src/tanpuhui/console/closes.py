"""Closes: days that are due, closes with what they read and wrote, and closing, reopening and replaying them."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import AuditEntry
from tanpuhui.close.due import Due, due
from tanpuhui.close.inputs import standing_manifest
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.run import refuse_unfit_day
from tanpuhui.console import cells, four_eyes, jobs, names
from tanpuhui.console.answers import outcomes
from tanpuhui.console.cells import Table
from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest, request_id
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.console.people import name_of
from tanpuhui.console.refusals import BadDay, NotClosed
from tanpuhui.console.verb import VerbPage
from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.moment import utc_now

FILES_SHOWN = 200


def due_days() -> list[Due]:
    """The days that are due now."""
    return due(utc_now(), jurisdiction().zone, places())


def due_table(request: ConsoleRequest, days: list[Due]) -> Table:
    """Days with why they are due, and the way to close them."""
    rows = [
        [
            cells.day(each.day),
            cells.due_reason(each.reason),
            cells.link(cells.code(each.lot), "registry_lot_change", each.lot) if each.lot else cells.NOTHING,
            _way(each) if request.may_act else cells.NOTHING,
        ]
        for each in days
    ]
    return Table(
        [_("Day"), _("Why"), _("Certified in lot"), _("What to do")],
        rows,
        caption=_("Days due"),
        empty=_("Every day that is over has been closed, and has seen all there is."),
    )


def _way(each: Due) -> Any:
    if each.lot:
        return cells.link(_("Reopen %(day)s") % {"day": each.day}, "close_reopen", each.day.isoformat())
    return cells.link(_("Close %(day)s") % {"day": each.day}, "close_day", each.day.isoformat())


def due_page(request: ConsoleRequest) -> HttpResponse:
    """Days that need to be closed, for the first time or again, and why."""
    return draw(request, "detail", title=_("Days due"), tables=[due_table(request, due_days())])


def manifest_json(request: ConsoleRequest, digest: str) -> HttpResponse:
    """The manifest in the form whose SHA-256 is its digest, for whoever computes it again."""
    del request
    manifest = get_object_or_404(Manifest, digest=digest)
    answer = HttpResponse(canonical_json(manifest.body), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="manifest-{manifest.day}-{manifest.sequence}.json"'
    return answer


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadDay(given=text) from error


class CloseDay(VerbPage):
    title = _l("Close a day")
    says = _l(
        "Its records become reductions in residents' accounts. If it was closed before, the difference is posted; if "
        "nothing has changed, nothing happens."
    )
    button = _l("Close the day")

    #: A close needs no reason: it is the day's work.
    form_class = forms.Form

    def facts(self, *, day: str) -> list[tuple[Any, Any]]:
        standing = standing_manifest(_day(day))
        closed = cells.count(standing.sequence) if standing else _("never")
        return [(_("Day"), cells.day(_day(day))), (_("Closed so far"), closed)]

    def do(self, form: Any, *, day: str) -> str:
        del form
        wanted, at = _day(day), utc_now()
        refuse_unfit_day(wanted, at, jurisdiction())
        job = jobs.ask(
            "close.day",
            {"day": wanted.isoformat()},
            by=self.request.user,
            organisation=self.request.organisation,
            at=at,
            request_id=request_id(self.request),
        )
        return reverse("console:console_job_change", args=[job.pk])


class ReopenDay(VerbPage):
    title = _l("Close a certified day again")
    says = _l(
        "A lot has certified some of this day. What is added waits for the next lot; what is taken back is owed and "
        "comes off it. A colleague must agree; then it is done."
    )
    button = _l("Ask a colleague")
    takes_two = True

    def facts(self, *, day: str) -> list[tuple[Any, Any]]:
        wanted = _day(day)
        lots = FrozenDay.objects.filter(day=wanted).values_list("lot", flat=True).distinct()
        return [(_("Day"), cells.day(wanted)), (_("Lots"), ", ".join(lots) or cells.NOTHING)]

    def do(self, form: Any, *, day: str) -> str:
        wanted, at = _day(day), utc_now()
        if standing_manifest(wanted) is None:
            raise NotClosed(day=wanted)
        refuse_unfit_day(wanted, at, jurisdiction(), reopen=True)
        approval = four_eyes.ask(
            self.request,
            "close.reopen",
            {"day": wanted.isoformat()},
            reason=form.cleaned_data["reason"],
            at=at,
        )
        self.say(_("A colleague was asked. It is done when they agree."))
        return reverse("console:access_approval_change", args=[approval.pk])


class ReplayClose(VerbPage):
    title = _l("Replay a close")
    says = _l(
        "The close is computed again from what its manifest names, and compared to the milligram. Nothing is posted; "
        "the result is kept in the audit trail."
    )
    button = _l("Replay")
    form_class = forms.Form

    def facts(self, *, digest: str) -> list[tuple[Any, Any]]:
        manifest = get_object_or_404(Manifest, digest=digest)
        return [(_("Day"), cells.day(manifest.day)), (_("Manifest"), cells.code(manifest.digest))]

    def do(self, form: Any, *, digest: str) -> str:
        del form
        job = jobs.ask(
            "close.replay",
            {"manifest": get_object_or_404(Manifest, digest=digest).digest},
            by=self.request.user,
            organisation=self.request.organisation,
            at=utc_now(),
            request_id=request_id(self.request),
        )
        return reverse("console:console_job_change", args=[job.pk])


class CloseList(ReadOnlyList):
    heading = _l("Closes")
    says = _l("Every close of every day, by its manifest: what it read and what came of it, named by digest.")
    empty = _l("No day was closed yet.")
    place = "closes"
    list_display = ("day_", "sequence_", "activities_", "credited", "posted", "manifest")
    search_fields = ("digest__startswith", "day")
    search_help_text = _l("Day (2026-03-02), or the beginning of a digest (sha256:…)")
    date_hierarchy = None
    ordering = ("-day", "-sequence")
    numbers = (1, 2, 3)
    exported: ClassVar = [
        ("day", lambda row: row.day),
        ("sequence", lambda row: row.sequence),
        ("manifest", lambda row: row.digest),
        ("records", lambda row: row.activities),
        ("credited_mg", lambda row: row.credited_mg),
        ("posted_at", lambda row: row.posted_at),
    ]

    @display(description=_l("Day"), ordering="day")
    def day_(self, row: Manifest) -> str:
        return row.day.isoformat()

    @display(description=_l("Close of this day"), ordering="sequence")
    def sequence_(self, row: Manifest) -> str:
        return cells.count(row.sequence)

    @display(description=_l("Records"), ordering="activities")
    def activities_(self, row: Manifest) -> str:
        return cells.count(row.activities)

    @display(description=_l("Credited"), ordering="credited_mg")
    def credited(self, row: Manifest) -> Any:
        return cells.mass(row.credited_mg)

    @display(description=_l("Posted at"), ordering="posted_at")
    def posted(self, row: Manifest) -> Any:
        return cells.moment(row.posted_at)

    @display(description=_l("Manifest"))
    def manifest(self, row: Manifest) -> Any:
        return cells.code(row.digest)

    def page(self, request: ConsoleRequest, found: Manifest) -> dict[str, Any]:
        inputs, stands = found.body["inputs"], standing_manifest(found.day) == found
        lots = list(FrozenDay.objects.filter(day=found.day).values_list("lot", flat=True).distinct())
        tools = [(_("Manifest as JSON"), reverse("console:close_json", args=[found.digest]))]
        if request.may_act:
            tools.append((_("Replay"), reverse("console:close_replay", args=[found.digest])))
            name, text = (
                ("close_reopen", _("Reopen the day")) if lots else ("close_day", _("Close the day again"))
            )
            tools.append((text, reverse(f"console:{name}", args=[found.day.isoformat()])))
        previous = found.body["previous"]
        return {
            "title": _("%(day)s, close %(sequence)s") % {"day": found.day, "sequence": found.sequence},
            "eyebrow": _("Manifest"),
            "facts": [
                (
                    _("State"),
                    cells.state("good", _("stands"))
                    if stands
                    else cells.state("plain", _("a later close stands")),
                ),
                (_("Manifest"), cells.whole(found.digest)),
                (_("As of"), cells.moment(found.as_of)),
                (_("Program"), cells.code(found.body["code"])),
                (_("Records"), cells.count(found.activities)),
                (_("Credited"), cells.mass(found.credited_mg)),
                (
                    _("Follows"),
                    cells.link(cells.code(previous), "close_manifest_change", previous)
                    if previous
                    else cells.NOTHING,
                ),
                (_("Certified in lot"), ", ".join(lots) or cells.NOTHING),
            ],
            "tables": [
                outcomes(found.body["outcomes"]),
                _methodologies(inputs),
                _evidence(inputs),
                _frozen(inputs),
                _outputs(found.body["outputs"]),
                trail("manifest", found.digest),
            ],
            "tools": tools,
        }


def _methodologies(inputs: dict[str, Any]) -> Table:
    rows = [
        [
            names.methodology(f"{each['code']}@{each['version']}"),
            each["factors_of"],
            cells.code(each["digest"]),
        ]
        for each in inputs["methodologies"]
    ]
    rows.append(
        [
            cells.code(inputs["jurisdiction"]["code"]),
            cells.NOTHING,
            cells.code(inputs["jurisdiction"]["digest"]),
        ]
    )
    headers = [_("Rule"), _("Factors of"), _("Digest")]
    return Table(headers, rows, caption=_("Inputs: rules"))


def _evidence(inputs: dict[str, Any]) -> Table:
    files = [*inputs["evidence"], *inputs["revisions"]]
    rows = [
        [
            each.get("day", cells.NOTHING),
            each.get("bucket", cells.NOTHING),
            cells.count(each.get("rows")),
            cells.code(each["digest"]),
        ]
        for each in files[:FILES_SHOWN]
    ]
    caption = _("Inputs: evidence, %(count)s files") % {"count": cells.count(len(files))}
    headers = [_("Day"), _("Bucket"), _("Rows"), _("Digest")]
    return Table(headers, rows, caption=caption, empty=_("None."), numbers=(1, 2))


def _frozen(inputs: dict[str, Any]) -> Table:
    parts = {
        "grants": _("grants"),
        "resolved": _("records of people linked later"),
        "prior": _("credits of the year"),
        "standing": _("results that stood"),
    }
    rows = [
        [text, bucket, cells.code(digest)]
        for name, text in parts.items()
        for bucket, digest in sorted(inputs[name].items(), key=lambda item: int(item[0]))
    ]
    rows.append([_("distances"), cells.NOTHING, cells.code(inputs["distances"])])
    headers = [_("What"), _("Bucket"), _("Digest")]
    return Table(headers, rows, caption=_("Inputs: frozen from the database"), numbers=(1,))


def _outputs(outputs: list[dict[str, Any]]) -> Table:
    rows = [
        [
            each["bucket"],
            cells.count(each["rows"]),
            cells.mass(each["credited_mg"]),
            cells.code(each["digest"]),
            cells.code(each["results"]),
            cells.code(each["credits"]),
        ]
        for each in outputs
    ]
    headers = [_("Bucket"), _("Records"), _("Credited"), _("Digest"), _("Results"), _("Credits")]
    return Table(headers, rows, caption=_("Outputs"), empty=_("None."), numbers=(0, 1, 2))


def trail(object_kind: str, object_key: str, most: int = 20) -> Table:
    """What was done to one thing, newest first."""
    found = AuditEntry.objects.filter(object_kind=object_kind, object_key=object_key).select_related("who")
    rows = [
        [
            cells.link(entry.pk, "access_auditentry_change", entry.pk),
            cells.moment(entry.at),
            name_of(entry.who),
            cells.code(entry.verb),
            entry.reason or cells.NOTHING,
        ]
        for entry in found.order_by("-id")[:most]
    ]
    headers = [_("Entry"), _("At"), _("Who"), _("What"), _("Reason")]
    return Table(headers, rows, caption=_("Audit trail"), empty=_("Nothing was done yet."))
