"""Control: approvals, jobs and the audit trail."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.admin import DateFieldListFilter, display
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Approval, AuditEntry
from tanpuhui.access.refusals import UnknownApproval
from tanpuhui.console import cells, four_eyes, jobs
from tanpuhui.console.answers import shown
from tanpuhui.console.cells import Table
from tanpuhui.console.guard import ConsoleRequest, request_id
from tanpuhui.console.kinds import KINDS, about, title_of
from tanpuhui.console.lists import Choices, ReadOnlyList, choice_filter
from tanpuhui.console.models import Job
from tanpuhui.console.people import name_of
from tanpuhui.console.verb import VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal


def written(value: Any) -> str:
    """Facts as text, with names and values in order."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def arguments_table(arguments: dict[str, Any]) -> Table:
    """What is asked for, to the letter."""
    rows = [[cells.code(name), value] for name, value in sorted(arguments.items())]
    return Table([_("Name"), _("Value")], rows, caption=_("Exactly this"), empty=_("None."))


def approval_state(approval: Approval) -> Any:
    """Where a question is: open, agreed to, denied, used or lapsed."""
    if approval.used_at is not None:
        return cells.state("good", _("agreed and used"))
    if approval.decision == Approval.NO:
        return cells.state("bad", _("denied"))
    if approval.expires_at <= utc_now():
        return cells.state("plain", _("lapsed"))
    if approval.decision == Approval.YES:
        return cells.state("good", _("agreed"))
    return cells.state("busy", _("waits for a colleague"))


class ApprovalList(ReadOnlyList):
    heading = _l("Approvals")
    says = _l(
        "What mints, cancels or reveals takes two: one asks for exactly this, another decides, and it is done once."
    )
    empty = _l("Nobody asked for anything.")
    place = "approvals"
    list_display = ("what", "about_", "asker", "asked", "state", "decider")
    list_filter = (
        choice_filter(
            _l("decision"),
            "open",
            lambda: [("True", _l("not decided yet")), ("False", _l("decided"))],
            "decided_at__isnull",
        ),
        choice_filter(
            _l("what"), "verb", lambda: [(verb, known.title) for verb, known in four_eyes.VERBS.items()]
        ),
    )
    list_select_related = ("asked_by", "decided_by")
    ordering = ("-asked_at",)
    exported: ClassVar = [
        ("approval", lambda row: row.pk),
        ("verb", lambda row: row.verb),
        ("arguments", lambda row: written(row.arguments)),
        ("reason", lambda row: row.reason),
        ("asked_by", lambda row: name_of(row.asked_by)),
        ("asked_at", lambda row: row.asked_at),
        ("decision", lambda row: row.decision),
        ("decided_by", lambda row: name_of(row.decided_by) if row.decided_by else ""),
        ("decided_at", lambda row: row.decided_at),
        ("decision_reason", lambda row: row.decision_reason),
        ("used_at", lambda row: row.used_at),
    ]

    @display(description=_l("What"), ordering="verb")
    def what(self, row: Approval) -> str:
        return four_eyes.title_of(row.verb)

    @display(description=_l("About"))
    def about_(self, row: Approval) -> Any:
        return cells.code(about(row.verb, row.arguments)[1])

    @display(description=_l("Asked by"), ordering="asked_by")
    def asker(self, row: Approval) -> str:
        return name_of(row.asked_by)

    @display(description=_l("Asked at"), ordering="asked_at")
    def asked(self, row: Approval) -> Any:
        return cells.moment(row.asked_at)

    @display(description=_l("State"))
    def state(self, row: Approval) -> Any:
        return approval_state(row)

    @display(description=_l("Decided by"), ordering="decided_by")
    def decider(self, row: Approval) -> str:
        return name_of(row.decided_by) if row.decided_by else cells.NOTHING

    def page(self, request: ConsoleRequest, found: Approval) -> dict[str, Any]:
        job = Job.objects.filter(approval=found).first()
        is_open = found.decided_at is None and found.expires_at > utc_now()
        is_mine = found.asked_by_id == request.user.pk
        tools, lead = [], ""
        if is_open and request.may_act and not is_mine:
            for name, text in (("approval_agree", _("Agree")), ("approval_deny", _("Deny"))):
                tools.append((text, reverse(f"console:{name}", args=[found.pk])))
        if is_open and is_mine:
            lead = _("You asked for this yourself; a colleague must decide.")
        can_look = found.decision == Approval.YES and found.used_at is None and is_mine and request.may_act
        if can_look and found.verb == four_eyes.REVEAL:
            place = [found.arguments["account"], found.pk]
            tools.append((_("See who it is"), reverse("console:account_identity_open", args=place)))
        return {
            "title": four_eyes.title_of(found.verb),
            "eyebrow": _("Approval"),
            "lead": lead,
            "facts": [
                (_("State"), approval_state(found)),
                (_("Reason"), found.reason),
                (_("Asked by"), name_of(found.asked_by)),
                (_("Asked at"), cells.moment(found.asked_at)),
                (_("Good until"), cells.moment(found.expires_at)),
                (_("Decided by"), name_of(found.decided_by) if found.decided_by else cells.NOTHING),
                (_("Decided at"), cells.moment(found.decided_at)),
                (_("Reason of the decision"), found.decision_reason or cells.NOTHING),
                (_("Used at"), cells.moment(found.used_at)),
                (_("Digest"), cells.code(found.digest)),
                (
                    _("Job"),
                    cells.link(job.pk, "console_job_change", job.pk) if job else cells.NOTHING,
                ),
            ],
            "tables": [arguments_table(found.arguments)],
            "tools": tools,
        }


class Decide(VerbPage):
    """Agree or not, with the reason, to exactly what was asked."""

    yes: ClassVar[bool]
    takes_two = True

    def facts(self, *, approval: UUID) -> list[tuple[Any, Any]]:
        found = Approval.objects.select_related("asked_by").filter(pk=approval).first()
        if found is None:
            raise UnknownApproval
        arguments = [(cells.code(name), value) for name, value in sorted(found.arguments.items())]
        return [
            (_("What"), four_eyes.title_of(found.verb)),
            (_("Asked by"), name_of(found.asked_by)),
            (_("Reason"), found.reason),
            *arguments,
        ]

    def do(self, form: Any, *, approval: UUID) -> str:
        reason = form.cleaned_data["reason"]
        job = four_eyes.decide(self.request, approval, yes=self.yes, reason=reason, at=utc_now())
        self.say(_("Your decision is recorded."))
        if job is not None:
            return reverse("console:console_job_change", args=[job.pk])
        return reverse("console:access_approval_change", args=[approval])


class Agree(Decide):
    yes = True
    title = _l("Agree")
    says = _l("You agree to exactly this, and nothing else. What changes something is begun at once.")
    button = _l("Agree")


class Deny(Decide):
    yes = False
    title = _l("Deny")
    says = _l("Nothing is done. Whoever asked may ask again, for the same or for something else.")
    button = _l("Deny")


def job_state(job: Job) -> Any:
    """Where a job is, as a badge."""
    tones = {Job.QUEUED: "plain", Job.RUNNING: "busy", Job.DONE: "good", Job.FAILED: "bad"}
    return cells.state(tones[job.state], job.get_state_display())


def refusal_of(stored: dict[str, Any]) -> str:
    """The sentence of a refusal that was stored, in the reader's language where its facts still fit."""
    kinds, left = {}, [Refusal]
    while left:
        kind = left.pop()
        kinds[kind.code] = kind
        left += kind.__subclasses__()
    kind = kinds.get(stored["code"], Refusal)
    try:
        return (
            _(kind.on_page or kind.message).format(**stored["facts"])
            if kind is not Refusal
            else str(stored["message"])
        )
    except (KeyError, ValueError, TypeError):
        return str(stored["message"])


class JobList(ReadOnlyList):
    heading = _l("Jobs")
    says = _l("Work that takes longer than a page may: who asked for it, and what came of it.")
    empty = _l("Nothing was asked for yet.")
    place = "jobs"
    list_display = ("number", "what", "about_", "state_", "asker", "asked", "ended")
    list_filter = (
        choice_filter(_l("state"), "state", lambda: Job.STATES),
        choice_filter(
            _l("kind of work"), "kind", lambda: [(kind, known.title) for kind, known in KINDS.items()]
        ),
    )
    list_select_related = ("asked_by",)
    ordering = ("-id",)
    exported: ClassVar = [
        ("job", lambda row: row.pk),
        ("kind", lambda row: row.kind),
        ("arguments", lambda row: written(row.arguments)),
        ("state", lambda row: row.state),
        ("asked_by", lambda row: name_of(row.asked_by)),
        ("asked_at", lambda row: row.asked_at),
        ("ended_at", lambda row: row.ended_at),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Check the ledger"), reverse("console:ledger_check"))] if request.may_act else []

    @display(description=_l("Job"), ordering="id")
    def number(self, row: Job) -> int:
        return row.pk

    @display(description=_l("What"), ordering="kind")
    def what(self, row: Job) -> str:
        return title_of(row.kind)

    @display(description=_l("About"))
    def about_(self, row: Job) -> Any:
        key = about(row.kind, row.arguments)[1]
        return cells.code(key) if key else cells.NOTHING

    @display(description=_l("State"), ordering="state")
    def state_(self, row: Job) -> Any:
        return job_state(row)

    @display(description=_l("Asked by"), ordering="asked_by")
    def asker(self, row: Job) -> str:
        return name_of(row.asked_by)

    @display(description=_l("Asked at"), ordering="asked_at")
    def asked(self, row: Job) -> Any:
        return cells.moment(row.asked_at)

    @display(description=_l("Ended at"), ordering="ended_at")
    def ended(self, row: Job) -> Any:
        return cells.moment(row.ended_at)

    def page(self, request: ConsoleRequest, found: Job) -> dict[str, Any]:
        facts, tables = shown(found)
        refusal = refusal_of(found.answer) if found.state == Job.FAILED else None
        return {
            "title": title_of(found.kind),
            "eyebrow": _("Job %(number)s") % {"number": found.pk},
            "is_waiting": found.state in Job.OPEN,
            "stored_refusal": refusal,
            "facts": [
                (_("State"), job_state(found)),
                (_("Asked by"), name_of(found.asked_by)),
                (_("Asked at"), cells.moment(found.asked_at)),
                (_("Begun at"), cells.moment(found.started_at)),
                (_("Ended at"), cells.moment(found.ended_at)),
                *([(_("Reason"), found.reason)] if found.reason else []),
                *facts,
            ],
            "tables": [*tables, arguments_table(found.arguments)],
        }


class CheckLedger(VerbPage):
    title = _l("Check the ledger")
    says = _l(
        "Every invariant is checked on what is stored now, and what was issued is compared with closes and lots. "
        "Nothing is changed."
    )
    button = _l("Check")
    form_class = forms.Form

    def do(self, form: Any, **named: Any) -> str:
        del form, named
        job = jobs.ask(
            "ledger.check",
            {},
            by=self.request.user,
            organisation=self.request.organisation,
            at=utc_now(),
            request_id=request_id(self.request),
        )
        return reverse("console:console_job_change", args=[job.pk])


def _verbs() -> Choices:
    found = AuditEntry.objects.order_by("verb").values_list("verb", flat=True).distinct()
    return [(verb, verb) for verb in found]


def _object_kinds() -> Choices:
    found = AuditEntry.objects.exclude(object_kind="").order_by("object_kind")
    return [(kind, kind) for kind in found.values_list("object_kind", flat=True).distinct()]


class AuditList(ReadOnlyList):
    heading = _l("Audit trail")
    says = _l("Who did what, to what, and why. Entries are only added: the database refuses everything else.")
    empty = _l("Nothing was done yet.")
    place = "audit"
    list_display = ("number", "at_", "who_", "verb_", "object_", "reason_")
    list_filter = (
        ("at", DateFieldListFilter),
        choice_filter(_l("what"), "verb", _verbs),
        choice_filter(_l("kind of object"), "object_kind", _object_kinds),
    )
    search_fields = ("=object_key", "verb", "reason", "=request_id")
    search_help_text = _l("Object, verb, reason or number of a request")
    list_select_related = ("who",)
    ordering = ("-id",)
    exported: ClassVar = [
        ("entry", lambda row: row.pk),
        ("at", lambda row: row.at),
        ("who", lambda row: name_of(row.who)),
        ("verb", lambda row: row.verb),
        ("object_kind", lambda row: row.object_kind),
        ("object_key", lambda row: row.object_key),
        ("reason", lambda row: row.reason),
        ("facts", lambda row: written(row.facts)),
        ("request_id", lambda row: row.request_id),
    ]

    @display(description=_l("Entry"), ordering="id")
    def number(self, row: AuditEntry) -> int:
        return row.pk

    @display(description=_l("At"), ordering="at")
    def at_(self, row: AuditEntry) -> Any:
        return cells.moment(row.at)

    @display(description=_l("Who"), ordering="who")
    def who_(self, row: AuditEntry) -> str:
        return name_of(row.who)

    @display(description=_l("What"), ordering="verb")
    def verb_(self, row: AuditEntry) -> Any:
        return cells.code(row.verb)

    @display(description=_l("Object"), ordering="object_key")
    def object_(self, row: AuditEntry) -> Any:
        if not row.object_kind:
            return cells.NOTHING
        return cells.code(f"{row.object_kind} {_short(row.object_key)}")

    @display(description=_l("Reason"))
    def reason_(self, row: AuditEntry) -> str:
        return row.reason or cells.NOTHING

    def page(self, request: ConsoleRequest, found: AuditEntry) -> dict[str, Any]:
        return {
            "title": _("Entry %(number)s") % {"number": found.pk},
            "eyebrow": _("Audit trail"),
            "facts": [
                (_("At"), cells.moment(found.at)),
                (_("Who"), name_of(found.who)),
                (_("What"), cells.code(found.verb)),
                (_("Object"), cells.code(f"{found.object_kind} {found.object_key}")),
                (_("Reason"), found.reason or cells.NOTHING),
                (_("Number of the request"), cells.code(found.request_id or cells.NOTHING)),
            ],
            "texts": [(_("Facts"), written(found.facts))],
        }


def _short(key: str) -> str:
    return f"{key[7:19]}…" if key.startswith("sha256:") else key
